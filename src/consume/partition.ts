import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import type { EachBatchPayload, KafkaMessage } from 'kafkajs';
import { limits } from '../config/limits.ts';
import { crashPoint } from '../crash_point.ts';
import { AfterlogError } from '../errors.ts';
import { createLander, type Lander, STOPPED } from '../store/land.ts';
import { during, Leaving, Patience } from '../store/patience.ts';
import { type Batch, fromKafka } from '../wire/header.ts';
import type { DeadLetters } from './dead_letter.ts';
import { overtakenRow } from './missing.ts';

export interface Counts {
  rows: number;
  bytes: number;
  batches_landed: number;
  batches_skipped: number;
  batches_refused: number;
}

/** One partition of the topic: its lander lives as long as the process, whoever owns the partition meanwhile. */
export class Partition {
  readonly lander: Lander;
  /** Messages behind the end of the partition when it was last heard of. */
  lag: number | null = null;
  /** Offset of the message after the last that was landed, or of the first to be; null before it is known. */
  next: number | null = null;
  private readonly patience: Patience;
  private readonly origins = new WeakMap<Batch, KafkaMessage>();
  private readonly topic: string;
  private readonly number: number;
  private readonly letters: DeadLetters;
  private readonly leave: AbortSignal;
  private readonly counts: Counts;

  constructor(
    place: { topic: string; partition: number },
    store: { client: ClickHouseClient; database: string },
    letters: DeadLetters,
    leave: AbortSignal,
    counts: Counts,
  ) {
    this.topic = place.topic;
    this.number = place.partition;
    this.letters = letters;
    this.leave = leave;
    this.counts = counts;
    const scope = `${place.topic}/${place.partition}`;
    this.patience = new Patience(`Dead letters of ${scope}`);
    this.lander = createLander(store.client, store.database, scope, {
      setAside: ({ batch, reason }) => this.setAside(this.origins.get(batch)!, reason),
    });
  }

  get paused(): string | null {
    return this.lander.status().paused ?? this.patience.waiting;
  }

  /**
   * Lands one fetch and commits it. A rejection (the group rebalances, the broker is gone) leaves the offsets as they
   * were: whoever goes on reads the messages again, looks, and skips what landed.
   */
  async take(fetch: EachBatchPayload): Promise<void> {
    const started = performance.now();
    const alive = (): Promise<void> => fetch.heartbeat();
    crashPoint('consume.fetched');
    try {
      await this.reportOvertaken(fetch.batch.firstOffset(), alive);
      const batches = await this.check(fetch.batch.messages, alive);
      const { landed, skipped, refused } = await this.lander.land(batches, alive);
      this.count(landed, skipped.length, refused.length);
      crashPoint('consume.landed');
      const last = fetch.batch.lastOffset();
      fetch.resolveOffset(last);
      this.next = Number(last) + 1;
      const partitions = [{ partition: this.number, offset: String(BigInt(last) + 1n) }];
      await fetch.commitOffsetsIfNecessary({ topics: [{ topic: this.topic, partitions }] });
      crashPoint('consume.committed');
      this.lag = Number(fetch.batch.offsetLag());
      await this.spareParts(landed, started);
    } catch (error) {
      if (error !== STOPPED) throw error;
    }
  }

  /** Retention may also pass a consumer that runs: kafkajs then goes on at the first message that is left. */
  private async reportOvertaken(first: string | null, alive: () => Promise<void>): Promise<void> {
    const from = this.next;
    if (from === null || first === null || Number(first) <= from) return;
    const lost = { from, to: Number(first) - 1 };
    await this.lander.report(overtakenRow(this.topic, this.number, lost), alive);
  }

  /** Batches that are whole; the others go to the dead letters before anything is committed. */
  private async check(messages: KafkaMessage[], alive: () => Promise<void>): Promise<Batch[]> {
    const whole: Batch[] = [];
    for (const message of messages) {
      try {
        const batch = fromKafka(message.headers, message.value);
        this.origins.set(batch, message);
        whole.push(batch);
      } catch (error) {
        if (!(error instanceof AfterlogError)) throw error;
        this.counts.batches_refused++;
        await this.setDamagedAside(message, error.message, alive);
      }
    }
    return whole;
  }

  private async setDamagedAside(
    message: KafkaMessage,
    reason: string,
    alive: () => Promise<void>,
  ): Promise<void> {
    for (;;) {
      try {
        await during(() => this.setAside(message, reason), alive, this.leave);
        this.patience.over();
        return;
      } catch (error) {
        if (error instanceof Leaving) throw error.cause;
        const { code, message: sentence } = error as AfterlogError;
        await this.patience.wait(code, sentence, alive, this.leave).catch((leaving: Leaving) => {
          throw leaving.cause;
        });
      }
    }
  }

  private setAside(message: KafkaMessage, reason: string): Promise<void> {
    return this.letters.send({ topic: this.topic, partition: this.number, message }, reason);
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

  /** At the end of the topic messages come one by one; waiting a little joins them into fewer parts. */
  private async spareParts(landed: Batch[], started: number): Promise<void> {
    const rows = landed.reduce((sum, { header }) => sum + header.rows, 0);
    const spare_ms = limits.insert_interval_ms - (performance.now() - started);
    if (spare_ms <= 0 || rows > limits.insert_rows_max / 4) return;
    await sleep(spare_ms, undefined, { signal: this.leave }).catch(() => {});
  }
}
