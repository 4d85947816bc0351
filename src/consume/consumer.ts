import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Consumer, ConsumerGroupJoinEvent, Kafka } from 'kafkajs';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { log } from '../base/log.ts';
import { Leaving, Patience } from '../base/patience.ts';
import type { Settings } from '../config/settings.ts';
import { createKafka, kafkaFault } from '../kafka/client.ts';
import { overtaken, type PartitionOffsets, partitionEnds, partitionOffsets } from '../kafka/offsets.ts';
import { connect } from '../store/client.ts';
import { STOPPED } from '../store/land/land.ts';
import { type DeadLetters, deadLetters } from './dead_letter.ts';
import { overtakenRow } from './missing.ts';
import { Pace } from './pace.ts';
import { type ConsumerCounts, Partition } from './partition.ts';
import { type SignatureCounts, Signatures } from './signatures.ts';

export interface ConsumerStatus extends ConsumerCounts, SignatureCounts {
  gaps: number;
  inserts: number;
  /** Messages behind the end of the topic, over this consumer's partitions; null before the first answer. */
  lag: number | null;
  /** The same for each partition. */
  partitions: { topic: string; partition: number; lag: number | null }[];
  /** The reason of a wait, as one sentence; null if there is none. */
  paused: string | null;
  last_error: string | null;
}

/**
 * Starts a member of the consumer group: Kafka → ClickHouse. It starts even if neither can be reached, and
 * waits for both as long as it takes.
 * @throws AfterlogError SETTING_INVALID
 */
export async function startConsumer(
  settings: Settings,
): Promise<{ status(): ConsumerStatus; stop(): Promise<void> }> {
  const role = new ConsumerRole(settings);
  const running = role.run();
  return {
    status: () => role.status(),
    async stop() {
      role.leave.abort(STOPPED);
      await running;
    },
  };
}

class ConsumerRole {
  readonly leave = new AbortController();
  private readonly kafka: Kafka;
  private readonly client: ClickHouseClient;
  private readonly letters: DeadLetters;
  private readonly signatures: Signatures;
  private readonly patience: Patience;
  private readonly partitions = new Map<number, Partition>();
  private readonly pace = new Pace();
  private assigned: number[] = [];
  private joins = 0;
  private lastError: string | null = null;
  private readonly counts: ConsumerCounts = {
    rows: 0,
    bytes: 0,
    batches_landed: 0,
    batches_skipped: 0,
    batches_refused: 0,
    messages_unreadable: 0,
  };
  private readonly topic: string;
  private readonly settings: Settings;

  constructor(settings: Settings) {
    this.settings = settings;
    this.topic = settings.kafka.topic;
    this.signatures = new Signatures(settings);
    this.kafka = createKafka(settings);
    this.client = connect(settings);
    this.letters = deadLetters(this.kafka, this.topic);
    this.patience = new Patience(`Consuming ${this.topic}`);
    this.leave.signal.addEventListener('abort', () => {
      for (const { lander } of this.partitions.values()) lander.stop();
    });
  }

  status(): ConsumerStatus {
    const landers = [...this.partitions.values()].map(({ lander }) => lander.status());
    const partitions = this.assigned.map((partition) => {
      return { topic: this.topic, partition, lag: this.partitions.get(partition)?.lag ?? null };
    });
    const lags = partitions.map(({ lag }) => lag);
    const paused = [...this.partitions.values()].map((one) => one.paused).find((text) => text !== null);
    if (paused) this.lastError = paused;
    return {
      ...this.counts,
      ...this.signatures.counts,
      gaps: landers.reduce((sum, { gaps }) => sum + gaps, 0),
      inserts: landers.reduce((sum, { inserts }) => sum + inserts, 0),
      lag: lags.length === 0 || lags.includes(null) ? null : lags.reduce((sum: number, lag) => sum + lag!, 0),
      partitions,
      paused: this.patience.waiting ?? paused ?? null,
      last_error: this.lastError,
    };
  }

  /** One membership after another until the role is stopped: kafkajs gives up on many errors. */
  async run(): Promise<void> {
    while (!this.leave.signal.aborted) {
      const error = await this.member().catch((thrown: unknown) => thrown);
      if (this.leave.signal.aborted) break;
      this.lastError = reasonOf(error);
      try {
        const fault = kafkaFault(`Topic ${this.topic} cannot be consumed`, error);
        await this.patience.wait(fault, async () => {}, this.leave.signal);
      } catch (leaving) {
        if (!(leaving instanceof Leaving)) throw leaving;
      }
    }
    await this.letters.stop();
    await this.client.close();
  }

