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
    topics: {
      topic: string;
      fromBeginning?: boolean;
      fromTimestamp?: number;
      partitions: { partition: number }[];
    }[],
  ): Promise<{ partitions: { partition: number; offset: string }[] }[]>;
  findBroker(leader: { nodeId: string }): Promise<{ fetch(request: object): Promise<FetchAnswer> }>;
}

interface FetchAnswer {
  responses: { partitions: { partition: number; messages: Fetched[] }[] }[];
}

/** What happens when an offset is not there (any more). */
export interface Edges {
  /** Retention was faster: messages `from` to `to` - 1 are gone. */
  overtaken(partition: number, from: number, to: number): void;
  /** The topic was made again and is shorter now. @returns the next offset */
  behindEnd(end: PartitionEnds): Promise<number>;
}

const stayInside: Edges = { overtaken: () => {}, behindEnd: async ({ high }) => high };

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
    try {
      const [lows, highs] = [
        await this.ask({ fromBeginning: true }),
        await this.ask({ fromBeginning: false }),
      ];
      return [...highs]
        .map(([partition, high]) => ({ partition, low: lows.get(partition)!, high }))
        .sort((a, b) => a.partition - b.partition);
    } catch (error) {
      throw this.explain(error);
    }
  }

  /**
   * Partition → offset of its first message that came at `ms` since 1970 or later, by the brokers' clocks;
   * its end if there is none.
   * @throws AfterlogError KAFKA_UNREACHABLE
   */
  async since(ms: number): Promise<Map<number, number>> {
    try {
      const highs = await this.ask({ fromBeginning: false });
      const found = await this.ask({ fromTimestamp: ms });
      return new Map(
        [...highs].map(([partition, high]) => {
          const offset = found.get(partition) ?? -1;
          return [partition, offset < 0 ? high : offset];
        }),
      );
    } catch (error) {
      throw this.explain(error);
    }
  }

  private async ask(what: { fromBeginning?: boolean; fromTimestamp?: number }): Promise<Map<number, number>> {
    const { topic, cluster } = this;
    const partitions = cluster
      .findTopicPartitionMetadata(topic)
      .map(({ partitionId }) => ({ partition: partitionId }));
    const [found] = await cluster.fetchTopicsOffset([{ topic, ...what, partitions }]);
    return new Map(found!.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  }

  /** Asks for the leaders and partitions again. @throws AfterlogError TOPIC_MISSING, KAFKA_UNREACHABLE */
  async refresh(): Promise<void> {
    await this.cluster.refreshMetadata().catch((error: unknown) => {
      throw this.explain(error);
    });
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

  async close(): Promise<void> {
    await this.cluster.disconnect().catch(() => {});
  }

  /**
   * One fetch of each leader; moves `offsets` (partition → next offset) behind it. Empty if nothing arrives
   * in `fetch_wait_ms`.
   * @throws AfterlogError TOPIC_MISSING, KAFKA_UNREACHABLE
   */
  async fetch(offsets: Map<number, number>, edges: Edges = stayInside): Promise<ReadMessage[]> {
    try {
      const leaders = this.cluster.findLeaderForPartitions(this.topic, [...offsets.keys()]);
      // Without a request nothing would wait for messages.
      if (Object.keys(leaders).length === 0) throw new Error('none of the partitions is there');
      const answers = Object.entries(leaders).map(([nodeId, some]) => this.fetchFrom(nodeId, some, offsets));
      const found = (await Promise.all(answers)).flat();
      for (const { partition, offset } of found) offsets.set(partition, offset + 1);
      return found.filter(({ offset, message }) => {
        // Of the two that stand for an unreadable record batch, the last one tells.
        return !(message as Fetched).isControlRecord && (unreadableOf(message)?.last ?? offset) === offset;
      });
    } catch (error) {
      if ((error as { type?: string }).type !== 'OFFSET_OUT_OF_RANGE') throw this.explain(error);
      for (const end of await this.ends()) {
        const offset = offsets.get(end.partition);
        if (offset === undefined) continue;
        if (offset < end.low) edges.overtaken(end.partition, offset, end.low);
        if (offset < end.low) offsets.set(end.partition, end.low);
        else if (offset > end.high) offsets.set(end.partition, await edges.behindEnd(end));
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
