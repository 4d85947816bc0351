import assert from 'node:assert/strict';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { gzip, zstdCompress } from 'node:zlib';
import kafkajs, { type Message, Partitioners } from 'kafkajs';
import type { Settings } from '../../src/config/settings.ts';
import { startConsumer } from '../../src/consume/consumer.ts';
import { openLetters } from '../../src/dlq/letters.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { TopicReader } from '../../src/kafka/topic_reader.ts';
import { withAdmin } from '../../src/kafka/topics.ts';
import { newEpoch, run } from '../support/batches.ts';
import { site } from '../support/consumer_site.ts';
import { assertLandedOnce, gapsOf } from '../support/landed_rows.ts';
import { overrideLimits } from '../support/limits.ts';
import { until } from '../support/patience.ts';
import { asMessage, makeTopic, readTopic } from '../support/topic.ts';

/** From now on the broker packs, unpacks or keeps what comes. */
async function packs(settings: Settings, type: string): Promise<void> {
  const configEntries = [{ name: 'compression.type', value: type }];
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: settings.kafka.topic, configEntries }];
  await withAdmin(createKafka(settings), (admin) => admin.alterConfigs({ validateOnly: false, resources }));
}

/** One record batch of these messages, packed by the producer. */
async function sendPacked(settings: Settings, messages: Message[], type: 'gzip' | 'zstd'): Promise<void> {
  const pack = promisify(type === 'gzip' ? gzip : zstdCompress) as (bytes: Buffer) => Promise<Buffer>;
  const compression = kafkajs.CompressionTypes[type === 'gzip' ? 'GZIP' : 'ZSTD'];
  const kafka = createKafka(settings);
  // The consumer only unpacks.
  const { CompressionCodecs: codecs } = kafkajs;
  const ours = codecs[compression];
  codecs[compression] = () => ({ ...ours(), compress: ({ buffer }: { buffer: Buffer }) => pack(buffer) });
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  try {
    await producer.send({ topic: settings.kafka.topic, acks: -1, compression, messages });
  } finally {
    await producer.disconnect();
    codecs[compression] = ours;
  }
}

test('batches of a topic with any compression.type land, and none is set aside', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  let sent = 0;
  for (const type of ['zstd', 'lz4', 'snappy', 'gzip', 'uncompressed', 'producer']) {
    await packs(settings, type);
    await topic.send(run(epoch, sent + 1, sent + 3));
    sent += 3;
  }
  const consumer = await startConsumer(settings);
  t.after(() => consumer.stop());
  await until(async () => (await topic.committed()) === sent);
  const { batches_refused, messages_unreadable } = consumer.status();
  assert.deepEqual([batches_refused, messages_unreadable], [0, 0]);
  await assertLandedOnce(client, database, epoch, sent * 10);
});

test('messages that unpack to more than the limit are set aside and counted; the rest lands', async (t) => {
  overrideLimits({ consume: { unpacked_bytes_max: 200_000 } }, t);
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  await packs(settings, 'producer');
  const epoch = newEpoch();
  const large: Message[] = run(epoch, 3, 5).map((batch) => ({
    ...asMessage(batch),
    headers: { ...asMessage(batch).headers, filler: 'x'.repeat(100_000) },
  }));
  await topic.send(run(epoch, 1, 2));
  await sendPacked(settings, large, 'zstd');
  await topic.send(run(epoch, 6, 7));
  const bomb = { key: 'x', value: Buffer.alloc(900_000) };
  await sendPacked(settings, [bomb], 'gzip');
  await topic.send(run(epoch, 8, 8));
  const consumer = await startConsumer(settings);
  t.after(() => consumer.stop());
  await until(async () => (await topic.committed()) === 9);

  const { batches_landed, batches_refused, messages_unreadable } = consumer.status();
  assert.deepEqual([batches_landed, batches_refused, messages_unreadable], [5, 0, 4]);
  const gaps = await gapsOf(client, database, epoch);
  assert.deepEqual(
    gaps.map(({ sequence }) => sequence),
    ['5'],
    'one gap row for the three batches that nobody could read',
  );
  const letters = await readTopic(settings, `${settings.kafka.topic}-dlq`, 2);
  const shown = letters.map(({ headers }) => [headers!['dlq-code'], headers!['dlq-reason']].map(String));
  const name = settings.kafka.topic;
  assert.deepEqual(shown, [
    ['MESSAGE_UNREADABLE', `Messages 2 to 4 of ${name}/0 (zstd) unpack to more than 200000 bytes`],
    ['MESSAGE_UNREADABLE', `Message 7 of ${name}/0 (gzip) unpacks to more than 200000 bytes`],
  ]);
  for (const { value } of letters) assert.ok(value!.length > 0, 'the letter keeps what came');

  // The commands show it too, and go on behind it.
  const kept = openLetters(settings);
  t.after(() => kept.close());
  const { letters: newest } = await kept.newest(10);
  assert.deepEqual(
    newest.map(({ code, header }) => [code, header]),
    [
      ['MESSAGE_UNREADABLE', null],
      ['MESSAGE_UNREADABLE', null],
    ],
  );
  const reader = await TopicReader.open(createKafka(settings), name);
  t.after(() => reader.close());
  const faults: [number, string | null][] = [];
  for await (const { offset, fault } of reader.read(0, 0, 9)) faults.push([offset, fault]);
  assert.deepEqual(
    faults.map(([offset]) => offset),
    [0, 1, 4, 5, 6, 7, 8],
  );
  assert.match(faults[2]![1]!, /^Messages 2 to 4 of .* \(zstd\) unpack to more than 200000 bytes$/);
});

test('compressed batches and compressed dead letters: both are read', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await packs(settings, 'zstd');
  const damaged = { ...asMessage(run(epoch, 2, 2)[0]!), value: Buffer.from('no batch') };
  await topic.send([...run(epoch, 1, 1), damaged, ...run(epoch, 3, 3)]);
  const consumer = await startConsumer(settings);
  t.after(() => consumer.stop());
  await until(async () => (await topic.committed()) === 3);
  assert.equal(consumer.status().batches_refused, 1);
  const dead = { ...settings, kafka: { ...settings.kafka, topic: `${settings.kafka.topic}-dlq` } };
  // What is set aside from now on is packed with LZ4.
  await packs(dead, 'lz4');
  await topic.send([damaged]);
  await until(async () => (await topic.committed()) === 4);
  const kept = openLetters(settings);
  t.after(() => kept.close());
  const { letters } = await kept.newest(10);
  assert.equal(letters.length, 2);
  for (const { reason } of letters) assert.match(reason, /bytes, its header says/);
  const [gap] = await gapsOf(client, database, epoch);
  assert.match(gap!.reason, /batch 2 .* is missing/);
});
