import assert from 'node:assert/strict';
import { test } from 'node:test';
import { constants, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { limits } from '../../src/base/limits.ts';
import { newLine } from '../../src/parse/line/line.ts';
import { BatchBuilder } from '../../src/wire/batch_builder.ts';
import { decodePartly } from '../../src/wire/decode.ts';
import { type Batch, type BatchHeader, toKafkaHeaders } from '../../src/wire/header.ts';
import { receivedBatch } from '../../src/wire/received.ts';
import { readFrameHeader } from '../../src/wire/zstd_frame.ts';
import { type Column, makeBatch, nativeBlock, newEpoch, seal } from '../support/batches.ts';
import { fc } from '../support/property.ts';

const SCHEMA = 6;
const epoch = newEpoch();
const receive = ({ header, value }: Batch, key = header.host): Batch =>
  receivedBatch({ key: Buffer.from(key), headers: toKafkaHeaders(header), value }, SCHEMA);

const isDamaged = (error: unknown): boolean => (error as { code?: string }).code === 'BATCH_DAMAGED';
const refused = (batch: Batch, why: RegExp): void =>
  assert.throws(
    () => receive(batch),
    (error) => isDamaged(error) && why.test((error as Error).message),
  );

/** A batch whose header has the sizes of this block, whatever is in it. */
const ofBlock = (block: Buffer, more: Partial<BatchHeader> = {}): Batch =>
  seal(
    { ...makeBatch({ epoch, sequence: 1 }).header, block_bytes: block.length, ...more },
    zstdCompressSync(block),
  );
const blockOf = ({ value }: Batch): Buffer => zstdDecompressSync(value);
const spoilt = (spoil: (columns: Column[]) => Column[]): Batch => makeBatch({ epoch, sequence: 1, spoil });
const column =
  (name: string, change: Partial<Column>) =>
  (columns: Column[]): Column[] =>
    columns.map((one) => (one.name === name ? { ...one, ...change } : one));
const values = <T extends Column['values'][number]>(value: (row: number) => T): T[] =>
  Array.from({ length: 10 }, (_, row) => value(row));

/** A batch of the agent's own builder. */
function built(host: string, rows: number): Batch {
  const builder = new BatchBuilder(host);
  const labels = {
    ...{ sandbox_id: 'sb', log: 'console', workspace: 'w', template: '' },
    ...{ started_low: 1, started_high: 0, slot: 0, slot_batch: 0 },
  };
  const text = Buffer.from(
    'a line that is longer than the one hundred and twenty-seven bytes of a short length: '.repeat(2),
  );
  builder.use(labels, 1, 0);
  for (let row = 0; row < rows; row++) {
    builder.addLine(labels, row * 9, text, { ...newLine(), end: 9, message_end: row % 2 ? 9 : text.length });
  }
  return builder.finish(epoch, 1, 20_780);
}

test('batches of this version and of 0.1.0 are taken', () => {
  for (const rows of [1, 10, 300, 5_000]) receive(built('host-1', rows));
  receive(built('h'.repeat(200), 3));
  // The order of columns of 0.1.0, with the day as a plain column.
  receive(makeBatch({ epoch, sequence: 9, rows: 1_000 }));
  const plain = (columns: Column[]): Column[] =>
    columns.map((one) => ({ ...one, type: one.type.replace(/^LowCardinality\((.*)\)$/, '$1') }));
  receive(spoilt(plain));
});

test('a new batch has what its rows must share in its first kilobytes', () => {
  const block = blockOf(built('host-1', 200));
  const partly = decodePartly(block.subarray(0, 1_200));
  assert.deepEqual([...partly.columns.keys()].slice(0, 4), [
    'host',
    'batch_epoch',
    'batch_sequence',
    'ingest_day',
  ]);
});

test('the host of the header is the key', () => {
  const batch = makeBatch({ epoch, sequence: 1 });
  assert.throws(() => receive(batch, 'host-2'), /is of host 'host-1', its key is 'host-2'/);
  const { header, value } = batch;
  assert.throws(
    () => receivedBatch({ key: null, headers: toKafkaHeaders(header), value }, SCHEMA),
    /its key is ''/,
  );
  receivedBatch({ headers: toKafkaHeaders(header), value }, SCHEMA);
});

for (const [name, other] of [
  ['host', 'host-2'],
  ['batch_epoch', epoch + 1],
  ['batch_sequence', 2],
  ['ingest_day', 3],
] as const) {
  test(`rows with another ${name} than the header are refused, even one of them`, () => {
    const why = new RegExp(`column ${name} has rows that are not those of the header`);
    for (const type of ['LowCardinality(T)', 'T']) {
      const form = type.replace('T', { host: 'String', ingest_day: 'Date' }[name as string] ?? 'UInt64');
      const right = makeBatch({ epoch, sequence: 1 });
      const own = {
        host: 'host-1',
        batch_epoch: epoch,
        batch_sequence: 1,
        ingest_day: right.header.ingest_day,
      }[name];
      receive(spoilt(column(name, { type: form, values: values(() => own) })));
      refused(spoilt(column(name, { type: form, values: values(() => other) })), why);
      for (const at of [0, 5, 9])
        refused(
          spoilt(column(name, { type: form, values: values((row) => (row === at ? other : own)) })),
          why,
        );
    }
    refused(
      spoilt((columns) => columns.filter((one) => one.name !== name)),
      new RegExp(`no column ${name}`),
    );
  });
}

test('a second host behind the first: as a column, as a key, as a block', () => {
  refused(
    spoilt((columns) => [
      ...columns,
      { ...columns.find(({ name }) => name === 'host')!, values: values(() => 'x') },
    ]),
    /column host comes twice/,
  );
  const own = blockOf(makeBatch({ epoch, sequence: 1 }));
  const others = blockOf(makeBatch({ epoch, sequence: 1, host: 'victim' }));
  refused(ofBlock(Buffer.concat([own, others])), /\d+ bytes follow the block/);
  // An index that points to a second key of the dictionary.
  const two = spoilt(column('host', { values: values((row) => (row === 0 ? 'host-1' : 'victim')) }));
  refused(two, /column host has rows/);
});

test('sizes are checked before anything is unpacked', () => {
  const [block, { header, value }] = [
    blockOf(makeBatch({ epoch, sequence: 1 })),
    makeBatch({ epoch, sequence: 1 }),
  ];
  refused(ofBlock(block, { rows: 9 }), /has 10 rows, its header says 9/);
  refused(ofBlock(block, { rows: 0 }), /0 rows; a batch has 1 to/);
  refused(ofBlock(block, { rows: 4_000_000_000 }), /4000000000 rows/);
  refused(ofBlock(block, { block_bytes: 5 }), /its frame declares \d+ bytes, its header 5/);
  const large = Buffer.alloc(limits.batch.taken_bytes_max + 1);
  refused(ofBlock(large), /a block of 2097153 bytes/);
  refused(ofBlock(large, { block_bytes: 10 }), /its frame declares 2097153 bytes, its header 10/);
  const nameless = zstdCompressSync(block, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });
  refused(seal(header, nameless), /its frame declares no bytes/);
  const wide = Buffer.from(value);
  wide[4] = 0x40;
  const [window, size] = [Buffer.from([0xf0]), Buffer.alloc(2)];
  size.writeUInt16LE(block.length - 256);
  const forged = Buffer.concat([wide.subarray(0, 5), window, size, value.subarray(7)]);
  assert.equal((readFrameHeader(forged) as { window_bytes: number }).window_bytes, 2 ** 40);
  refused(seal(header, forged), /a window of 1099511627776/);
});

