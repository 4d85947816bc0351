import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import { limits } from '../../src/base/limits.ts';
import { Redactor } from '../../src/redact/redactor.ts';
import { type LabelHolder, type LabelSource, RowTarget } from '../../src/rows/row_target.ts';
import { type RowsState, StreamRows } from '../../src/rows/stream_rows.ts';
import type { Taken } from '../../src/tail/sink.ts';
import { BatchBuilder } from '../../src/wire/batch_builder.ts';
import { decodeValue } from '../../src/wire/decode.ts';
import { rowsOfBlock, type SpoolRow } from '../support/spool_rows.ts';

const STARTED = '1795465704913252313';
const READ_MS = 1_795_465_705_123;
const TOKEN = `gh${'p_'}a8Kd0Zq3XmP7cR2tYw9LbV5nH4sJ6gF1wxyz`;

/** One stream, and the batches that its rows go into. */
class Reading {
  readonly target: RowTarget;
  readonly rows: StreamRows;
  readonly point = { position: 0, crc32: 0 };
  private sequence = 0;

  constructor(redactor: Redactor | null = null, labels: LabelSource | null = null, saved?: RowsState) {
    this.target = new RowTarget(new BatchBuilder('host'), redactor, labels);
    this.rows = new StreamRows(this.target, { sandbox: 'sb', log: 'console', started: STARTED }, saved);
  }

  read(bytes: Buffer | string, start = 0, final = false): Taken {
    const taken = this.rows.lines(this.point, Buffer.from(bytes as Buffer), start, final, READ_MS);
    this.point.position += taken.bytes;
    this.point.crc32 = taken.crc32;
    return taken;
  }

  /** A chunk as a tail gives it: again after each flush. @returns the rows of each batch that was full */
  readAll(bytes: Buffer): SpoolRow[][] {
    const full: SpoolRow[][] = [];
    for (let at = 0; ; ) {
      const taken = this.rows.lines(this.point, bytes, at, false, READ_MS);
      this.point.position += taken.bytes;
      this.point.crc32 = taken.crc32;
      at += taken.bytes;
      if (!taken.isFull) return full;
      full.push(this.finish());
    }
  }

  /** The rows of the batch so far. */
  finish(): SpoolRow[] {
    return rowsOfBlock(decodeValue(this.target.builder.finish(1, ++this.sequence, 1).value));
  }
}

const textOf = (rows: SpoolRow[]): string => Buffer.concat(rows.map(({ bytes }) => bytes)).toString();

test('a chunk that ends within a line: its whole lines are rows, the rest is for the next chunk', () => {
  const reading = new Reading();
  const taken = reading.read('known one\ntwo\r\nthr', 6);
  assert.deepEqual(taken, { bytes: 9, lines: 2, crc32: crc32('one\ntwo\r\n'), isFull: false });
  assert.deepEqual(reading.read('thr'), { bytes: 0, lines: 0, crc32: taken.crc32, isFull: false });
  reading.read('three\n');
  const rows = reading.finish();
  assert.deepEqual(
    rows.map(({ position, bytes }) => [position, bytes.toString()]),
    [
      [0, 'one\n'],
      [4, 'two\r\n'],
      [9, 'three\n'],
    ],
  );
  assert.deepEqual(reading.target.counts, { lines: 3, bytes: 15, gaps: 0, seals: 0 });
});

test('final: what has no end is a row too, and a long line is cut as ever', () => {
  const reading = new Reading();
  const long = 'x'.repeat(limits.parse.line_bytes_max + 5);
  assert.equal(reading.read(`one\n${long}`).bytes, 4 + limits.parse.line_bytes_max);
  assert.equal(reading.read(long.slice(0, 5), 0, true).bytes, 5);
  const rows = reading.finish();
  assert.deepEqual(
    rows.map(({ position, entry, bytes }) => [position, entry, bytes.length]),
    [
      [0, 0, 4],
      [4, 4, limits.parse.line_bytes_max],
      [4 + limits.parse.line_bytes_max, 4, 5],
    ],
  );
  assert.equal(reading.point.crc32, crc32(`one\n${long}`));
});

test('a batch that is full in the middle of a chunk: the rest comes into the next ones, each line once and in order', () => {
  const reading = new Reading();
  const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, n) => `line ${n}\n`).join(''));
  const full = reading.readAll(bytes);
  assert.ok(full.length >= 2, `${full.length} batches were full`);
  const rows = [...full.flat(), ...reading.finish()];
  assert.equal(textOf(rows), bytes.toString());
  for (const [n, { position }] of rows.entries()) if (n > 0) assert.ok(position > rows[n - 1]!.position);
  assert.equal(rows.at(-1)!.position + rows.at(-1)!.bytes.length, bytes.length);
  assert.deepEqual(reading.point, { position: bytes.length, crc32: crc32(bytes) });
  assert.equal(reading.target.counts.lines, 40_000);
});

test('a batch without room for the first line takes nothing', () => {
  const reading = new Reading();
  const line = `${'x'.repeat(60_000)}\n`;
  while (!reading.read(line).isFull);
  const { position, crc32 } = reading.point;
  assert.deepEqual(reading.read(line), { bytes: 0, lines: 0, crc32, isFull: true });
  assert.equal(textOf(reading.finish()).length, position);
  assert.equal(reading.read(line).bytes, line.length);
});

