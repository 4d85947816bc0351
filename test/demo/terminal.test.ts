import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTerminal, type Output } from '../../src/demo/terminal.ts';

interface Buffer {
  lines: string[];
  row: number;
  column: number;
}

/** A terminal so small that it can be written here: it knows the few codes that ours uses. */
function fakeTerminal(columns: number) {
  const main: Buffer = { lines: [''], row: 0, column: 0 };
  let at: Buffer = main;
  let resized = (): void => {};
  let writes = 0;
  const down = (): void => {
    at.row++;
    at.column = 0;
    at.lines[at.row] ??= '';
  };
  const put = (character: string): void => {
    if (at.column === columns) down();
    const line = at.lines[at.row]!.padEnd(at.column);
    at.lines[at.row] = line.slice(0, at.column) + character + line.slice(at.column + 1);
    at.column++;
  };
  const erase = (below: boolean): void => {
    at.lines[at.row] = at.lines[at.row]!.slice(0, at.column);
    if (below) at.lines.splice(at.row + 1);
  };
  const codes: [string, () => void][] = [
    ['[1A', () => at.row--],
    ['[J', () => erase(true)],
    ['[K', () => erase(false)],
    ['[H', () => Object.assign(at, { row: 0, column: 0 })],
    ['[?1049h', () => (at = { lines: [''], row: 0, column: 0 })],
    ['[?1049l', () => (at = main)],
    ['[?25h', () => {}],
    ['[?25l', () => {}],
  ];
  const write = (text: string): void => {
    writes++;
    for (let index = 0; index < text.length; ) {
      const character = text[index++]!;
      if (character === '\u001b') {
        const code = codes.find(([name]) => text.startsWith(name, index));
        assert.ok(code, `unknown code ${JSON.stringify(text.slice(index, index + 8))}`);
        code[1]();
        index += code[0].length;
      } else if (character === '\n') down();
      else if (character === '\r') at.column = 0;
      else put(character);
    }
  };
  const output = {
    ...{ isTTY: true, columns, rows: 24, write },
    on: (_: 'resize', listener: () => void) => {
      resized = listener;
    },
  } satisfies Output;
  return {
    output,
    screen: () => [...at.lines],
    main: () => [...main.lines],
    resize: () => resized(),
    writes: () => writes,
  };
}
const rows = (...texts: string[]) => texts.map((text) => [{ text }]);
const plain = { TERM: 'xterm', NO_COLOR: '1' };

test('a view covers the terminal while it is shown, and what was there comes back with what was printed since', () => {
  const { output, screen, main } = fakeTerminal(20);
  const terminal = createTerminal(output, plain);
  terminal.step('starting');
  terminal.step('starting with more than a line');
  terminal.print('started');
  terminal.step('waiting');
  terminal.draw(rows('one', 'two', 'three'));
  assert.deepEqual(screen(), ['one', 'two', 'three']);
  terminal.print('a log line longer than the width');
  terminal.draw(rows('1', '2'));
  assert.deepEqual(screen(), ['1', '2']);
  assert.deepEqual(main(), ['started', '']);
  terminal.clear();
  terminal.print('end');
  assert.deepEqual(screen(), ['started', 'a log line longer th', 'an the width', 'end', '']);
});

test('a view that has not changed is not written again, unless the terminal has another size', () => {
  const { output, screen, writes, resize } = fakeTerminal(20);
  const terminal = createTerminal(output, plain);
  terminal.onResize(() => terminal.draw(rows('same')));
  terminal.draw(rows('same'));
  terminal.draw(rows('same'));
  assert.equal(writes(), 1);
  resize();
  assert.equal(writes(), 2);
  assert.deepEqual(screen(), ['same']);
});

test('styles are written only where colours are wanted', () => {
  const written = (env: NodeJS.ProcessEnv): string => {
    let text = '';
    const terminal = createTerminal(
      { isTTY: true, write: (more) => (text += more) },
      { TERM: 'xterm', ...env },
    );
    terminal.draw([[{ text: 'failed', style: 'bad' }, { text: ' plain' }]]);
    return text;
  };
  assert.ok(written({}).includes('\u001b[1;31mfailed\u001b[0m plain'));
  assert.ok(written({ NO_COLOR: '1' }).includes('failed plain'));
});

test('without a terminal, or with one that cannot move its cursor, there are plain lines and no escape codes', () => {
  for (const [isTTY, env] of [
    [false, { TERM: 'xterm' }],
    [true, { TERM: 'dumb' }],
    [true, {}],
  ] as const) {
    let written = '';
    const terminal = createTerminal({ isTTY, write: (text) => (written += text) }, env);
    terminal.step('waiting');
    terminal.draw(rows('view'));
    terminal.print('line');
    terminal.clear();
    assert.equal(written, 'waiting\nline\n');
  }
});
