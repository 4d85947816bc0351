import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { createKafka } from '../../src/kafka/client.ts';
import { type ReadMessage, TopicReader } from '../../src/kafka/topic_reader.ts';
import { newEpoch, run } from '../support/batches.ts';
import { testSettings } from '../support/kafka.ts';
import { startKafkaProxy } from '../support/kafka_proxy.ts';
import { makeTopic } from '../support/topic.ts';

/** Requests, by their number in Kafka's protocol. */
const [FETCH, FIND_COORDINATOR, JOIN_GROUP] = [1, 10, 11];

async function filled(t: TestContext, partitions: number, counts: number[]) {
  const settings = await testSettings(t);
  const topic = await makeTopic(t, settings, partitions);
  const epoch = newEpoch();
  for (const [partition, count] of counts.entries()) await topic.send(run(epoch, 1, count), partition);
  const reader = await TopicReader.open(createKafka(settings), settings.kafka.topic);
  t.after(() => reader.close());
  return { settings, topic, reader };
}

async function offsetsOf(messages: AsyncIterable<ReadMessage>): Promise<number[]> {
  const offsets: number[] = [];
  for await (const { offset } of messages) offsets.push(offset);
  return offsets;
}

test('any range of offsets is read, in order, and no group is asked for', async (t) => {
  const { settings } = await filled(t, 2, [12, 3]);
  const proxy = await startKafkaProxy(t);
  const through = { ...settings, kafka: { ...settings.kafka, brokers: [proxy.broker] } };
  const reader = await TopicReader.open(createKafka(through), settings.kafka.topic);
  t.after(() => reader.close());
  assert.deepEqual(await reader.ends(), [
    { partition: 0, low: 0, high: 12 },
    { partition: 1, low: 0, high: 3 },
  ]);
  assert.deepEqual(await offsetsOf(reader.read(0, 7, 8)), [7]);
  assert.deepEqual(await offsetsOf(reader.read(0, 9, 12)), [9, 10, 11]);
  assert.deepEqual(await offsetsOf(reader.read(1, 0, 3)), [0, 1, 2]);
  assert.deepEqual(await offsetsOf(reader.read(1, 3, 3)), []);
  assert.ok(proxy.asked.has(FETCH));
  assert.ok(!proxy.asked.has(FIND_COORDINATOR) && !proxy.asked.has(JOIN_GROUP), [...proxy.asked].join());
});

test('what retention took is left out, and an end that was lost ends the reading', async (t) => {
  const { topic, reader } = await filled(t, 1, [6]);
  await topic.deleteBefore(4);
  assert.deepEqual(await offsetsOf(reader.read(0, 0, 6)), [4, 5]);
  assert.deepEqual(await offsetsOf(reader.read(0, 5, 9)), [5]);
});

test('a topic that is not there is named, and is not made by asking', async (t) => {
  const settings = await testSettings(t);
  const { topic } = settings.kafka;
  const open = (): Promise<unknown> => TopicReader.open(createKafka(settings), topic);
  for (let time = 0; time < 2; time++) {
    await assert.rejects(open, { code: 'TOPIC_MISSING', message: `There is no topic ${topic}.` });
  }
});

test('brokers that do not answer are named', async (t) => {
  const settings = await testSettings(t, { kafkaBrokers: '127.0.0.1:9' });
  await assert.rejects(TopicReader.open(createKafka(settings), 'some-topic'), {
    code: 'KAFKA_UNREACHABLE',
    message: /some-topic cannot be read: .*127\.0\.0\.1:9/,
  });
});

test('a time is found in each partition, and one after the last message is its end', async (t) => {
  const { topic, reader } = await filled(t, 2, [0, 2]);
  await sleep(50);
  // The broker stamps the messages.
  const between_ms = Date.now();
  await sleep(50);
  await topic.send([{ value: 'x' }], 1);
  const found = async (ms: number) => [...(await reader.since(ms))].sort(([a], [b]) => a - b);
  for (const [ms, offset] of [
    [0, 0],
    [between_ms, 2],
    [between_ms + 3_600_000, 3],
  ] as const) {
    assert.deepEqual(await found(ms), [
      [0, 0],
      [1, offset],
    ]);
  }
});