test('absurd counts, names and types are refused', () => {
  const varint = Buffer.from('ffffffff0f', 'hex');
  const whole = blockOf(makeBatch({ epoch, sequence: 1 }));
  const absurd: [Buffer, RegExp, Partial<BatchHeader>?][] = [
    [
      Buffer.concat([Buffer.from([0]), Buffer.from('80d0acf30e', 'hex')]),
      /4000000000 rows/,
      { rows: 4_000_000_000 },
    ],
    [Buffer.from([0, 10]), /no column host/],
    [Buffer.concat([varint, whole.subarray(1)]), /4294967295 columns/],
    [Buffer.concat([whole.subarray(0, 1), varint, whole.subarray(2)]), /has 4294967295 rows/],
    [Buffer.from('ff'.repeat(20), 'hex'), /an impossible number/],
    [Buffer.concat([whole.subarray(0, 2), varint, whole.subarray(3)]), /a name or type of 4294967295 bytes/],
    [
      nativeBlock([{ name: 'hosts', type: 'String', values: values(() => '') }]),
      /there is no column "hosts"/,
    ],
    [nativeBlock([{ name: '__proto__', type: 'String', values: values(() => '') }]), /no column "__proto__"/],
    [nativeBlock([{ name: 'host', type: 'UInt64', values: values(() => 1) }]), /type "UInt64", not String/],
    [whole.subarray(0, -1), /ends inside a value/],
    [Buffer.concat([whole, Buffer.from([0])]), /1 bytes follow/],
  ];
  for (const [block, why, more] of absurd) refused(ofBlock(block, more), why);
});

test('a block of a schema that this version does not know is not read', () => {
  const batch = ofBlock(Buffer.from('a form of the future'), { schema: SCHEMA + 1 });
  assert.equal(receive(batch).header.schema, SCHEMA + 1);
  refused(ofBlock(Buffer.from('a form of the future'), { schema: SCHEMA }), /the block has/);
});

test('whatever is changed in a block: it is taken or refused with a reason, and nothing else happens', () => {
  const whole = blockOf(makeBatch({ epoch, sequence: 1, rows: 10 }));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.uint8Array({ minLength: 0, maxLength: 9 })), {
        ...{ minLength: 1, maxLength: 4 },
      }),
      fc.option(fc.nat(whole.length)),
      (changes, end) => {
        const block = Buffer.from(whole.subarray(0, end ?? whole.length));
        for (const [at, bytes] of changes)
          if (at < block.length) block.set(bytes.subarray(0, block.length - at), at);
        try {
          const { header } = receive(ofBlock(block));
          // It decodes to the same rows, or to a fault that ClickHouse sees, too: an index beyond its keys.
          const decoded = decodePartly(block);
          if (decoded.fault !== null) assert.match(decoded.fault.message, /index beyond its dictionary/);
          assert.equal(decoded.rows, header.rows);
          for (const host of decoded.columns.get('host')?.values ?? []) assert.equal(String(host), 'host-1');
        } catch (error) {
          assert.ok(isDamaged(error), String((error as Error).stack));
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test('whatever is changed in a message: it is taken or refused with a reason, and nothing else happens', () => {
  const { header, value } = makeBatch({ epoch, sequence: 1, rows: 50 });
  fc.assert(
    fc.property(
      fc.nat(Math.min(40, value.length - 1)),
      fc.uint8Array({ minLength: 1, maxLength: 6 }),
      (at, bytes) => {
        const changed = Buffer.from(value);
        changed.set(bytes.subarray(0, changed.length - at), at);
        try {
          receive(seal(header, changed));
        } catch (error) {
          assert.ok(isDamaged(error), String((error as Error).stack));
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