  /** @returns the error that ended the membership @throws the error that prevented it */
  private async member(): Promise<unknown> {
    const consumer = this.kafka.consumer({
      groupId: this.settings.kafka.group,
      sessionTimeout: limits.consume.session_ms,
      heartbeatInterval: limits.consume.alive_ms,
      rebalanceTimeout: limits.consume.rebalance_ms,
      maxBytesPerPartition: limits.consume.fetch_partition_bytes,
      maxBytes: limits.consume.fetch_bytes_max,
      minBytes: 1,
      maxWaitTimeInMs: limits.consume.fetch_wait_ms,
      metadataMaxAge: limits.consume.partitions_seen_ms,
      allowAutoTopicCreation: false,
      // A crash ends this member; run() starts the next.
      retry: { retries: 3, restartOnFailure: async () => false },
    });
    const watched = new AbortController();
    const ended = new Promise<unknown>((resolve) => {
      consumer.on(consumer.events.CRASH, ({ payload }) => resolve(payload.error));
      this.leave.signal.addEventListener('abort', () => resolve(STOPPED), { once: true });
    });
    consumer.on(consumer.events.GROUP_JOIN, (event) => this.joined(consumer, event));
    try {
      void this.watchEnds(watched.signal);
      await consumer.connect();
      await consumer.subscribe({ topic: this.topic, fromBeginning: true });
      await consumer.run({
        autoCommit: false,
        eachBatchAutoResolve: false,
        partitionsConsumedConcurrently: limits.consume.partitions_fetched,
        eachBatch: async (fetch) => {
          if (fetch.isRunning() && !fetch.isStale()) await this.partition(fetch.batch.partition).take(fetch);
        },
      });
      return await ended;
    } finally {
      watched.abort();
      this.assigned = [];
      this.joins++;
      const disconnected = consumer.disconnect().catch(() => {});
      await Promise.race([disconnected, sleep(limits.consume.stop_ms, undefined, { ref: false })]);
    }
  }

  /**
   * kafkajs calls this before the first fetch of a new assignment. Nothing is fetched until the offsets of
   * group and topic are known.
   */
  private async joined(consumer: Consumer, { payload }: ConsumerGroupJoinEvent): Promise<void> {
    consumer.pause([{ topic: this.topic }]);
    const join = ++this.joins;
    for (const { lander } of this.partitions.values()) lander.taken();
    this.assigned = payload.memberAssignment[this.topic] ?? [];
    this.patience.over();
    log.info({ topic: this.topic, partitions: this.assigned }, 'Partitions were assigned.');
    // After another join, or the end of this membership, the offsets of this join no longer count.
    while (join === this.joins && !this.leave.signal.aborted) {
      try {
        const offsets = await partitionOffsets(this.kafka, payload.groupId, this.topic);
        for (const number of this.assigned) {
          const known = offsets.find(({ partition }) => partition === number);
          // A broker may not know a partition yet that was just added.
          if (!known) throw new Error(`the broker does not know ${this.topic}/${number} yet`);
          await this.begin(consumer, known);
        }
        if (join === this.joins) consumer.resume([{ topic: this.topic }]);
        return;
      } catch (error) {
        log.debug({ reason: reasonOf(error) }, 'The offsets of group and topic cannot be read yet.');
        await sleep(limits.send.retry_first_ms, undefined, { signal: this.leave.signal }).catch(() => {});
      }
    }
  }

  /** Reports what retention took before this partition was landed, and starts behind it. */
  private async begin(consumer: Consumer, offsets: PartitionOffsets): Promise<void> {
    const { partition: number, committed, low, high } = offsets;
    const partition = this.partition(number);
    partition.begin(offsets);
    partition.end = high;
    // If the broker forgot the group's offset, the last landed offset of this process shows what retention
    // deleted. The whole partition is read again then, because the topic may have been made again.
    const lost = overtaken({ ...offsets, committed: committed ?? partition.next });
    if (lost) await partition.lander.report(overtakenRow(this.topic, number, lost));
    partition.next = committed === null || committed > high ? low : Math.max(committed, low);
    if (committed !== null && committed > high) {
      const what = `${this.topic}/${number} ends before the group’s offset: it was made again or lost its end.`;
      report(new AfterlogError('TOPIC_LOST', `${what} The consumer reads it from its start.`), {
        topic: this.topic,
        partition: number,
        committed,
        high,
      });
    }
    if (committed !== null && (committed < low || committed > high)) {
      consumer.seek({ topic: this.topic, partition: number, offset: String(low) });
    }
  }

  /**
   * Asks for the end of the topic also while nothing is fetched, so that the lag grows while ClickHouse is
   * away.
   */
  private async watchEnds(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await sleep(limits.consume.lag_ms, undefined, { signal, ref: false }).catch(() => {});
      if (signal.aborted || this.assigned.length === 0) continue;
      const ends = await partitionEnds(this.kafka, this.topic).catch(() => []);
      for (const { partition, high } of ends) {
        const known = this.partitions.get(partition);
        if (known !== undefined) known.end = high;
      }
    }
  }

  /** The group's offset at the broker. */
  private async committed(number: number): Promise<number | null> {
    const offsets = await partitionOffsets(this.kafka, this.settings.kafka.group, this.topic);
    return offsets.find(({ partition }) => partition === number)?.committed ?? null;
  }

  private partition(number: number): Partition {
    let found = this.partitions.get(number);
    if (!found) {
      const store = { client: this.client, database: this.settings.clickhouse.database };
      const place = { topic: this.topic, partition: number };
      const committed = (): Promise<number | null> => this.committed(number);
      const { letters, signatures, leave, counts, pace } = this;
      found = new Partition(place, store, letters, signatures, leave.signal, counts, pace, committed);
      this.partitions.set(number, found);
    }
    return found;
  }
}
