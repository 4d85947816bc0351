import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../src/base/limits.ts';
import type { LogRow } from '../../../src/store/read/read_log.ts';
import { LineJoiner } from '../../../src/store/read/whole_lines.ts';
import { logRow } from '../../support/log_rows.ts';

const FULL = limits.parse.line_bytes_max;

const rowAt = (position: number, message: string, more: Partial<LogRow> = {}): LogRow =>
  logRow(message, { position: String(position), ...more });
/** A row that is full: its line goes on in the next one. */
const full = (position: number, letter: string, more: Partial<LogRow> = {}): LogRow =>
  rowAt(position, letter.repeat(FULL), { ending: '', bytes: FULL, ...more });

const shown = (lines: ReturnType<LineJoiner['take']>): string[] =>
  lines.map(({ message, went_on, goes_on }) => {
    const letters = message.startsWith('{') ? 'gap' : message.replace(/(.)\1+/g, '$1');
    return `${went_on ? '…' : ''}${letters}${goes_on ? '…' : ''}`;
  });

test('rows of one line are one line again, over any number of reads', () => {
  const joiner = new LineJoiner();
  assert.deepEqual(shown(joiner.take([rowAt(0, 'x'), full(2, 'a')])), ['x']);
  assert.deepEqual(shown(joiner.take([full(2 + FULL, 'b')])), []);
  const rest = rowAt(2 + 2 * FULL, 'c', { prefix: '[    0.1] ' });
  const [line, next] = joiner.take([rest, rowAt(4 + 2 * FULL + 10, 'y')]);
  assert.equal(line!.message, `${'a'.repeat(FULL)}${'b'.repeat(FULL)}[    0.1] c`);
  assert.equal(next!.message, 'y');
  assert.deepEqual(joiner.flush(), []);
});

test('pieces are one line, which has the source and severity of its last row, and the event of any', () => {
  const joiner = new LineJoiner();
  const mark = { event: 'boot.ready', title: 'login:' };
  const rows = [rowAt(0, 'lo', { ending: '', bytes: 2, ...mark }), rowAt(2, 'gin', { severity: 'WARN' })];
  const [line, ...more] = joiner.take(rows);
  const { message, severity, event, title, until } = line!;
  assert.deepEqual([message, severity, event, title], ['login', 'WARN', 'boot.ready', 'login:']);
  assert.deepEqual([until.position, more], ['2', []]);
});

test('a stream that ends within a line ends that line', () => {
  const seal = rowAt(3, '{}', { record: 'seal', ending: '', bytes: 0 });
  const cut = rowAt(0, 'cut', { ending: '', bytes: 3 });
  assert.deepEqual(shown(new LineJoiner().take([cut, seal])), ['cut', 'gap']);
  assert.deepEqual(shown(new LineJoiner().take([cut, rowAt(0, 'next', { stream: '2' })])), ['cut', 'next']);
});

test('what does not follow is another line: behind a gap, in another stream, left out by a filter', () => {
  const gap = rowAt(FULL, '{"bytes":null}', { record: 'gap', ending: '', bytes: 0 });
  assert.deepEqual(shown(new LineJoiner().take([full(0, 'a'), gap, rowAt(FULL, 'b')])), ['a…', 'gap', 'b']);
  assert.deepEqual(shown(new LineJoiner().take([full(0, 'a'), rowAt(FULL, 'b', { stream: '2' })])), [
    'a',
    'b',
  ]);
  assert.deepEqual(shown(new LineJoiner().take([full(0, 'a'), rowAt(3 * FULL, 'b')])), ['a…', 'b']);
});

test('a line whose end does not come is shown as far as it is there, and goes on later', () => {
  const joiner = new LineJoiner();
  assert.deepEqual(shown(joiner.take([full(0, 'a')])), []);
  assert.deepEqual(shown(joiner.flush()), ['a…']);
  assert.deepEqual(shown(joiner.flush()), []);
  assert.deepEqual(shown(joiner.take([rowAt(FULL, 'b'), rowAt(FULL + 2, 'c')])), ['…b', 'c']);
});

test('a line that is too long to be put together comes in parts, in bounded memory', () => {
  const joiner = new LineJoiner();
  const rows = 2 * (limits.read.joined_bytes_max / FULL) + 1;
  const lines = Array.from({ length: rows }, (_, at) => joiner.take([full(at * FULL, 'a')])).flat();
  lines.push(...joiner.take([rowAt(rows * FULL, 'b')]));
  assert.deepEqual(shown(lines), ['a…', '…a…', '…ab']);
  assert.ok(lines.every(({ message }) => message.length <= limits.read.joined_bytes_max));
});
