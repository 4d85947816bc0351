import assert from 'node:assert/strict';
import { test } from 'node:test';
import { newLine } from '../../src/parse/line/line.ts';
import { LineParser } from '../../src/parse/line_parser.ts';

/** How often the parser looks at a byte of the line. */
function looks(bytes: Buffer, parser: LineParser): number {
  let count = 0;
  const counted = new Proxy(bytes, {
    get(target, key) {
      if (typeof key === 'string' && key >= '0' && key <= ':') count++;
      const value = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  parser.parse(counted, 0, bytes.length, 0, 1_780_001_000, 5, newLine());
  return count;
}

/** Enough to tell a square from a line; every look goes through a proxy. */
const SIZE = 2_048;

const hostile = [
  'a',
  ' ',
  '[',
  '[ ',
  '[    1.',
  '[12:',
  '12:34:56 ',
  ':',
  '::',
  '1',
  '\x1b[',
  '\x1b[1m',
  '{"',
  '{"a":',
  '{"a":[',
  '"\\',
  'at ',
  '\tat x(',
  '#0 ',
  'x.rb:1:in ',
  '==',
  'Error',
  'a.',
  '[a][',
  '<1',
  ': page',
  ' invoked',
  '\r',
  'Kernel panic',
  'ERROR',
  'level=',
  ' [#',
  'EXT4-fs (',
  'x login:',
  'Failed to start ',
  '\0',
];

test('no line costs more than its length, whatever it is and whatever is open', () => {
  const openers = [
    '',
    'Traceback (most recent call last):\n',
    'panic: x\n',
    '[    1.000000] BUG: x\n',
    'a invoked oom-killer: gfp_mask=0\n',
    'Error: x\n',
    '{\n',
    '==1==ERROR: x\n',
    '"main" #1 prio=5 tid=1\n',
  ];
  for (const piece of hostile) {
    for (const opener of openers) {
      for (const start of ['', '2026-06-01T15:30:18Z [app] ', '[    1.000000] ']) {
        const text = start + piece.repeat(Math.ceil(SIZE / piece.length));
        const bytes = Buffer.from(`${text}\n`);
        const parser = new LineParser('console', 0, 0);
        if (opener) parser.parse(Buffer.from(opener), 0, opener.length, 0, 1_780_001_000, 5, newLine());
        const count = looks(bytes, parser);
        assert.ok(
          count < 2_000 + 12 * bytes.length,
          `${count} looks at ${bytes.length} bytes of ${JSON.stringify(piece)} after ${JSON.stringify(opener)}`,
        );
      }
    }
  }
});
