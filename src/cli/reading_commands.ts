import { type Command, InvalidArgumentError, Option } from 'commander';
import { limits } from '../base/limits.ts';
import { type Severity, severities } from '../store/read/line_filter.ts';
import { logNames } from '../wire/log_names.ts';
import { command, count, flagsOf, jsonOption, settingsOf } from './command.ts';
import { momentOf } from './moment.ts';

/** What people read with. */
export function addReading(program: Command): void {
  addLogs(program);
  command(
    program,
    'wait',
    'Wait for a line that holds a text, and print it',
    "afterlog wait sb-1 --for 'sandbox.running' --timeout 60    # fails if it does not",
    "afterlog wait sb-1 --for 'listening on' --source app --json",
  )
    .argument('<id>', 'sandbox id; it may be yet to come')
    .requiredOption('--for <text>', 'the text, as it is; at once if a line holds it already')
    .option('--timeout <seconds>', 'not longer', count, limits.read.wait_s_default)
    .addOption(logOption())
    .option('--source <names>', 'lines of these sources only', names)
    .addOption(severityOption())
    .option('--since <time>', 'lines from then on only: 15m, 2026-11-23 20:28:51', momentOf)
    .addOption(jsonOption())
    .action(async (id, options, self) => {
      const { wait } = await import('./commands/wait.ts');
      await wait(settingsOf(self), id, options);
    });
  command(
    program,
    'search',
    'Search the lines of all sandboxes, newest first',
    "afterlog search 'connection refused' --since 2h -C 3",
    'afterlog search OOM --severity ERROR --json | jq -r .sandbox_id | sort | uniq -c',
  )
    .argument('<text>', 'what a line holds, as it is')
    .option('-C, --context <rows>', 'so many rows around each line', count, 0)
    .option('--limit <count>', 'at most so many lines', count, limits.search.lines_default)
    .option('--sandbox <id>', 'of this sandbox')
    .addOption(new Option('--log <name>', 'of this log only').choices(logNames))
    .option('--source <names>', 'lines of these sources only', names)
    .addOption(severityOption())
    .option('--since <time>', 'lines from then on: 15m, 2h30m, 3d, 2026-11-23 20:28:51', momentOf)
    .option('--until <time>', 'lines before then', momentOf)
    .addOption(new Option('--color <when>', 'colors').choices(['auto', 'always', 'never']).default('auto'))
    .addOption(jsonOption())
    .action(async (text, options, self) => {
      const { search } = await import('./commands/search.ts');
      process.exitCode = await search(settingsOf(self), text, options);
    });
  command(
    program,
    'sandboxes',
    'List sandboxes, last seen first',
    'afterlog sandboxes --limit 20',
    'afterlog sandboxes --json | jq -r \'select(.state == "deleted") | .id\'',
  )
    .option('--limit <count>', 'at most so many', count, limits.question.sandboxes_default)
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { sandboxes } = await import('./commands/sandboxes.ts');
      await sandboxes(settingsOf(self), options);
    });
  addBoots(program);
  command(
    program,
    'sql',
    'Run a query in the database',
    "afterlog sql 'SELECT source, count() FROM console_logs GROUP BY source'",
    "afterlog sql --json 'SELECT * FROM gaps ORDER BY observed_at DESC LIMIT 20'",
    'afterlog sql - < query.sql',
  )
    .argument('<query>', 'SQL; `-` reads it from stdin')
    .addOption(jsonOption())
    .action(async (query, options, self) => {
      const { sql } = await import('./commands/sql.ts');
      await sql(settingsOf(self), query, options);
    });
  command(
    program,
    'parse',
    'Show how a file’s lines are read, without a server',
    'afterlog parse console.log',
    'afterlog parse console.log --json | jq -r .source | sort | uniq -c',
  )
    .argument('<file>', 'a console.log, events.jsonl or firecracker.log')
    .addOption(jsonOption())
    .action(async (file, options) => {
      const { parse } = await import('./commands/parse.ts');
      await parse(file, options);
    });
}

