import type { Command } from 'commander';
import { limits } from '../base/limits.ts';
import { command, count, jsonOption, settingsOf } from './command.ts';

/** What looks into the topic, and after what could not land. */
export function addTopics(program: Command): void {
  addTopic(program);
  addDeadLetters(program);
}

function addTopic(program: Command): void {
  const made = command(
    program,
    'topic',
    'Show the batches that are in the topic, and their rows',
    'afterlog topic                                 # the last batches of each partition',
    'afterlog topic --sandbox sb-1 --follow         # rows of a sandbox as they come',
    'afterlog topic --partition 3 --offset 1200 --json',
  )
    .option('--partition <number>', 'only this partition', count)
    .option('--offset <number>', 'from this message on', count)
    .option(
      '--last <count>',
      `only the last messages of each partition (default: ${limits.topic.last_default}; to look for a host or ` +
        `sandbox in: ${limits.topic.filtered_default})`,
      count,
    )
    .option('--follow', 'go on with what comes, until Ctrl-C')
    .option('--sandbox <id>', 'only rows of this sandbox')
    .option(
      '--rows <count>',
      `rows shown of each batch (default: ${limits.topic.rows_default}, --json: all)`,
      count,
    )
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { topic } = await import('./commands/topic.ts');
      await topic(settingsOf(self), { ...options, host: self.optsWithGlobals().host });
    });
  // The setting of this name is an option of every command; whoever names a host here means its batches.
  const host = made.options.find(({ long }) => long === '--host')!;
  host.description = 'only batches of this host';
  host.hidden = false;
  host.helpGroup('Options:');
}

function addDeadLetters(program: Command): void {
  const dlq = command(program, 'dlq', 'List what could not land and was set aside', 'afterlog dlq --limit 20')
    .option('--limit <count>', 'at most so many, newest first', count, limits.topic.letters_default)
    .addOption(jsonOption())
    .action(async (options, self) => {
      const { listLetters } = await import('./commands/dlq.ts');
      await listLetters(settingsOf(self), options);
    });
  command(dlq, 'show', 'Show one: why it was set aside, and its rows', 'afterlog dlq show 0/17')
    .argument('<id>', 'as `afterlog dlq` lists it')
    .addOption(jsonOption())
    .action(async (id, _options, self) => {
      const { showLetter } = await import('./commands/dlq.ts');
      await showLetter(settingsOf(self), id, self.optsWithGlobals());
    });
  command(
    dlq,
    'replay',
    'Bring them to their place in the log',
    'afterlog dlq replay 0/17',
    'afterlog dlq replay --all',
  )
    .argument('[id...]', 'as `afterlog dlq` lists them')
    .option('--all', 'all that can be replayed')
    .addOption(jsonOption())
    .action(async (ids, _options, self) => {
      const { replayLetters } = await import('./commands/dlq_replay.ts');
      process.exitCode = await replayLetters(settingsOf(self), ids, self.optsWithGlobals());
    });
}
