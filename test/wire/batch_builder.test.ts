import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { newLine } from '../../src/parse/line/line.ts';
import { nameId } from '../../src/parse/line/names.ts';
import { RowTarget } from '../../src/rows/row_target.ts';
import { StreamRows } from '../../src/rows/stream_rows.ts';
import { BatchBuilder, putNanoseconds, record, type StreamLabels } from '../../src/wire/batch_builder.ts';
import { decodeValue, rowsOf } from '../../src/wire/decode.ts';
import { fromKafka, toKafkaHeaders } from '../../src/wire/header.ts';
import { randomBytes, randomOf } from '../support/content.ts';
import { fc, seed } from '../support/property.ts';

const stream = (sandbox_id: string, started = 1_795_465_704_913_252_313n): StreamLabels => ({
  sandbox_id,
  log: 'console',
  workspace: '',
  template: '',
  started_low: Number(started & 0xffff_ffffn),
  started_high: Number(started >> 32n),
  slot: 0,
  slot_batch: 0,
});

/** Adds a row whose message is all of `bytes`. @returns false when it does not fit */
function add(
  builder: BatchBuilder,
  labels: StreamLabels,
  position: number,
  bytes: Buffer,
  source = 0,
): boolean {
  if (!builder.fits(labels, bytes.length)) return false;
  builder.use(labels, 1_795_465_705, 7);
  builder.addLine(labels, position, bytes, {
    ...newLine(),
    end: bytes.length,
    message_end: bytes.length,
    seconds: 1_795_465_000,
    nanos: 5,
    source,
  });
  return true;
}

test('rows come back as they were added, columns that are empty in all of them left out', () => {
  const builder = new BatchBuilder('host-1');
  const [a, b] = [stream('sb-a'), stream('sb-b', 5n)];
  add(builder, a, 0, Buffer.from('first'), nameId('agent'));
  add(builder, b, 2 ** 40, Buffer.from([0, 255, 10]));
  builder.use(a, 1_795_465_705, 7);
  builder.addMark(a, record.gap, 5, '{"bytes":null}');
  const batch = builder.finish(3_677_113_000_000_123, 9, 20_780);

  const block = decodeValue(batch.value);
  for (const absent of ['severity', 'event', 'title', 'workspace', 'template', 'entry_back']) {
    assert.equal(block.columns.has(absent), false, absent);
  }
  const rows = rowsOf(block).map((row) =>
    Object.fromEntries(
      Object.entries(row).map(([name, value]) => [
        name,
        Buffer.isBuffer(value) ? value.toString('latin1') : value,
      ]),
    ),
  );
  assert.deepEqual(
    rows.map((row) => [
      row.record,
      row.sandbox_id,
      row.stream_started_at,
      row.position,
      row.source,
      row.message,
    ]),
    [
      ['line', 'sb-a', 1_795_465_704_913_252_313n, 0n, 'agent', 'first'],
      ['line', 'sb-b', 5n, 2n ** 40n, '', '\0\xff\n'],
      ['gap', 'sb-a', 1_795_465_704_913_252_313n, 5n, '', '{"bytes":null}'],
    ],
  );
  for (const row of rows) {
    assert.deepEqual(
      [row.host, row.batch_epoch, row.batch_sequence, row.ingest_day, row.log, row.observed_at],
      ['host-1', 3_677_113_000_000_123n, 9n, 20_780, 'console', 1_795_465_705_000_000_007n],
    );
  }
  assert.deepEqual(fromKafka(toKafkaHeaders(batch.header), batch.value), batch);
});

