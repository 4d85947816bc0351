import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { KafkaMessage, Message } from 'kafkajs';
import { Partitioners } from 'kafkajs';
import type { Settings } from '../../src/config/settings.ts';
import { createKafka } from '../../src/kafka.ts';
import { type Batch, toKafkaHeaders } from '../../src/wire/header.ts';
import { until } from './patience.ts';

export interface Topic {
  send(batches: (Batch | Message)[], partition?: number): Promise<void>;
  /** Deletes the messages below an offset, as retention does. */
  deleteBefore(offset: number, partition?: number): Promise<void>;
  /** The group's offset; -1 if it has none. */
  committed(partition?: number): Promise<number>;
  /** Deletes the group, as the broker does with one that was empty for too long. */
  forgetGroup(): Promise<void>;
  setOffset(offset: number, partition?: number): Promise<void>;
  addPartitions(count: number): Promise<void>;
  /** Deletes the topic and makes it anew, as soon as the broker lets us. */
  makeAgain(): Promise<void>;
}

/** Makes the settings' topic, and a producer for it that is closed at the test's end. */
export async function makeTopic(t: TestContext, settings: Settings, numPartitions = 1): Promise<Topic> {
  const kafka = createKafka(settings);
  const { topic, group: groupId } = settings.kafka;
  const admin = kafka.admin();
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await admin.connect();
  await producer.connect();
  t.after(async () => {
    await producer.disconnect();
    await admin.disconnect();
  });
  await admin.createTopics({ topics: [{ topic, numPartitions }] });
  const partitions = async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]!.partitions.length;
  };
  return {
    async send(batches, partition = 0) {
      for (const batch of batches) {
        const message = 'header' in batch ? asMessage(batch) : batch;
        const answers = await producer.send({ topic, acks: -1, messages: [{ ...message, partition }] });
        // kafkajs sends nothing, and reports no error, for a partition that it does not know.
        assert.equal(answers[0]?.partition, partition, `nothing was sent to ${topic}/${partition}`);
      }
    },
    async deleteBefore(offset, partition = 0) {
      await admin.fetchTopicOffsets(topic); // It takes the leader to be known already.
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    },
    async forgetGroup() {
      await admin.deleteGroups([groupId]);
    },
    async setOffset(offset, partition = 0) {
      await admin.setOffsets({ groupId, topic, partitions: [{ partition, offset: String(offset) }] });
    },
    async addPartitions(count) {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
      // The broker tells of them a little later; until then a producer takes what it is told for all there is.
      await until(async () => (await partitions()) === count);
      await producer.disconnect();
      await producer.connect();
    },
    async makeAgain() {
      await admin.deleteTopics({ topics: [topic] });
      while ((await admin.listTopics()).includes(topic)) await sleep(5);
      await admin.createTopics({ topics: [{ topic, numPartitions }] });
    },
    async committed(partition = 0) {
      // A new group's coordinator is not there at once.
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] }).catch(() => []);
      return Number(found?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
    },
  };
}

export const asMessage = ({ header, value }: Batch): Message => ({
  key: header.host,
  value,
  headers: toKafkaHeaders(header),
});

/** The first `count` messages of a topic, from its beginning. */
export async function readTopic(settings: Settings, topic: string, count: number): Promise<KafkaMessage[]> {
  const consumer = createKafka(settings).consumer({ groupId: `${topic}-reader-${Date.now()}` });
  const found: KafkaMessage[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve) => {
    void consumer.run({
      autoCommit: false,
      eachMessage: async ({ message }) => {
        found.push(message);
        if (found.length === count) resolve();
      },
    });
  });
  await consumer.disconnect();
  return found;
}