function addLogs(program: Command): void {
  const logs = command(
    program,
    'logs',
    'Print a sandbox’s log, deleted or not',
    'afterlog logs sb-1                             # the last 1000 lines',
    'afterlog logs sb-1 --follow                    # and on, until it is deleted',
    'afterlog logs sb-1 --severity WARN --since 2h  # what went wrong since then',
    'afterlog logs sb-1 --source kernel,init -n 50',
    'afterlog logs sb-1 --raw > console.log         # exactly the file',
    'afterlog logs sb-1 --follow --json | jq -r \'select(.severity == "ERROR").message\'',
  ).argument('<id>', 'sandbox id');
  logs
    .optionsGroup('Which lines:')
    .addOption(logOption())
    .option(
      '-n, --tail <lines>',
      `the last lines that match (default: ${limits.read.tail_lines_default}; all with --since or --raw)`,
      count,
    )
    .option('-f, --follow', 'then the next ones as they come, until the sandbox is deleted')
    .option('--source <names>', 'of these sources, as kernel,app; may be repeated', names)
    .addOption(severityOption())
    .option('--since <time>', 'from then on: 15m, 2h30m, 3d (so long ago), 2026-11-23 20:28:51', momentOf)
    .addOption(new Option('--until <time>', 'before then').argParser(momentOf).conflicts('follow'));
  logs
    .optionsGroup('How they are shown:')
    .addOption(new Option('--color <when>', 'colors').choices(['auto', 'always', 'never']).default('auto'))
    .addOption(jsonOption().conflicts('raw'))
    .option('--raw', 'exactly the bytes of the file, escape sequences and all')
    .action(async (id, options, self) => {
      const { logs } = await import('./commands/logs.ts');
      await logs(settingsOf(self), id, options);
    });
}

const logOption = (): Option => new Option('--log <name>', 'which log').choices(logNames).default('console');

const severityOption = (): Option =>
  new Option('--severity <least>', 'this severe and worse; not of unknown severity')
    .choices(severities)
    .argParser(severity);

function addBoots(program: Command): void {
  const boots = command(
    program,
    'boots',
    'List boots: ready after how long, or why not',
    'afterlog boots --failed                # of the last 24 hours',
    'afterlog boots --since 7d --template python --limit 200',
    'afterlog boots --json | jq -r \'select(.outcome == "no_init").sandbox_id\'',
  );
  boots.optionsGroup('Which of them:').option('--failed', 'that were not ready, and will not be');
  addHappened(boots).action(async (options, self) => {
    const { boots } = await import('./commands/boots.ts');
    await boots(settingsOf(self), { ...options, host: flagsOf(self).host });
  });
  const crashes = command(
    program,
    'crashes',
    'List what crashed: causes, how often, since when, where',
    'afterlog crashes                       # of the last 24 hours, by cause',
    'afterlog crashes --new --since 1h      # what was never seen before',
    'afterlog crashes --each --title "page fault"',
    'afterlog crashes --each --sandbox sb-1 --since 30d --json',
  );
  crashes
    .optionsGroup('Which of them:')
    .option('--title <text>', 'with this text in their title')
    .option('--new', 'of causes that were never seen before --since')
    .optionsGroup('How they are shown:')
    .option('--each', 'one by one, not by cause');
  addHappened(crashes).action(async (options, self) => {
    const { crashes } = await import('./commands/crashes.ts');
    await crashes(settingsOf(self), { ...options, host: flagsOf(self).host });
  });
}

/** Options of what happened to sandboxes. */
function addHappened(made: Command): Command {
  // The setting's own flag: these commands have no host of their own to name.
  const host = made.options.find(({ long }) => long === '--host')!;
  Object.assign(host, { flags: '--host <name>', description: 'on this host', hidden: false });
  host.helpGroup('Which of them:');
  return made
    .optionsGroup('Which of them:')
    .option(
      '--since <time>',
      'from then on (default: 24h): 15m, 3d (so long ago), 2026-11-23 20:28',
      momentOf,
    )
    .option('--until <time>', 'before then', momentOf)
    .option('--template <name>', 'of this template')
    .option('--sandbox <id>', 'of this sandbox')
    .option('--limit <count>', 'at most so many', count, limits.question.boots_default)
    .optionsGroup('How they are shown:')
    .addOption(new Option('--color <when>', 'colors').choices(['auto', 'always', 'never']).default('auto'))
    .addOption(jsonOption());
}

/** Of an option that may be repeated: the names so far and those of a comma list. */
function names(text: string, before: string[] = []): string[] {
  const more = text.split(',').map((name) => name.trim());
  if (more.includes('')) throw new InvalidArgumentError('A name, or several with commas, is needed.');
  return [...before, ...more];
}

function severity(text: string): Severity {
  const found = severities.find((known) => known === text.toUpperCase());
  if (found === undefined) throw new InvalidArgumentError(`Allowed choices are ${severities.join(', ')}.`);
  return found;
}
