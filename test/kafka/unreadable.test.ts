import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import type { KafkaMessage } from 'kafkajs';
import { patchKafkaJs } from '../../src/kafka/patches.ts';
import { unreadableOf, unreadableText } from '../../src/kafka/unreadable.ts';
import { overrideLimits } from '../support/limits.ts';

patchKafkaJs();
const require = createRequire(import.meta.url);
const RecordBatch = require('kafkajs/src/protocol/recordBatch/v0').RecordBatch;
const Record = require('kafkajs/src/protocol/recordBatch/record/v0');
const Decoder = require('kafkajs/src/protocol/decoder');
const Long = require('kafkajs/src/utils/long');
const decodeMessages = require('kafkajs/src/protocol/requests/fetch/v4/decodeMessages') as (
  decoder: object,
) => Promise<KafkaMessage[]>;

async function recordBatch(first: number, values: string[]): Promise<Buffer> {
  const records = values.map((value, offsetDelta) => Record({ offsetDelta, key: 'k', value, headers: {} }));
  const firstOffset = Long.fromInt(first);
  return (await RecordBatch({ firstOffset, lastOffsetDelta: values.length - 1, records })).buffer;
}

/** What a fetch of these record batches gives. */
async function fetched(batches: Buffer[]): Promise<KafkaMessage[]> {
  const bytes = Buffer.concat(batches);
  const length = Buffer.alloc(4);
  length.writeInt32BE(bytes.length);
  return decodeMessages(new Decoder(Buffer.concat([length, bytes])));
}

const offsets = (messages: KafkaMessage[]): string[] => messages.map(({ offset }) => offset);

test('a record batch that cannot be decoded becomes stand-ins; those around it are read', async () => {
  const damaged = await recordBatch(2, ['c', 'd', 'e']);
  damaged.fill(0xff, 61);
  const unknown = await recordBatch(5, ['f']);
  unknown[22] = 7;
  const messages = await fetched([
    await recordBatch(0, ['a', 'b']),
    damaged,
    unknown,
    await recordBatch(6, ['g']),
  ]);
  assert.deepEqual(offsets(messages), ['0', '1', '2', '4', '5', '6']);
  const texts = messages.map((message) => {
    const found = unreadableOf(message);
    return found && unreadableText('logs', 3, found);
  });
  assert.deepEqual([texts[0], texts[1], texts[5]], [null, null, null]);
  assert.match(texts[3]!, /^Messages 2 to 4 of logs\/3 cannot be decoded: /);
  assert.match(texts[4]!, /^Message 5 of logs\/3 cannot be decoded: its compression is not known/);
  assert.equal(messages[2]!.value, null);
  assert.deepEqual(messages[3]!.value, damaged);
});

test('a record batch that the end of a fetch cuts is left for the next fetch', async () => {
  const whole = await recordBatch(0, ['a']);
  const cut = (await recordBatch(1, ['b'.repeat(100)])).subarray(0, -20);
  assert.deepEqual(offsets(await fetched([whole, cut])), ['0']);
});

test('a fetch ends before what would unpack to more than it may take', async (t) => {
  overrideLimits({ consume: { unpacked_bytes_max: 1_000 } }, t);
  const batches = await Promise.all([0, 1, 2, 3].map((at) => recordBatch(at, ['x'.repeat(600)])));
  assert.deepEqual(offsets(await fetched(batches)), ['0', '1']);
  const large = await recordBatch(0, ['x'.repeat(5_000)]);
  assert.deepEqual(offsets(await fetched([large, batches[1]!])), ['0']);
});
