import { type Command, InvalidArgumentError, Option } from 'commander';
import { limits } from '../base/limits.ts';
import { type Severity, severities } from '../store/read/line_filter.ts';
import { logNames } from '../wire/log_names.ts';
import { command, flagsOf, jsonOption, settingsOf, wholeNumber } from './command.ts';
import { momentOf } from './moment.ts';

/** Commands that read logs. */
export function addReading(program: Command): void {
  addLogs(program);
  command(
    program,
    'wait',
    'Wait for a line that contains a text, and print it',
    "afterlog wait sb-1 --for 'sandbox.running' --timeout 60    # else exit code 1",
    "afterlog wait sb-1 --for 'listening on' --source app --json",
  )
    .argument('<id>', 'sandbox id; the sandbox may not exist yet')
    .requiredOption('--for <text>', 'literal text to find, in stored or new lines')
    .option('--timeout <seconds>', 'maximum time to wait', wholeNumber, limits.read.wait_s_default)
    .addOption(logOption())
    .option('--source <names>', 'only lines of these sources', names)
    .addOption(severityOption())
    .option('--since <time>', 'only lines from this time on: 15m (ago), 2026-11-23 20:28:51', momentOf)
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
    'afterlog search OOM --severity ERROR --json | jq -r .sandbox_id | sort -u',
  )
    .argument('<text>', 'literal text that the line contains')
    .option('-C, --context <rows>', 'rows to show around each line', wholeNumber, 0)
    .option('--limit <count>', 'maximum number of lines', wholeNumber, limits.search.lines_default)
    .option('--sandbox <id>', 'only this sandbox')
    .addOption(new Option('--log <name>', 'only this log').choices(logNames))
    .option('--source <names>', 'only lines of these sources', names)
    .addOption(severityOption())
    .option('--since <time>', SINCE, momentOf)
    .option('--until <time>', 'only lines before this time', momentOf)
    .addOption(colorOption())
    .addOption(jsonOption())
    .action(async (text, options, self) => {
      const { search } = await import('./commands/search.ts');
      process.exitCode = await search(settingsOf(self), text, options);
    });
  command(
    program,
    'sandboxes',
    'List sandboxes, most recently seen first',
    'afterlog sandboxes --limit 20',
    'afterlog sandboxes --json | jq -r \'select(.state == "deleted") | .id\'',
  )
    .option('--limit <count>', 'maximum number of sandboxes', wholeNumber, limits.question.sandboxes_default)
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { sandboxes } = await import('./commands/sandboxes.ts');
      await sandboxes(settingsOf(self), options);
    });
  addBoots(program);
  command(
    program,
    'sql',
    'Run an SQL query in the database; it only reads',
    "afterlog sql 'SELECT source, count() FROM console_logs GROUP BY source'",
    "afterlog sql --json 'SELECT * FROM gaps ORDER BY observed_at DESC LIMIT 20'",
    'afterlog sql - < query.sql',
    "afterlog sql --write 'OPTIMIZE TABLE marks'",
  )
    .argument('<query>', 'the SQL text, or `-` to read it from stdin')
    .option('--write', 'also run what changes data, tables or users, or has a SETTINGS clause')
    .addOption(jsonOption())
    .action(async (query, options, self) => {
      const { sql } = await import('./commands/sql.ts');
      await sql(settingsOf(self), query, options);
    });
  command(
    program,
    'parse',
    'Show how afterlog parses a file; needs no server',
    'afterlog parse console.log',
    'afterlog parse console.log --json | jq -r .source | sort | uniq -c',
  )
    .argument('<file>', 'a console.log, events.jsonl or firecracker.log')
    .addOption(jsonOption())
    .action(async (file, options, self) => {
      const { parse } = await import('./commands/parse.ts');
      await parse(file, settingsOf(self).ready, options);
    });
}

