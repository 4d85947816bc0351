import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { crc32c } from '../../src/kafka/crc32c.ts';
import { patchKafkaJs } from '../../src/kafka/patches.ts';

const require = createRequire(import.meta.url);

test('the checksum is that of the standard, for any length and place in memory', () => {
  assert.equal(crc32c(Buffer.from('123456789')), 0xe3069283);
  const kafkas = require('kafkajs/src/protocol/recordBatch/crc32C/crc32C') as (bytes: Buffer) => number;
  const bytes = Buffer.from(Array.from({ length: 300 }, (_, index) => (index * 7_919) & 255));
  for (let start = 0; start < 9; start++) {
    for (let end = start; end <= bytes.length; end++) {
      const some = bytes.subarray(start, end);
      assert.equal(crc32c(some), kafkas(some));
    }
  }
});

test('kafkajs uses it', () => {
  patchKafkaJs();
  assert.equal(require('kafkajs/src/protocol/recordBatch/crc32C'), crc32c);
});
