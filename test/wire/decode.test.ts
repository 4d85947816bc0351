import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { decodeBlock, decodePartly, decodeValue, decodeValuePartly, rowsOf } from '../../src/wire/decode.ts';
import { type Column, makeBatch, nativeBlock, newEpoch, today } from '../support/batches.ts';

const damaged = (pattern: RegExp) => (error: unknown) =>
  (error as { code?: string }).code === 'BATCH_DAMAGED' && pattern.test((error as Error).message);

const bytes = (...texts: string[]): Buffer[] => texts.map((text) => Buffer.from(text));
const columns: (Column & { read?: unknown[] })[] = [
  { name: 's', type: 'String', values: ['a', '', 'x'.repeat(300)], read: bytes('a', '', 'x'.repeat(300)) },
  { name: 'raw', type: 'String', values: [Buffer.from([0, 255, 10]), Buffer.alloc(0), Buffer.from([128])] },
  { name: 'lc', type: 'LowCardinality(String)', values: ['b', 'a', 'b'], read: bytes('b', 'a', 'b') },
  { name: 'lcu', type: 'LowCardinality(UInt64)', values: [7n, 2n ** 63n, 7n] },
  { name: 'u64', type: 'UInt64', values: [0n, 2n ** 64n - 1n, 5n] },
  { name: 'u32', type: 'UInt32', values: [0, 2 ** 32 - 1, 5] },
  { name: 'u16', type: 'UInt16', values: [0, 65_535, 5] },
  { name: 'u8', type: 'UInt8', values: [0, 255, 5] },
  { name: 'i64', type: 'Int64', values: [0n, -5n, 5n] },
  { name: 'day', type: 'Date', values: [0, 20_000, 65_535] },
  { name: 'at', type: "DateTime64(9, 'UTC')", values: [0n, -1n, 1_795_000_000_123_456_789n] },
];

test('every supported type is read as it was written', () => {
  const block = decodeBlock(nativeBlock(columns));
  assert.equal(block.rows, 3);
  for (const { name, type, values, read } of columns) {
    assert.deepEqual(block.columns.get(name), { type, values: read ?? values });
  }
});

test('indexes of two bytes', () => {
  const values = Array.from({ length: 1_000 }, (_, row) => `key ${row % 700}`);
  const block = decodeBlock(nativeBlock([{ name: 'k', type: 'LowCardinality(String)', values }]));
  assert.deepEqual(block.columns.get('k')!.values.map(String), values);
});

test('a block without rows', () => {
  const empty = Buffer.concat([Buffer.from([1, 0, 1]), Buffer.from('k\x16LowCardinality(String)')]);
  assert.deepEqual(decodeBlock(empty), {
    rows: 0,
    columns: new Map([['k', { type: 'LowCardinality(String)', values: [] }]]),
  });
});

test('a batch comes back as rows', () => {
  const epoch = newEpoch();
  const rows = rowsOf(decodeValue(makeBatch({ epoch, sequence: 2, rows: 4 }).value));
  assert.equal(rows.length, 4);
  const { position, message, ending, batch_epoch, ingest_day } = rows[1]!;
  assert.deepEqual(
    { position, message: String(message), ending: String(ending), batch_epoch, ingest_day },
    { position: 500n, message: 'line 5', ending: '\r\n', batch_epoch: BigInt(epoch), ingest_day: today() },
  );
});

test('a type that is not supported is named', () => {
  const block = Buffer.concat([Buffer.from([1, 1, 1]), Buffer.from('k\x06Array('), Buffer.alloc(9)]);
  assert.throws(() => decodeBlock(block), damaged(/column type "Array\(" is not one of String, UInt64/));
});

