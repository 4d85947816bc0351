import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { areBlocks, BlockSums } from '../../src/tail/block_sums.ts';

const lines = (count: number): Buffer =>
  Buffer.from(
    Array.from({ length: count }, (_, index) => `line ${index}${'.'.repeat(index % 60)}\n`).join(''),
  );

/** Which blocks of `bytes` differ from those that the sums are of. */
const changed = (sums: BlockSums, bytes: Buffer): number[] =>
  Array.from({ length: sums.count }, (_, block) => block).filter(
    (block) => !areBlocks(sums, block, block, bytes.subarray(sums.startOf(block), sums.endOf(block))),
  );

function assertGood(sums: BlockSums, bytes: Buffer): void {
  assert.equal(sums.end, bytes.length);
  assert.equal(sums.sum, crc32(bytes));
  assert.equal(sums.endOf(sums.count - 1), bytes.length);
  assert.deepEqual(changed(sums, bytes), []);
  for (const at of [0, 1_000, bytes.length - 1]) {
    const other = Buffer.from(bytes);
    other[at]! ^= 1;
    assert.ok(changed(sums, other).includes(sums.blockAt(at)), `another byte at ${at}`);
  }
}

test('at the start each line is a block, further blocks grow with the offset', () => {
  const bytes = lines(20_000);
  const sums = new BlockSums();
  for (let at = 0; at < bytes.length; at += 10_000) sums.add(bytes.subarray(at, at + 10_000));
  assertGood(sums, bytes);
  assert.equal(sums.endOf(0), bytes.indexOf('\n') + 1);
  assert.ok(sums.isLine(100));
  assert.ok(sums.count < 2_048 + 500, `${sums.count} blocks`);
});

test('sums that must take less memory have longer blocks, and find each change still', () => {
  const bytes = lines(20_000);
  const half = bytes.subarray(0, bytes.length / 2);
  for (const room of [8_000, 2_000, 512]) {
    const sums = new BlockSums();
    sums.add(half);
    const before = sums.count;
    sums.shrinkTo(room);
    assert.ok(sums.count <= room / 8 + 1, `${sums.count} blocks in ${room} bytes`);
    assert.ok(sums.count < before);
    assertGood(sums, half);
    sums.add(bytes.subarray(half.length));
    assertGood(sums, bytes);
    sums.shrinkTo(room);
    assertGood(sums, bytes);
    assertGood(sums.clone(), bytes);
  }
});

test('sums that take little memory stay as they are', () => {
  const bytes = lines(50);
  const sums = new BlockSums();
  sums.add(bytes);
  sums.shrinkTo(512);
  assert.equal(sums.count, 50);
  assert.ok(sums.isLine(0));
});

test('sums as text find each change behind their first block, close to it by the line', () => {
  const bytes = lines(20_000);
  const sums = new BlockSums();
  sums.add(bytes);
  for (const first of [0, 100, 2_040, sums.count - 1, sums.count]) {
    const text = sums.textFrom(first);
    const read = BlockSums.fromText(text);
    assert.ok(text.length < 4_096, `${text.length} characters`);
    assert.equal(read.end, sums.end);
    assert.equal(read.from, first < sums.count ? sums.startOf(first) : sums.end);
    assert.deepEqual(changed(read, bytes), []);
    if (read.count === 0) continue;
    if (sums.isLine(first)) assert.equal(read.endOf(0), sums.endOf(first));
    for (const at of [read.from, Math.floor((read.from + bytes.length) / 2), bytes.length - 1]) {
      const other = Buffer.from(bytes);
      other[at]! ^= 1;
      assert.ok(changed(read, other).includes(read.blockAt(at)), `another byte at ${at}`);
    }
  }
});
