import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Admin, ITopicConfig, KafkaMessage, Message, Producer } from 'kafkajs';
import { Partitioners } from 'kafkajs';
import type { Settings } from '../../src/config/settings.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { whenKnown } from '../../src/kafka/topics.ts';
import { type Batch, toKafkaHeaders } from '../../src/wire/header.ts';
import { PATIENCE_MS, until } from './patience.ts';

/** The product's clients fail early, because the product retries; clients of a test must retry themselves. */
const PATIENT = { retries: 20, initialRetryTime: 100, maxRetryTime: 5_000 };

export interface Topic {
  send(batches: (Batch | Message)[], partition?: number): Promise<void>;
  /** Sends many messages that are no batches. */
  fill(count: number): Promise<void>;
  /** Deletes the messages below an offset, like retention. */
  deleteBefore(offset: number, partition?: number): Promise<void>;
  /** The group's offset; -1 if it has none. */
  committed(partition?: number): Promise<number>;
  /** Deletes the group, as the broker does if it is empty for too long. */
  forgetGroup(): Promise<void>;
  setOffset(offset: number, partition?: number): Promise<void>;
  addPartitions(count: number): Promise<void>;
  /** Deletes the topic and creates it again as soon as the broker allows it. */
  makeAgain(): Promise<void>;
}

/** Creates the configured topic, and a producer for it that is closed at the end of the test. */
export async function makeTopic(t: TestContext, settings: Settings, numPartitions = 1): Promise<Topic> {
  const kafka = createKafka(settings);
  const { topic, group: groupId } = settings.kafka;
  const admin = kafka.admin({ retry: PATIENT });
  const newProducer = async (): Promise<Producer> => {
    const made = kafka.producer({
      createPartitioner: Partitioners.DefaultPartitioner,
      allowAutoTopicCreation: false,
      retry: PATIENT,
    });
    await made.connect();
    return made;
  };
  await admin.connect();
  let producer = await newProducer();
  t.after(async () => {
    await producer.disconnect();
    await admin.disconnect();
  });
  const make = () => createTopics(admin, { topic, numPartitions });
  await make();
  const partitions = async () => {
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
    return topics[0]!.partitions.length;
  };
  /** An ended member may count until its session expires. */
  const isLeft = () =>
    until(async () => {
      const { groups } = await admin.describeGroups([groupId]);
      return groups.every(({ members }) => members.length === 0);
    }, `the members of ${groupId} to be gone`);
  return {
    async send(batches, partition = 0) {
      for (const batch of batches) {
        const message = 'header' in batch ? asMessage(batch) : batch;
        const answers = await producer.send({ topic, acks: -1, messages: [{ ...message, partition }] });
        // kafkajs sends nothing, without an error, for an unknown partition.
        assert.equal(answers[0]?.partition, partition, `nothing was sent to ${topic}/${partition}`);
      }
    },
    async fill(count) {
      const some = Array.from({ length: 10_000 }, () => ({ value: 'x', partition: 0 }));
      for (let left = count; left > 0; left -= some.length) {
        await producer.send({ topic, acks: -1, messages: some.slice(0, left) });
      }
    },
    async deleteBefore(offset, partition = 0) {
      await admin.fetchTopicOffsets(topic); // It needs a known leader.
      await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
    },
    async forgetGroup() {
      await isLeft();
      await admin.deleteGroups([groupId]);
    },
    async setOffset(offset, partition = 0) {
      await isLeft();
      await admin.setOffsets({ groupId, topic, partitions: [{ partition, offset: String(offset) }] });
    },
    async addPartitions(count) {
      await admin.createPartitions({ topicPartitions: [{ topic, count }] });
      // The broker reports new partitions a little later, and until then a producer ignores them. A producer
      // that reconnects may get the error of its old connection, and send messages again.
      await until(async () => (await partitions()) === count);
      const old = producer;
      producer = await newProducer();
      await old.disconnect();
    },
    async makeAgain() {
      await deleteTopic(admin, topic);
      await make();
    },
    async committed(partition = 0) {
      // A new group has no coordinator at first.
      const [found] = await admin.fetchOffsets({ groupId, topics: [topic] }).catch(() => []);
      return Number(found?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
    },
  };
}

/** Creates topics, and returns when the broker reports them. */
export async function createTopics(admin: Admin, ...topics: ITopicConfig[]): Promise<void> {
  await admin.createTopics({ topics, timeout: PATIENCE_MS, waitForLeaders: false });
  for (const { topic } of topics) {
    await until(() =>
      whenKnown(admin, topic).then(
        () => true,
        () => false,
      ),
    );
  }
}

/** Deletes a topic, and returns when the broker accepts no more messages for it. */
export async function deleteTopic(admin: Admin, topic: string): Promise<void> {
  await admin.deleteTopics({ topics: [topic], timeout: PATIENCE_MS });
  await until(async () => !(await admin.listTopics()).includes(topic));
  // A broker that reports the topic as deleted may still accept and lose messages. It applies changes in
  // order: when a new topic exists, the deletion is complete.
  await createTopics(admin, { topic: `${topic}-is-gone`, numPartitions: 1 });
}

/** First and last offsets of the partitions of a topic, as soon as a broker is their leader. */
export async function offsetsOf(admin: Admin, topic: string): Promise<{ partition: number; high: string }[]> {
  let offsets: { partition: number; high: string }[] = [];
  await until(async () => {
    offsets = await admin.fetchTopicOffsets(topic).catch((error: { type?: string }) => {
      if (error.type !== 'NOT_LEADER_FOR_PARTITION') throw error;
      return [];
    });
    return offsets.length > 0;
  });
  return offsets;
}

export const asMessage = ({ header, value }: Batch): Message => ({
  key: header.host,
  value,
  headers: toKafkaHeaders(header),
});

/** The first `count` messages of a topic. */
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
