import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { patchKafkaJs, requireVersion } from '../../src/kafka/patches.ts';

const require = createRequire(import.meta.url);
const produce = require('kafkajs/src/protocol/requests/produce/v3/request');
const createRequest = require('kafkajs/src/protocol/request');

/** A send with values of these sizes, as it goes to the socket. */
async function sent(sizes: number[]): Promise<Buffer> {
  const messages = sizes.map((size, index) => ({
    key: 'host',
    value: Buffer.alloc(size, index + 1),
    timestamp: 1_793_491_200_000,
    headers: { batch: `host/1/${index}`, rows: String(size) },
  }));
  const topicData = [{ topic: 'sandbox-logs', partitions: [{ partition: 3, firstSequence: 0, messages }] }];
  const request = produce({ acks: -1, timeout: 30_000, topicData });
  const encoder = await createRequest({ correlationId: 7, clientId: 'afterlog-host', request });
  assert.equal(encoder.size(), encoder.buffer.length);
  return encoder.buffer;
}

test('the patches name the version of kafkajs that they were written for and the one that is there', () => {
  const { version } = require('kafkajs/package.json') as { version: string };
  requireVersion(version);
  assert.throws(() => requireVersion('2.3.0'), {
    code: 'KAFKAJS_UNKNOWN',
    message: new RegExp(`kafkajs 2\\.3\\.0 is installed.* kafkajs ${version.replaceAll('.', '\\.')}\\.`),
  });
});

test('a send has the same bytes whether its large values are copied or kept', async () => {
  const sends = [[0], [10, 20], [4_095, 4_096, 4_097], [1, 300_000, 2, 3, 500_000], [900_000], [70_000, 5]];
  const copied: Buffer[] = [];
  for (const sizes of sends) copied.push(await sent(sizes));
  patchKafkaJs();
  for (const [index, sizes] of sends.entries()) assert.deepEqual(await sent(sizes), copied[index]);
});
