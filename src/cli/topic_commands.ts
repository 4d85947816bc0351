import type { Command } from 'commander';
import { limits } from '../base/limits.ts';
import { command, jsonOption, settingsOf, wholeNumber } from './command.ts';

/** Commands for the topic and its dead letters. */
export function addTopics(program: Command): void {
  addTopic(program);
  addDeadLetters(program);
}

function addTopic(program: Command): void {
  const made = command(
    program,
    'topic',
    'Show the batches in the Kafka topic, and their rows',
    'afterlog topic                           # last batches of each partition',
    'afterlog topic --sandbox sb-1 --follow   # new rows of a sandbox',
    'afterlog topic --partition 3 --offset 1200 --json',
  )
    .option('--partition <number>', 'only this partition', wholeNumber)
    .option('--offset <number>', 'from this offset on', wholeNumber)
    .option(
      '--last <count>',
      `only the last messages of each partition (default: ${limits.topic.last_default}; ` +
        `with --host or --sandbox: ${limits.topic.filtered_default})`,
      wholeNumber,
    )
    .option('--follow', 'then show new messages until Ctrl-C')
    .option('--sandbox <id>', 'only rows of this sandbox')
    .option(
      '--rows <count>',
      `rows to show per batch (default: ${limits.topic.rows_default}; with --json: all)`,
      wholeNumber,
    )
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { topic } = await import('./commands/topic.ts');
      await topic(settingsOf(self), { ...options, host: self.optsWithGlobals().host });
    });
  // --host is a setting, and so an option of every command; here it is a filter.
  const host = made.options.find(({ long }) => long === '--host')!;
  host.description = 'only batches of this host';
  host.hidden = false;
  host.helpGroup('Options:');
}

function addDeadLetters(program: Command): void {
  const dlq = command(
    program,
    'dlq',
    'List dead letters: batches that could not be stored',
    'afterlog dlq --limit 20',
  )
    .option(
      '--limit <count>',
      'list at most this many, newest first',
      wholeNumber,
      limits.topic.letters_default,
    )
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { listLetters } = await import('./commands/dlq.ts');
      await listLetters(settingsOf(self), options);
    });
  command(dlq, 'show', 'Show a dead letter, its reason and its rows', 'afterlog dlq show 0/17')
    .argument('<id>', 'id as listed by `afterlog dlq`')
    .addOption(jsonOption())
    .action(async (id, _options, self) => {
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
      const { replayLetters } = await import('./commands/dlq_replay.ts');
      process.exitCode = await replayLetters(settingsOf(self), ids, self.optsWithGlobals());
    });
}