test('a label that comes while a batch is open is on all its rows; another one only on those that follow', () => {
  const builder = new BatchBuilder('h');
  const target = new RowTarget(builder);
  const rowsOfStream = (sandbox: string, started: string) =>
    new StreamRows(target, { sandbox, log: 'console', started });
  const one = rowsOfStream('sb-1', '5');
  const labelsOf = (sequence: number): string[] =>
    rowsOf(decodeValue(builder.finish(1, sequence, 1).value)).map(
      ({ workspace, template }) => `${workspace ?? ''}/${template ?? ''}`,
    );
  add(builder, one, 0, Buffer.from('a'));
  one.label({ workspace: 'acme', template: 'py' });
  add(builder, one, 1, Buffer.from('b'));
  one.label({ workspace: 'other', template: 'py' });
  add(builder, one, 2, Buffer.from('c'));
  assert.deepEqual(labelsOf(1), ['acme/py', 'acme/py', 'other/py']);
  add(builder, one, 3, Buffer.from('d'));
  assert.deepEqual(labelsOf(2), ['other/py']);
  // The room for labels that may still come is kept.
  const many = Array.from({ length: 5_000 }, (_, n) => rowsOfStream(`sb-${n}`, String(n)));
  const fitting = many.filter((stream) => add(builder, stream, 0, Buffer.from('x')));
  for (const stream of fitting) stream.label({ workspace: 'w'.repeat(128), template: 't'.repeat(128) });
  assert.equal(labelsOf(3).length, fitting.length);
});

test('the next batch of a builder knows nothing of the one before', () => {
  const builder = new BatchBuilder('h');
  add(builder, stream('old'), 0, Buffer.from('old'), nameId('old-source'));
  builder.finish(1, 1, 1);
  add(builder, stream('new'), 0, Buffer.from('new'), nameId('new-source'));
  const text = JSON.stringify(
    rowsOf(decodeValue(builder.finish(1, 2, 1).value)).map((row) => Object.values(row).map(String)),
  );
  assert.match(text, /new-source/);
  assert.doesNotMatch(text, /old/);
});

const random = randomOf(seed);

for (const [what, bytes, sandboxes] of [
  ['empty lines', () => Buffer.alloc(0), 1],
  ['the longest lines, of random bytes', () => randomBytes(random, limits.parse.line_bytes_max), 1],
  ['short random lines of very many sandboxes', () => randomBytes(random, 20), 40_000],
] as const) {
  test(`a batch that is full of ${what} fits one message`, () => {
    const builder = new BatchBuilder('h'.repeat(200));
    const labels = Array.from({ length: sandboxes }, (_, n) =>
      stream(`sandbox-with-a-rather-long-name-${n}`),
    );
    let rows = 0;
    while (add(builder, labels[rows % sandboxes]!, rows, bytes())) rows++;
    const { header, value } = builder.finish(1, 1, 1);
    assert.equal(header.rows, rows);
    assert.ok(rows >= 10);
    assert.ok(header.block_bytes <= limits.batch.block_bytes_max, `${header.block_bytes} bytes of block`);
    assert.ok(value.length <= limits.batch.message_bytes_max, `${value.length} bytes of value`);
    assert.equal(decodeValue(value).rows, rows);
  });
}

test('a full batch still has room for the gap and seal rows of a step', () => {
  const builder = new BatchBuilder('h');
  const labels = stream('s');
  for (let row = 0; add(builder, labels, row, Buffer.alloc(0)); row++);
  const { rows } = builder;
  while (builder.fitsMarks()) {
    builder.use(labels, 1, 0);
    builder.addMark(labels, record.seal, 0, JSON.stringify({ reason: 'x'.repeat(500) }));
  }
  for (const what of [record.gap, record.seal]) builder.addMark(labels, what, 1, '{}');
  assert.ok(builder.rows > rows + 2);
  const { header, value } = builder.finish(1, 1, 1);
  assert.equal(decodeValue(value).rows, header.rows);
  assert.ok(header.block_bytes <= limits.batch.block_bytes_max);
});

test('nanoseconds since 1970 are exact', () => {
  const words = new Uint32Array(2);
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 9_000_000_000 }),
      fc.integer({ min: 0, max: 999_999_999 }),
      (seconds, nanos) => {
        putNanoseconds(words, 0, seconds, nanos);
        const written = (BigInt(words[1]!) << 32n) | BigInt(words[0]!);
        assert.equal(written, BigInt(seconds) * 1_000_000_000n + BigInt(nanos));
      },
    ),
  );
});