test('lines leave the room in a batch that was asked for', () => {
  const builder = new BatchBuilder('host');
  const target = new RowTarget(builder, null, null, 500_000);
  const rows = new StreamRows(target, { sandbox: 'sb', log: 'console', started: STARTED });
  const bytes = Buffer.from(`${'x'.repeat(999)}\n`.repeat(1_000));
  const taken = rows.lines({ position: 0, crc32: 0 }, bytes, 0, true, READ_MS);
  assert.ok(taken.isFull && taken.lines > 300 && taken.lines < 400);
  assert.ok(builder.fits(rows, 499_000));
});

test('a secret in two chunks is hidden in both, also by an agent that goes on with the state', () => {
  const redactor = () => new Redactor(['github', 'private_key'], []);
  const first = new Reading(redactor());
  const [begin, end] = ['-----BEGIN PRIVATE KEY-----\n', '-----END PRIVATE KEY-----\n'];
  first.read(`a ${TOKEN}\n${begin}MIIEvQIBADANBgkq\n`);
  const shown = textOf(first.finish());
  assert.equal(shown, `a ${'*'.repeat(TOKEN.length)}\n${begin}${'*'.repeat(16)}\n`);
  assert.equal(first.point.crc32, crc32(shown), 'the CRC-32 is of what the rows hold');
  const saved = JSON.parse(JSON.stringify(first.rows.state())) as RowsState;
  const next = new Reading(redactor(), null, saved);
  Object.assign(next.point, first.point);
  next.read(`hkiG9w0BAQEFAASC\n${end}MIIEvQIBADANBgkq\n`);
  assert.equal(textOf(next.finish()), `${'*'.repeat(16)}\n${end}MIIEvQIBADANBgkq\n`);
  assert.equal('redaction' in next.rows.state(), false, 'nothing of a secret is open');
});

test('secrets on both sides of a full batch are hidden and counted once, in one pass over the chunk', (t: TestContext) => {
  const redactor = new Redactor(['github'], []);
  const hide = t.mock.method(redactor, 'hide');
  const reading = new Reading(redactor);
  const bytes = Buffer.from(Array.from({ length: 40_000 }, (_, n) => `${n % 2 ? TOKEN : n}\n`).join(''));
  const rows = [...reading.readAll(bytes).flat(), ...reading.finish()];
  assert.equal(hide.mock.callCount(), 1);
  assert.equal(textOf(rows), bytes.toString().replaceAll(TOKEN, '*'.repeat(TOKEN.length)));
  assert.equal(redactor.counts.github, 20_000);
});

test('a piece of a long line waits while its end may be the beginning of a secret', () => {
  const reading = new Reading(new Redactor(['github'], []));
  const cut = limits.parse.line_bytes_max;
  const line = `${'.'.repeat(cut - 10)}${TOKEN}`;
  assert.equal(reading.read(line).bytes, 0);
  assert.equal(reading.read(`${line}\n`).bytes, line.length + 1);
  assert.ok(!textOf(reading.finish()).includes(TOKEN.slice(0, 10)));
});

test('a mark is a row at its position, of its time; a seal gives the label up, unless the sandbox goes on', () => {
  const forgotten: string[] = [];
  const labels: LabelSource = { fill: () => {}, forget: (sandbox) => forgotten.push(sandbox) };
  const reading = new Reading(null, labels);
  reading.read('one\n');
  reading.rows.mark('gap', 4, { bytes: 7, reason: 'lost' }, READ_MS);
  reading.rows.mark('seal', 11, { reason: 'truncated' }, READ_MS);
  assert.deepEqual(forgotten, []);
  reading.rows.mark('seal', 11, { reason: 'deleted' }, READ_MS);
  assert.deepEqual(forgotten, ['sb']);
  const rows = reading.finish();
  assert.deepEqual(
    rows.map(({ record, position, message }) => [record, position, message]),
    [
      ['line', 0, 'one'],
      ['gap', 4, '{"bytes":7,"reason":"lost"}'],
      ['seal', 11, '{"reason":"truncated"}'],
      ['seal', 11, '{"reason":"deleted"}'],
    ],
  );
  assert.deepEqual(reading.target.counts, { lines: 1, bytes: 4, gaps: 1, seals: 2 });
});

test('a label is asked for with each chunk until it is known, and saved', () => {
  const asked: LabelHolder[] = [];
  const reading = new Reading(null, { fill: (one) => asked.push(one), forget: () => {} });
  reading.read('one\n');
  reading.read('two\n');
  assert.equal(asked.length, 2);
  asked[0]!.label({ workspace: 'acme', template: '' });
  asked[0]!.isLabelled = true;
  reading.read('three\n');
  assert.equal(asked.length, 2);
  assert.deepEqual(
    reading.finish().map(({ workspace }) => workspace),
    ['acme', 'acme', 'acme'],
  );
  assert.deepEqual(Object.keys(reading.rows.state()), ['workspace', 'parser']);
  const next = new Reading(null, null, reading.rows.state());
  next.read('four\n');
  assert.equal(next.finish()[0]!.workspace, 'acme');
});

test('an agent that goes on with the state reads the next lines as the one before would have', () => {
  const [before, after] = [
    '[    1.500000] EXT4-fs error (device vda): ext4_find_entry:1455\n',
    '[    1.500001] inode #2\n',
  ];
  const whole = new Reading();
  whole.read(before + after);
  const first = new Reading();
  first.read(before);
  const saved = JSON.parse(JSON.stringify(first.rows.state())) as RowsState;
  const next = new Reading(null, null, saved);
  Object.assign(next.point, first.point);
  next.read(after);
  assert.deepEqual(next.rows.state(), whole.rows.state());
  assert.deepEqual([...first.finish(), ...next.finish()], whole.finish());
});
