import { setImmediate } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import kafkajs, { type EachBatchPayload, type KafkaMessage } from 'kafkajs';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError, type ErrorCode } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { during, Leaving, Patience } from '../base/patience.ts';
import { kafkaFault } from '../kafka/client.ts';
import type { PartitionOffsets } from '../kafka/offsets.ts';
import { type Unreadable, unreadableOf, unreadableText } from '../kafka/unreadable.ts';
import { newestSchema } from '../store/care/migrate.ts';
import { createLander, type Lander, STOPPED } from '../store/land/land.ts';
import type { Batch, BatchHeader } from '../wire/header.ts';
import { receivedBatch } from '../wire/received.ts';
import type { DeadLetters } from './dead_letter.ts';
import { Evidence } from './evidence.ts';
import { overtakenRow } from './missing.ts';
import type { Pace } from './pace.ts';
import type { Signatures } from './signatures.ts';

export interface ConsumerCounts {
  rows: number;
  bytes: number;
  batches_landed: number;
  batches_skipped: number;
  batches_refused: number;
  /** Messages that were set aside because they could not be decoded. */
  messages_unreadable: number;
}

/** Where a batch came from. */
interface Origin {
  message: KafkaMessage;
  /** Of the assignment in which it was fetched. */
  evidence: Evidence;
  /** With a right signature. */
  isSigned: boolean;
}

/**
 * One partition of the topic. Its lander lives as long as the process, even while others own the partition.
 */
export class Partition {
  readonly lander: Lander;
  /** Offset behind the partition's last message, as last reported by a broker; null before. */
  end: number | null = null;
  /** Offset behind the last landed message, or of the first one to land; null before it is known. */
  next: number | null = null;
  private readonly patience: Patience;
  private readonly origins = new WeakMap<Batch, Origin>();
  /** A new one with each assignment: a fetch of an earlier one may still be landing. */
  private evidence = new Evidence();
  /** The topic was still the same in this fetch. */
  private isTopicChecked = false;
  private readonly topic: string;
  private readonly number: number;
  private readonly letters: DeadLetters;
  private readonly signatures: Signatures;
  private readonly leave: AbortSignal;
  private readonly counts: ConsumerCounts;
  private readonly pace: Pace;
  private readonly committedThere: () => Promise<number | null>;
  /** The offset that was committed since the partition was assigned. */
  private committed: number | null = null;

  constructor(
    place: { topic: string; partition: number },
    store: { client: ClickHouseClient; database: string },
    letters: DeadLetters,
    signatures: Signatures,
    leave: AbortSignal,
    counts: ConsumerCounts,
    pace: Pace,
    committedThere: () => Promise<number | null>,
  ) {
    this.topic = place.topic;
    this.number = place.partition;
    this.letters = letters;
    this.signatures = signatures;
    this.leave = leave;
    this.counts = counts;
    this.pace = pace;
    this.committedThere = committedThere;
    const scope = `${place.topic}/${place.partition}`;
    this.patience = new Patience(`Dead letters of ${scope}`);
    this.lander = createLander(store.client, store.database, scope, {
      schema_known: newestSchema(),
      setAside: ({ batch, reason, code }) => {
        const { message, evidence } = this.origins.get(batch)!;
        return this.setAside(message, evidence, reason, code, batch.header);
      },
      distrust: (batch, missing) => this.distrust(batch, missing),
    });
  }

  get paused(): string | null {
    return this.lander.status().paused ?? this.patience.waiting;
  }

  /** The partition was assigned: the broker knows where it continues. */
  begin(offsets: PartitionOffsets): void {
    this.committed = null;
    this.evidence = new Evidence();
    this.evidence.begin(offsets);
  }

  /**
   * Whether a batch may be believed although batches before it did not come. A batch with a right signature
   * may: its host speaks for itself.
   * @returns null, or the reason to set it aside
   * @throws Leaving, AfterlogError as checkTopic
   */
  private async distrust(batch: Batch, missing: number): Promise<string | null> {
    await this.checkTopic();
    const { message, evidence, isSigned } = this.origins.get(batch)!;
    if (isSigned) return null;
    if (evidence.explains(batch.header, Number(message.offset), missing)) return null;
    return (
      `${missing} batches are missing before it, and ${this.topic}/${this.number} lacks no messages that ` +
      'can have held them. Its host may not have sent it'
    );
  }

  /**
   * Checks that the topic is still the same: between two fetches it can be deleted, made again, and grow past
   * the next offset. A broker deletes the group's offsets together with a topic.
   * @throws Leaving if that has happened, so that the partition begins anew; AfterlogError if no broker
   *   answers
   */
  private async checkTopic(): Promise<void> {
    if (this.committed === null || this.isTopicChecked) return;
    const there = await this.committedThere().catch((error: unknown) => {
      throw kafkaFault(`Whether ${this.topic} was deleted and made again cannot be checked`, error);
    });
    if (there !== null && there >= this.committed) {
      this.isTopicChecked = true;
      return;
    }
    const what = `${this.topic}/${this.number} was deleted and made again`;
    throw new Leaving(new kafkajs.KafkaJSNonRetriableError(what));
  }

  /** Messages behind the end of the partition. */
  get lag(): number | null {
    return this.end === null || this.next === null ? null : Math.max(0, this.end - this.next);
  }