function addLogs(program: Command): void {
  const logs = command(
    program,
    'logs',
    'Print the log of a sandbox, also of a deleted one',
    'afterlog logs sb-1                             # the last 1000 lines',
    'afterlog logs sb-1 --follow                    # and new lines',
    'afterlog logs sb-1 --severity WARN --since 2h  # recent problems',
    'afterlog logs sb-1 --source kernel,init -n 50',
    'afterlog logs sb-1 --raw > console.log         # exactly the file',
    'afterlog logs sb-1 -f --json | jq -r \'select(.severity == "ERROR").message\'',
  ).argument('<id>', 'sandbox id');
  logs
    .optionsGroup('Filters:')
    .addOption(logOption())
    .option(
      '-n, --tail <lines>',
      `only the last lines (default: ${limits.read.tail_lines_default}; with --since or --raw: all)`,
      wholeNumber,
    )
    .option('-f, --follow', 'then print new lines until the sandbox is deleted')
    .option('--source <names>', 'only lines of these sources, such as kernel,app; repeatable', names)
    .addOption(severityOption())
    .option('--since <time>', SINCE, momentOf)
    .addOption(
      new Option('--until <time>', 'only lines before this time').argParser(momentOf).conflicts('follow'),
    );
  logs
    .optionsGroup('Output:')
    .addOption(colorOption())
    .addOption(jsonOption().conflicts('raw'))
    .option('--raw', 'print exactly the bytes of the file, with escape sequences')
    .action(async (id, options, self) => {
      const { logs } = await import('./commands/logs.ts');
      await logs(settingsOf(self), id, options);
    });
}

const SINCE = 'only lines from this time on: 15m, 2h30m or 3d (ago), 2026-11-23 20:28:51';

const logOption = (): Option =>
  new Option('--log <name>', 'log to read').choices(logNames).default('console');

const colorOption = (): Option =>
  new Option('--color <when>', 'use colors').choices(['auto', 'always', 'never']).default('auto');

const severityOption = (): Option =>
  new Option('--severity <least>', 'only lines known to be at least this severe')
    .choices(severities)
    .argParser(severity);

function addBoots(program: Command): void {
  const boots = command(
    program,
    'boots',
    'List boots: time to ready, or the cause of failure',
    'afterlog boots --failed                # in the last 24 hours',
    'afterlog boots --since 7d --template python --limit 200',
    'afterlog boots --json | jq -r \'select(.outcome == "no_init").sandbox_id\'',
  );
  boots.optionsGroup('Filters:').option('--failed', 'only failed boots');
  addBootCrashOptions(boots).action(async (options, self) => {
    const { boots } = await import('./commands/boots.ts');
    await boots(settingsOf(self), { ...options, host: flagsOf(self).host });
  });
  const crashes = command(
    program,
    'crashes',
    'List crashes by cause: how often, since when, where',
    'afterlog crashes                       # in the last 24 hours, by cause',
    'afterlog crashes --new --since 1h      # causes never seen before',
    'afterlog crashes --each --title "page fault"',
    'afterlog crashes --each --sandbox sb-1 --since 30d --json',
  );
  crashes
    .optionsGroup('Filters:')
    .option('--title <text>', 'only titles that contain this text')
    .option('--new', 'only causes that were never seen before --since')
    .optionsGroup('Output:')
    .option('--each', 'list each crash instead of the causes');
  addBootCrashOptions(crashes).action(async (options, self) => {
    const { crashes } = await import('./commands/crashes.ts');
    await crashes(settingsOf(self), { ...options, host: flagsOf(self).host });
  });
}

/** Options that `boots` and `crashes` share. */
function addBootCrashOptions(made: Command): Command {
  // --host is a setting, and so an option of every command; here it is a filter.
  const host = made.options.find(({ long }) => long === '--host')!;
  Object.assign(host, { flags: '--host <name>', description: 'only this host', hidden: false });
  host.helpGroup('Filters:');
  return made
    .optionsGroup('Filters:')
    .option('--since <time>', 'from this time on: 3d (ago), 2026-11-23 20:28 (default: 24h)', momentOf)
    .option('--until <time>', 'before this time', momentOf)
    .option('--template <name>', 'only this template')
    .option('--sandbox <id>', 'only this sandbox')
    .option('--limit <count>', 'maximum number of results', wholeNumber, limits.question.boots_default)
    .optionsGroup('Output:')
    .addOption(colorOption())
    .addOption(jsonOption());
}

/** Parses a repeatable option: adds the names of a comma-separated list to those before. */
function names(text: string, before: string[] = []): string[] {
  const more = text.split(',').map((name) => name.trim());
  if (more.includes('')) throw new InvalidArgumentError('Allowed: a name, or several separated by commas.');
  return [...before, ...more];
}

function severity(text: string): Severity {
  const found = severities.find((known) => known === text.toUpperCase());
  if (found === undefined) throw new InvalidArgumentError(`Allowed: ${severities.join(', ')}.`);
  return found;
}
