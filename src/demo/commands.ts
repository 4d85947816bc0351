import type { Examples } from './examples.ts';
import type { Row } from './row.ts';
import { shellLines } from './text.ts';

/** With at least this many rows, each command has a description above it. */
const explained_rows = 34;

/** Commands for another terminal, the most useful first. A command that does not fit is omitted. */
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
            what: `the last lines of a ${deleted.failed ? 'failed and ' : ''}deleted sandbox`,
            command: `npx afterlog logs ${deleted.id} --tail 20`,
          },
        ]),
    { what: 'all sandboxes, most recently seen first', command: 'npx afterlog sandboxes' },
    ...(running === null
      ? []
      : [{ what: 'a running sandbox, until it is deleted', command: `curl -N "${logs}?follow=1"` }]),
    { what: 'failed boots and their causes', command: 'npx afterlog boots --failed' },
    { what: 'crashes by cause', command: 'npx afterlog crashes' },
    {
      what: 'lines per source',
      command: 'npx afterlog sql "SELECT source, count() FROM console_logs GROUP BY ALL"',
    },
  ];
}
