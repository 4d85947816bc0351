import { type Command, Option } from 'commander';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { command, jsonOption, settingsOf, wholeNumber } from './command.ts';
import { stateChoices } from './letter_state_names.ts';
import { momentOf } from './moment.ts';

/** Commands for the topic and its dead letters. */
export function addTopics(program: Command): void {
  addTopic(program);
  addDeadLetters(program);
}

function addTopic(program: Command): void {
  const made = command(
    program,
    'topic',
    'Show the batches in the Kafka topic, or follow its rows',
    'afterlog topic                             # last batches of each partition',
    'afterlog topic --sandbox sb-1 --follow     # new rows of a sandbox',
    'afterlog topic --follow --json | jq -r .message   # for other programs',
    'afterlog topic --follow --json --since 15m',
    'afterlog topic --partition 3 --offset 1200 --json',
  )
    .option('--partition <number>', 'only this partition', wholeNumber)
    .option('--offset <number>', 'from this offset on', wholeNumber)
    .option(
      '--last <count>',
      `only the last messages of each partition (default: ${limits.topic.last_default}; ` +
        `with --host or --sandbox: ${limits.topic.filtered_default}; with --follow: 0)`,
      wholeNumber,
    )
    .addOption(
      new Option('--since <time>', 'from the messages of this time on: 15m (ago), 2026-11-23 20:28:51')
        .argParser(momentOf)
        .conflicts(['offset', 'last']),
    )
    .option('--follow', 'rows instead of batches, one a line, and new ones until Ctrl-C')
    .option('--sandbox <id>', 'only rows of this sandbox')
    .addOption(
      new Option(
        '--rows <count>',
        `rows to show per batch (default: ${limits.topic.rows_default}; with --json: all)`,
      )
        .argParser(wholeNumber)
        .conflicts('follow'),
    )
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { topic } = await import('./commands/topic.ts');
      await topic(settingsOf(self), { ...options, host: self.optsWithGlobals().host });
    });
  filterByHost(made, 'only batches of this host');
}

/** --host is a setting, and so an option of every command; here it is a filter. */
function filterByHost(made: Command, description: string): void {
  const host = made.options.find(({ long }) => long === '--host')!;
  host.description = description;
  host.hidden = false;
  host.helpGroup('Options:');
}

function addDeadLetters(program: Command): void {
  const dlq = command(
    program,
    'dlq',
    'List dead letters: batches that could not be stored',
    'afterlog dlq --state open --since 2h',
    'afterlog dlq --count                       # how many, by reason',
    'afterlog dlq --reason SIGNATURE --host vm-1 --json',
  )
    .option(
      '--limit <count>',
      'list at most this many, newest first',
      wholeNumber,
      limits.topic.letters_default,
    )
    .option('--count', 'instead, count them by reason')
    .option('--reason <text>', 'only with this text in the reason or its code')
    .addOption(new Option('--state <state>', 'only in this state').choices(stateChoices))
    .option('--sandbox <id>', 'only with rows of this sandbox')
    .option('--partition <number>', 'only from this partition of the topic', wholeNumber)
    .option('--since <time>', 'only set aside since: 15m (ago), 2026-11-23 20:28', momentOf)
    .option('--until <time>', 'only set aside before this time', momentOf)
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { listLetters } = await import('./commands/dlq_list.ts');
      await listLetters(settingsOf(self), { ...options, host: self.optsWithGlobals().host });
    });
  filterByHost(dlq, 'only of this host');
  command(dlq, 'show', 'Show a dead letter, its reason and its rows', 'afterlog dlq show 0/17')
    .argument('<id>', 'id as listed by `afterlog dlq`')
    .addOption(jsonOption())
    .action(async (id, _options, self) => {
      refuseFilters(dlq);
      const { showLetter } = await import('./commands/dlq.ts');
      await showLetter(settingsOf(self), id, self.optsWithGlobals());
    });
  command(
    dlq,
    'replay',
    'Store dead letters in their place in the log',
    'afterlog dlq replay 0/17',
    'afterlog dlq replay --all',
  )
    .argument('[id...]', 'ids as listed by `afterlog dlq`')
    .option('--all', 'replay all dead letters that can be replayed')
    .addOption(jsonOption())
    .action(async (ids, _options, self) => {
      refuseFilters(dlq);
      const { replayLetters } = await import('./commands/dlq_replay.ts');
      process.exitCode = await replayLetters(settingsOf(self), ids, self.optsWithGlobals());
    });
  command(
    dlq,
    'dismiss',
    'Close dead letters that can never be replayed',
    'afterlog dlq dismiss 0/17          # shows what is lost, and asks',
    'afterlog dlq dismiss 0/17 --yes --json',
  )
    .argument('<id...>', 'ids as listed by `afterlog dlq`')
    .option('--yes', 'do not ask for confirmation')
    .addOption(jsonOption())
    .action(async (ids, _options, self) => {
      refuseFilters(dlq);
      const { dismissLetters } = await import('./commands/dlq_dismiss.ts');
      process.exitCode = await dismissLetters(settingsOf(self), ids, self.optsWithGlobals());
    });
}

/** Filters choose what is listed. A command below `dlq` would ignore them, and so do more than was meant. */
function refuseFilters(dlq: Command): void {
  const names = ['reason', 'state', 'sandbox', 'partition', 'since', 'until', 'count'];
  const given = names.find((name) => dlq.opts()[name] !== undefined);
  if (given === undefined) return;
  throw new AfterlogError('USAGE', `--${given} is for the list of dead letters only; name their ids.`);
}
