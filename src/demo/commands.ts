import type { Examples } from './examples.ts';
import type { Row } from './row.ts';
import { shellLines } from './text.ts';

/** From so many rows on, each command has a line above it that says what it shows. */
const explained_rows = 34;

/** Commands for another terminal, each whole or not there; those that matter most come first. */
export function commandRows(examples: Examples, address: string, width: number, height: number): Row[] {
  const commands = readyCommands(examples, address);
  const shown: Row[] = [[{ text: 'In another terminal, in this folder:', style: 'strong' }]];
  for (const { what, command } of commands) {
    const lines: Row[] = shellLines(command, width).map((text) => [{ text, style: 'plain' }]);
    if (height >= explained_rows) lines.unshift([{ text: `  ${what}`, style: 'quiet' }]);
    if (shown.length + lines.length <= height) shown.push(...lines);
  }
  return shown.length > 1 ? shown : [];
}

function readyCommands(examples: Examples, address: string): { what: string; command: string }[] {
  const { deleted, running } = examples;
  const logs = `${address}/v1/sandboxes/${running}/logs`;
  return [
    ...(deleted === null
      ? []
      : [
          {
            what: deleted.failed ? 'the last words of one that failed and is deleted' : 'one that is deleted',
            command: `npx afterlog logs ${deleted.id} --tail 20`,
          },
        ]),
    { what: 'all of them, last seen first', command: 'npx afterlog sandboxes' },
    ...(running === null
      ? []
      : [{ what: 'one that runs, line by line until its end', command: `curl -N "${logs}?follow=1"` }]),
    { what: 'what did not boot, and why', command: 'npx afterlog boots --failed' },
    { what: 'what crashed, by cause', command: 'npx afterlog crashes' },
    {
      what: 'who says how much',
      command: 'npx afterlog sql "SELECT source, count() FROM console_logs GROUP BY ALL"',
    },
  ];
}
