import { setTimeout as sleep } from 'node:timers/promises';
import type { Kafka, KafkaMessage } from 'kafkajs';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { kafkaFault } from './client.ts';
import type { PartitionEnds } from './offsets.ts';
import { unreadableOf, unreadableText } from './unreadable.ts';

export interface ReadMessage {
  partition: number;
  offset: number;
  message: KafkaMessage;
  /** Why nobody can read it; the message then stands for a whole record batch. null: it was read. */
  fault: string | null;
}

/** The parts of the inside of kafkajs that are used here; see patches.ts for its version. */
interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  refreshMetadata(): Promise<void>;
  findTopicPartitionMetadata(topic: string): { partitionId: number }[];
  findLeaderForPartitions(topic: string, partitions: number[]): Record<string, number[]>;
  fetchTopicsOffset(
    topics: { topic: string; fromBeginning: boolean; partitions: { partition: number }[] }[],
  ): Promise<{ partitions: { partition: number; offset: string }[] }[]>;
  findBroker(leader: { nodeId: string }): Promise<{ fetch(request: object): Promise<FetchAnswer> }>;
}

interface FetchAnswer {
  responses: { partitions: { partition: number; messages: Fetched[] }[] }[];
}

type Fetched = KafkaMessage & { isControlRecord?: boolean };

const READ_UNCOMMITTED = 0;

/**
 * Reads a topic without a consumer group: no group is made or disturbed, nothing waits for one, and any
 * offset can be read. kafkajs does not offer this, so its inner parts are used: the connections of every
 * client.
 */
export class TopicReader {
  readonly topic: string;
  private readonly cluster: Cluster;

  private constructor(topic: string, cluster: Cluster) {
    this.topic = topic;
    this.cluster = cluster;
  }

  /** @throws AfterlogError TOPIC_MISSING, KAFKA_UNREACHABLE */
  static async open(kafka: Kafka, topic: string): Promise<TopicReader> {
    const reader = new TopicReader(topic, clusterOf(kafka));
    try {
      await reader.cluster.connect();
      await reader.cluster.addTargetTopic(topic);
      return reader;
    } catch (error) {
      await reader.close();
      throw reader.explain(error);
    }
  }

