import assert from 'node:assert/strict';
import { test } from 'node:test';
import { shortLogLine } from '../../src/demo/log_lines.ts';
import { createTerminal, type Output } from '../../src/demo/terminal.ts';

/** A terminal so small that it can be written here: it knows the few codes that ours uses. */
function fakeTerminal(columns: number): { output: Output; screen(): string[] } {
  const lines: string[] = [''];
  let row = 0;
  let column = 0;
  const put = (character: string): void => {
    if (column === columns) {
      row++;
      column = 0;
      lines[row] ??= '';
    }
    const line = lines[row]!.padEnd(column);
    lines[row] = line.slice(0, column) + character + line.slice(column + 1);
    column++;
  };
  const erase = (below: boolean): void => {
    lines[row] = lines[row]!.slice(0, column);
    if (below) lines.splice(row + 1);
  };
  const up = (count: number): void => {
    row -= count;
  };
  const codes: [RegExp, (count: number) => void][] = [
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences are what it is about.
    [/^\u001b\[(\d+)A/, (count) => up(count)],
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
    [/^\u001b\[J/, () => erase(true)],
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
    [/^\u001b\[K/, () => erase(false)],
  ];
  const write = (text: string): void => {
    for (let at = 0; at < text.length; ) {
      const code = codes
        .map(([form, act]) => ({ found: form.exec(text.slice(at)), act }))
        .find((c) => c.found);
      if (code) {
        code.act(Number(code.found![1]));
        at += code.found![0].length;
        continue;
      }
      const character = text[at++]!;
      assert.notEqual(character, '\u001b', `unknown code ${JSON.stringify(text.slice(at - 1, at + 8))}`);
      if (character === '\n') {
        row++;
        column = 0;
        lines[row] ??= '';
      } else if (character === '\r') column = 0;
      else put(character);
    }
  };
  return { output: { isTTY: true, columns, rows: 24, write }, screen: () => [...lines] };
}
const rows = (...texts: string[]) => texts.map((text) => ({ text, style: 'plain' as const }));

test('a view is redrawn in its place, longer or shorter, with lines that stay above it', () => {
  const { output, screen } = fakeTerminal(20);
  const terminal = createTerminal(output, false);
  terminal.step('starting');
  terminal.step('starting more');
  terminal.print('started');
  terminal.draw(rows('one', 'two', 'three'));
  terminal.draw(rows('1', '2'));
  terminal.print('a log line longer than the width');
  terminal.draw(rows('uno', 'dos'));
  assert.deepEqual(screen(), ['started', 'a log line longer th', 'an the width', 'uno', 'dos', '']);
  terminal.clear();
  terminal.print('end');
  assert.deepEqual(screen(), ['started', 'a log line longer th', 'an the width', 'end', '']);
});

test('without a terminal there are plain lines and no escape codes', () => {
  let written = '';
  const terminal = createTerminal({ write: (text) => (written += text) });
  terminal.step('waiting');
  terminal.draw(rows('view'));
  terminal.print('line');
  terminal.clear();
  assert.equal(written, 'waiting\nline\n');
});

test('a line of our log is shortened, and cannot write to the terminal', () => {
  const line = JSON.stringify({
    level: 40,
    time: '2026-06-01T12:04:31.000Z',
    path: '/x\u001b[2J',
    msg: 'lost',
  });
  assert.equal(shortLogLine(line), '12:04:31 warn lost path=/x');
  assert.equal(shortLogLine('not json'), 'not json');
});