  /**
   * Lands one fetch and commits it. After a rejection (the group rebalances, the broker is gone) the offsets
   * are unchanged: the next owner reads the messages again, looks, and skips the landed ones.
   */
  async take(fetch: EachBatchPayload): Promise<void> {
    const alive = (): Promise<void> => fetch.heartbeat();
    this.end = Number(fetch.batch.highWatermark);
    crashPoint('consume.fetched');
    try {
      await this.pace.turn(async () => {
        // The assignment may have changed during the wait.
        if (!fetch.isRunning() || fetch.isStale()) return 0;
        return this.landFetch(fetch, alive);
      }, this.leave);
    } catch (error) {
      if (error !== STOPPED) throw error;
    }
  }

  /** @returns the number of landed rows */
  private async landFetch(fetch: EachBatchPayload, alive: () => Promise<void>): Promise<number> {
    this.isTopicChecked = false;
    const { evidence } = this;
    await this.reportOvertaken(fetch.batch.firstOffset(), evidence, alive);
    const batches = await this.check(fetch.batch.messages, evidence, alive);
    evidence.fetched(
      batches.map((batch) => ({
        header: batch.header,
        offset: Number(this.origins.get(batch)!.message.offset),
      })),
    );
    const { landed, skipped, refused } = await this.lander.land(batches, alive);
    this.count(landed, skipped.length, refused.length);
    crashPoint('consume.landed');
    const last = fetch.batch.lastOffset();
    fetch.resolveOffset(last);
    this.next = Number(last) + 1;
    // kafkajs passes the metadata on, but its types lack it.
    const metadata = evidence.landed(this.next);
    const partitions = [{ partition: this.number, offset: String(BigInt(last) + 1n), metadata }];
    await fetch.commitOffsetsIfNecessary({ topics: [{ topic: this.topic, partitions }] });
    this.committed = this.next;
    crashPoint('consume.committed');
    return landed.reduce((sum, { header }) => sum + header.rows, 0);
  }

  /**
   * Retention may also overtake a running consumer: kafkajs then continues at the first message that is left.
   */
  private async reportOvertaken(
    first: string | null,
    evidence: Evidence,
    alive: () => Promise<void>,
  ): Promise<void> {
    const from = this.next;
    if (from === null || first === null || Number(first) === from) return;
    if (Number(first) < from) {
      // kafkajs went back to the first message of a topic that was made again. (A fetch that was still
      // landing when the partition was assigned anew has not committed.)
      if (this.committed === from) evidence.restart(false);
      return;
    }
    const lost = { from, to: Number(first) - 1 };
    evidence.lost(from, Number(first) - from);
    await this.lander.report(overtakenRow(this.topic, this.number, lost), alive);
  }

  /** The whole batches; the others become dead letters before anything is committed. */
  private async check(
    messages: KafkaMessage[],
    evidence: Evidence,
    alive: () => Promise<void>,
  ): Promise<Batch[]> {
    const whole: Batch[] = [];
    let beaten = performance.now();
    for (const message of messages) {
      // Nothing else runs while a batch is checked, and a fetch may hold many small messages.
      if (performance.now() - beaten > limits.consume.check_ms) {
        await alive();
        await setImmediate();
        beaten = performance.now();
      }
      const unreadable = unreadableOf(message);
      if (unreadable !== null) {
        await this.setUnreadableAside(message, unreadable, evidence, alive);
        continue;
      }
      try {
        let isSigned = false;
        const batch = receivedBatch(message, newestSchema(), (header) => {
          isSigned = this.signatures.check(header, this.number, message);
        });
        this.origins.set(batch, { message, evidence, isSigned });
        whole.push(batch);
      } catch (error) {
        if (!(error instanceof AfterlogError)) throw error;
        this.counts.batches_refused++;
        await this.setDamagedAside(message, evidence, error, alive);
      }
    }
    return whole;
  }

  /** Once for all messages of a record batch. Each of them explains a missing batch. */
  private async setUnreadableAside(
    message: KafkaMessage,
    unreadable: Unreadable,
    evidence: Evidence,
    alive: () => Promise<void>,
  ): Promise<void> {
    const { first, last } = unreadable;
    if (Number(message.offset) !== last) return;
    const why = unreadableText(this.topic, this.number, unreadable);
    this.counts.messages_unreadable += last - first + 1;
    for (let at = Math.max(first, last - limits.send.batches_max); at < last; at++) evidence.setAside(at);
    await this.setDamagedAside(message, evidence, new AfterlogError('MESSAGE_UNREADABLE', why), alive);
  }

  private async setDamagedAside(
    message: KafkaMessage,
    evidence: Evidence,
    fault: AfterlogError,
    alive: () => Promise<void>,
  ): Promise<void> {
    for (;;) {
      try {
        await during(() => this.setAside(message, evidence, fault.message, fault.code), alive, this.leave);
        this.patience.over();
        return;
      } catch (error) {
        if (error instanceof Leaving) throw error.cause;
        await this.patience.wait(error as AfterlogError, alive, this.leave).catch((leaving: Leaving) => {
          throw leaving.cause;
        });
      }
    }
  }

  /** @param code why it is set aside before its batch is tried */
  private async setAside(
    message: KafkaMessage,
    evidence: Evidence,
    reason: string,
    code?: ErrorCode,
    header?: BatchHeader,
  ): Promise<void> {
    await this.letters.send({ topic: this.topic, partition: this.number, message }, reason, code);
    // Otherwise gap rows land in its place.
    if (code === undefined) return;
    evidence.setAside(Number(message.offset), code === 'BATCH_UNEXPLAINED' ? header : undefined);
  }

  private count(landed: Batch[], skipped: number, refused: number): void {
    for (const { header } of landed) {
      this.counts.rows += header.rows;
      this.counts.bytes += header.length;
    }
    this.counts.batches_landed += landed.length;
    this.counts.batches_skipped += skipped;
    this.counts.batches_refused += refused;
  }
}
