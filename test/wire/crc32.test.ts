import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { combineCrc32, shiftCrc32 } from '../../src/wire/crc32.ts';
import { randomOf } from '../support/content.ts';

test('a difference of two checksums is followed through any bytes that come after both', () => {
  const random = randomOf(1);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random() * 256));
  for (const length of [0, 1, 2, 7, 255, 256, 1_000, 70_000]) {
    const [a, b, after] = [bytes(random() * 500), bytes(random() * 500), bytes(length)];
    const difference = (crc32(a) ^ crc32(b)) >>> 0;
    const wanted = (crc32(Buffer.concat([a, after])) ^ crc32(Buffer.concat([b, after]))) >>> 0;
    assert.equal(shiftCrc32(difference, length), wanted, `${length} bytes`);
  }
});

test('a CRC-32 is combined from those of pieces of any length', () => {
  const bytes = Buffer.from(Array.from({ length: 70_000 }, (_, index) => (index * 31 + (index >> 8)) & 255));
  for (const cut of [0, 1, 117, 4_095, 4_096, 65_536, bytes.length]) {
    const [a, b] = [bytes.subarray(0, cut), bytes.subarray(cut)];
    assert.equal(combineCrc32(crc32(a), crc32(b), b.length), crc32(bytes), `cut at ${cut}`);
  }
});