test('whatever is cut off or changed: an error that says so, never anything else', () => {
  const block = zstdDecompressSync(makeBatch({ epoch: newEpoch(), sequence: 1, rows: 3 }).value);
  for (let end = 0; end < block.length; end++) {
    assert.throws(() => decodeBlock(block.subarray(0, end)), damaged(/cannot be decoded/));
  }
  assert.throws(() => decodeBlock(Buffer.concat([block, Buffer.alloc(2)])), damaged(/2 bytes follow/));
  for (let at = 0; at < block.length; at++) {
    for (const flip of [1, 128, 255]) {
      const changed = Buffer.from(block);
      changed[at]! ^= flip;
      try {
        decodeBlock(changed);
      } catch (error) {
        assert.ok(damaged(/cannot be decoded/)(error), `byte ${at}: ${String(error)}`);
      }
    }
  }
});

test('rows without columns, absurd counts and dictionaries are refused at once', () => {
  assert.throws(
    () => decodeBlock(Buffer.from('0080d0acf30e', 'hex')),
    damaged(/4000000000 rows in 0 columns/),
  );
  assert.throws(() => decodeBlock(Buffer.from([0, 1])), damaged(/1 rows in 0 columns/));
  const keys = Buffer.alloc(1_000_000);
  const head = Buffer.from([1, 1, 1, 0x6b, 22, ...Buffer.from('LowCardinality(String)')]);
  const numbers = [1n, 0x600n, 1_000_000n].map((value) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigUInt64LE(value);
    return bytes;
  });
  assert.throws(
    () => decodeBlock(Buffer.concat([head, ...numbers, keys])),
    damaged(/a dictionary of 1000000 keys/),
  );
});

test('what is no frame, or would unpack without bound, is refused', () => {
  assert.throws(() => decodeValue(Buffer.from('nonsense')), damaged(/does not unpack/));
  assert.throws(
    () => decodeValue(zstdCompressSync(Buffer.alloc(70 * 1024 * 1024))),
    damaged(/does not unpack/),
  );
});

test('a block that is cut, or has a type nobody knows, is decoded up to there', () => {
  const block = nativeBlock([
    { name: 'a', type: 'String', values: ['one', 'two', 'three'] },
    { name: 'b', type: 'UInt64', values: [1n, 2n, 3n] },
  ]);
  const whole = decodePartly(block);
  assert.deepEqual([whole.rows, whole.fault], [3, null]);
  const cut = decodePartly(block.subarray(0, -9));
  assert.ok(damaged(/an impossible count, 3/)(cut.fault));
  assert.deepEqual(cut.columns.get('a')!.values, bytes('one', 'two', 'three'));
  const unknown = decodePartly(Buffer.from(block.toString('latin1').replace('UInt64', 'UInt99'), 'latin1'));
  assert.ok(damaged(/column type "UInt99"/)(unknown.fault));
  assert.deepEqual(unknown.columns.get('a')!.values, bytes('one', 'two', 'three'));
  assert.deepEqual(unknown.columns.get('b')!.values, []);
  const short = decodePartly(block.subarray(0, block.indexOf('three')));
  assert.deepEqual(short.columns.get('a')!.values, bytes('one', 'two'));
});

test('a value whose end is cut off gives the rows that came before; what is no value gives none', async () => {
  const text = (row: number): string => String(Math.sin(row));
  const { value } = makeBatch({ epoch: newEpoch(), sequence: 1, rows: 20_000, text });
  const whole = await decodeValuePartly(value);
  assert.deepEqual([whole.fault, whole.columns.get('message')!.values.length], [null, 20_000]);
  const cut = await decodeValuePartly(value.subarray(0, value.length * 0.7));
  assert.ok(damaged(/does not unpack: unexpected end/)(cut.fault));
  const messages = cut.columns.get('message')!.values;
  assert.ok(messages.length > 100 && messages.length < 20_000);
  assert.equal(String(messages[100]), text(100));
  for (const nothing of ['', 'nonsense']) {
    const none = await decodeValuePartly(Buffer.from(nothing));
    assert.ok(damaged(/does not unpack/)(none.fault));
    assert.equal(none.columns.size, 0);
  }
  const bomb = await decodeValuePartly(zstdCompressSync(Buffer.alloc(70 * 1024 * 1024)));
  assert.ok(damaged(/does not unpack: to more than/)(bomb.fault));
});