  /** @throws AfterlogError KAFKA_UNREACHABLE */
  async ends(): Promise<PartitionEnds[]> {
    const { topic, cluster } = this;
    const ask = async (fromBeginning: boolean): Promise<Map<number, number>> => {
      const partitions = cluster
        .findTopicPartitionMetadata(topic)
        .map(({ partitionId }) => ({ partition: partitionId }));
      const [found] = await cluster.fetchTopicsOffset([{ topic, fromBeginning, partitions }]);
      return new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
    };
    try {
      const [lows, highs] = [await ask(true), await ask(false)];
      return [...highs]
        .map(([partition, high]) => ({ partition, low: lows.get(partition)!, high }))
        .sort((a, b) => a.partition - b.partition);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /**
   * The messages of one partition with offsets from `from` to `to` - 1, in order, without those that
   * retention deletes meanwhile. One fetch (at most `fetch_partition_bytes`, or one message) is in memory at
   * a time.
   * @throws AfterlogError KAFKA_UNREACHABLE
   */
  async *read(partition: number, from: number, to: number): AsyncGenerator<ReadMessage> {
    const offsets = new Map([[partition, from]]);
    for (let empty = 0; offsets.get(partition)! < to; ) {
      const found = await this.fetch(offsets);
      if (found.length === 0) {
        const end = (await this.ends()).find((one) => one.partition === partition);
        // Fewer messages are there than the broker reported, or it does not send those that it reports.
        if (end === undefined || offsets.get(partition)! >= end.high) return;
        if (++empty > limits.topic.tries_max) throw this.explain(new Error('the broker sends no messages'));
      }
      for (const one of found) {
        if (one.offset >= to) return;
        yield one;
      }
    }
  }

  /**
   * The messages from `offsets` (partition → next offset) on, without an end. It waits for brokers that are
   * away for a while.
   * @throws AfterlogError KAFKA_UNREACHABLE
   */
  async *follow(offsets: Map<number, number>): AsyncGenerator<ReadMessage> {
    for (let failed = 0; ; ) {
      try {
        yield* await this.fetch(offsets);
        failed = 0;
      } catch (error) {
        if (++failed > limits.topic.tries_max) throw error;
        await sleep(Math.min(limits.send.retry_first_ms * 2 ** failed, limits.send.retry_longest_ms));
        await this.cluster.refreshMetadata().catch(() => {});
      }
    }
  }

  async close(): Promise<void> {
    await this.cluster.disconnect().catch(() => {});
  }

  /** One fetch of each leader; moves `offsets` behind it. Empty if nothing arrives in `fetch_wait_ms`. */
  private async fetch(offsets: Map<number, number>): Promise<ReadMessage[]> {
    try {
      const leaders = this.cluster.findLeaderForPartitions(this.topic, [...offsets.keys()]);
      const answers = Object.entries(leaders).map(([nodeId, some]) => this.fetchFrom(nodeId, some, offsets));
      const found = (await Promise.all(answers)).flat();
      for (const { partition, offset } of found) offsets.set(partition, offset + 1);
      return found.filter(({ offset, message }) => {
        // Of the two that stand for an unreadable record batch, the last one tells.
        return !(message as Fetched).isControlRecord && (unreadableOf(message)?.last ?? offset) === offset;
      });
    } catch (error) {
      if ((error as { type?: string }).type !== 'OFFSET_OUT_OF_RANGE') throw this.explain(error);
      // Retention was faster, or the topic was made again and is shorter now.
      for (const { partition, low, high } of await this.ends()) {
        const offset = offsets.get(partition);
        if (offset !== undefined) offsets.set(partition, Math.min(Math.max(offset, low), high));
      }
      return [];
    }
  }

  private async fetchFrom(
    nodeId: string,
    partitions: number[],
    offsets: Map<number, number>,
  ): Promise<ReadMessage[]> {
    const broker = await this.cluster.findBroker({ nodeId });
    const wanted = partitions.map((partition) => ({
      partition,
      fetchOffset: String(offsets.get(partition)),
      maxBytes: limits.consume.fetch_partition_bytes,
    }));
    const { responses } = await broker.fetch({
      maxWaitTime: limits.consume.fetch_wait_ms,
      minBytes: 1,
      maxBytes: limits.consume.fetch_bytes_max,
      isolationLevel: READ_UNCOMMITTED,
      topics: [{ topic: this.topic, partitions: wanted }],
    });
    return (
      responses
        .flatMap((response) => response.partitions)
        .flatMap(({ partition, messages }) =>
          messages.map((message) => {
            const unreadable = unreadableOf(message);
            const fault = unreadable && unreadableText(this.topic, partition, unreadable);
            return { partition, offset: Number(message.offset), message, fault };
          }),
        )
        // A compressed record batch is always whole, with the messages before the wanted offset.
        .filter(({ partition, offset }) => offset >= offsets.get(partition)!)
    );
  }

  private explain(error: unknown): AfterlogError {
    const fault = kafkaFault(`Topic ${this.topic} cannot be read`, error);
    if (fault.code !== 'TOPIC_MISSING') return fault;
    return new AfterlogError('TOPIC_MISSING', `There is no topic ${this.topic}.`, error);
  }
}

/** Made by kafkajs' own function, so that brokers, TLS and SASL are those of `kafka`. */
function clusterOf(kafka: Kafka): Cluster {
  const name = 'private:Kafka:createCluster';
  const key = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === name);
  const create = (kafka as unknown as Record<symbol, (options: object) => Cluster>)[key!]!;
  return create({ metadataMaxAge: 60_000, allowAutoTopicCreation: false, isolationLevel: READ_UNCOMMITTED });
}
