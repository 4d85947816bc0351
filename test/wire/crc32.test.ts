import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { crc32Shift } from '../../src/wire/crc32_shift.ts';
import { randomOf } from '../support/content.ts';

test('a difference of two checksums is followed through any bytes that come after both', () => {
  const random = randomOf(1);
  const bytes = (length: number): Buffer => Buffer.from(Array.from({ length }, () => random() * 256));
  for (const length of [0, 1, 2, 7, 255, 256, 1_000, 70_000]) {
    const [a, b, after] = [bytes(random() * 500), bytes(random() * 500), bytes(length)];
    const difference = (crc32(a) ^ crc32(b)) >>> 0;
    const wanted = (crc32(Buffer.concat([a, after])) ^ crc32(Buffer.concat([b, after]))) >>> 0;
    assert.equal(crc32Shift(difference, length), wanted, `${length} bytes`);
  }
});
