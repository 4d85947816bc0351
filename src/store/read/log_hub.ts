import { setTimeout as sleep } from 'node:timers/promises';
import { AfterlogError } from '../../base/errors.ts';
import { report } from '../../base/faults.ts';
import { limits } from '../../base/limits.ts';
import { isLasting, loggable, type Store } from '../query.ts';
import { type FollowStep, isEnd } from './follow_log.ts';
import { Follower } from './follower.ts';
import {
  type Blocks,
  byLog,
  landedRows,
  logKey,
  newParts,
  type PartsLook,
  type WantedLog,
} from './landed_rows.ts';
import type { LineFilter } from './line_filter.ts';
import { isBeyond, type LastRow, type LogId, type LogPlace, lastRow, readPage } from './read_log.ts';

export interface HubOptions {
  /** The first row is the next wanted one behind this place; null: the first of the log. */
  after: LogPlace | null;
  filter?: LineFilter;
  signal: AbortSignal;
  /** A step without rows comes when nothing happened for this time. */
  pulse_ms: number;
}

/** A follower of a log from now on: landing rows wait for it until it takes them. */
export interface Following {
  /** The last row of the log; rows that land after it wait. @throws AfterlogError */
  last(): Promise<LastRow | null>;
  /** @param isBehind rows behind `after` may have landed before it came */
  steps(options: HubOptions, isBehind: boolean): AsyncGenerator<FollowStep>;
  /** Must be called at the end, also after an error. */
  leave(): void;
}

/**
 * Follows any number of logs with one query each `limits.follow.hub_poll_ms`: the rows that have landed since
 * the last look are those in new parts of the table. A follower reads from the table until it has the earlier
 * rows, and again when more rows wait for it than it takes.
 */
export class LogHub {
  private readonly store: Store;
  private readonly looking: Store;
  private readonly poll_ms: number;
  /** The followers of each log. */
  private readonly logs = new Map<string, Set<Follower>>();
  /** The blocks of the last look; null before the first. */
  private seen: Blocks | null = null;
  private running = false;
  /** The first look, from which on landing rows are found. */
  private first: Promise<void> | null = null;
  followers = 0;

  /**
   * @param looking the same store with other connections, so that looks do not wait for followers that catch
   *   up
   */
  constructor(store: Store, poll_ms: number = limits.follow.hub_poll_ms, looking: Store = store) {
    this.store = store;
    this.looking = looking;
    this.poll_ms = poll_ms;
  }

  /**
   * The rows of a log from a place on as they land, in the steps of `followLog`. Followers that get all rows
   * of one landing get the same array.
   */
  async *follow(id: LogId, options: HubOptions): AsyncGenerator<FollowStep> {
    const following = this.join(id);
    try {
      yield* following.steps(options, true);
    } finally {
      following.leave();
    }
  }

  join(id: LogId): Following {
    const follower = new Follower(id);
    this.add(follower);
    return {
      last: async () => {
        await this.isLooking();
        return await lastRow(this.store, id);
      },
      steps: (options, isBehind) => this.steps(follower, options, isBehind),
      leave: () => this.remove(follower),
    };
  }

  private async *steps(
    follower: Follower,
    { after, filter = {}, signal, pulse_ms }: HubOptions,
    isBehind: boolean,
  ): AsyncGenerator<FollowStep> {
    follower.at = after;
    follower.isBehind ||= isBehind;
    const wake = (): void => follower.wake();
    signal.addEventListener('abort', wake);
    try {
      while (!signal.aborted) {
        if (follower.isBehind) {
          const step = await this.catchUp(follower, filter);
          if (step !== null) yield step;
          if (step !== null && step.end !== null) return;
          continue;
        }
        const batch = follower.queue.shift();
        if (batch === undefined) {
          if (!(await follower.woken(pulse_ms))) yield { rows: [], end: null };
          continue;
        }
        const rows = follower.take(batch, filter);
        if (rows.length > 0) yield { rows, end: null };
        // Asks again, because rows of a sandbox that was made again may have landed at the same moment.
        if (isEnd(batch.at(-1)!) && follower.queue.length === 0) follower.isBehind = true;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /**
   * One read for one follower. Null: no rows are there, or ClickHouse does not answer, which it waits out.
   */
  private async catchUp(follower: Follower, filter: LineFilter): Promise<FollowStep | null> {
    try {
      await this.isLooking();
      // Rows that land from here on are queued; the read finds the earlier ones.
      follower.clear();
      const last = await lastRow(this.store, follower.id);
      const { rows, isFull } = await readPage(this.store, follower.id, follower.at, filter);
      follower.pause_ms = 0;
      follower.at = rows.at(-1) ?? follower.at;
      if (isFull) return { rows, end: null };
      // Rows up to the last one that are not wanted need not be read again.
      if (last !== null && (follower.at === null || isBeyond(last, follower.at))) follower.at = last;
      const isOver = last !== null && isEnd(last);
      if (rows.length === 0 && isOver) return { rows, end: last };
      follower.isBehind = isOver;
      return rows.length > 0 ? { rows, end: null } : null;
    } catch (error) {
      if (!(error instanceof AfterlogError)) throw error;
      logTrouble(error, follower.id);
      const { retry_first_ms, retry_longest_ms } = limits.send;
      follower.pause_ms = Math.min(Math.max(follower.pause_ms * 2, retry_first_ms), retry_longest_ms);
      await follower.woken(follower.pause_ms);
      return { rows: [], end: null };
    }
  }

  private add(follower: Follower): void {
    const some = this.logs.get(follower.key) ?? new Set();
    this.logs.set(follower.key, some.add(follower));
    this.followers++;
    if (!this.running) {
      this.running = true;
      this.seen = null;
      this.first = this.look();
      this.first.catch(() => {}); // Those that wait for it handle its failure.
      void this.run();
    }
  }

  private remove(follower: Follower): void {
    const some = this.logs.get(follower.key);
    if (!some?.delete(follower)) return;
    if (some.size === 0) this.logs.delete(follower.key);
    this.followers--;
  }

  /**
   * Resolves when rows that land from now on will be found.
   * @throws AfterlogError ClickHouse does not answer
   */
  private async isLooking(): Promise<void> {
    if (this.seen !== null) return;
    this.first ??= this.look();
    await this.first;
  }

  private async run(): Promise<void> {
    let pause_ms = this.poll_ms;
    for (;;) {
      await sleep(pause_ms);
      if (this.logs.size === 0) break;
      const started_ms = performance.now();
      try {
        await this.look();
        // From the start of one look to the next, but always with a rest for ClickHouse.
        pause_ms = Math.max(started_ms + this.poll_ms - performance.now(), this.poll_ms / 2);
      } catch (error) {
        this.first = null;
        if (!(error instanceof AfterlogError))
          report(new AfterlogError('INTERNAL', String(error)), {}, 'error');
        else logTrouble(error);
        pause_ms = Math.min(Math.max(pause_ms * 2, limits.send.retry_first_ms), limits.send.retry_longest_ms);
      }
    }
    this.running = false;
  }

  /** Gives the rows that have landed since the last look to their followers. @throws AfterlogError */
  private async look(): Promise<void> {
    const look = await newParts(this.looking, this.seen);
    if (look.fresh.length > 0) await this.deliver(look);
    this.seen = look.now;
  }

  private async deliver(look: PartsLook): Promise<void> {
    const keys = [...this.logs.keys()];
    for (let at = 0; at < keys.length; at += limits.follow.hub_logs) {
      await this.deliverTo(keys.slice(at, at + limits.follow.hub_logs), look);
    }
  }

  private async deliverTo(keys: string[], look: PartsLook): Promise<void> {
    const wanted = keys.map((key) => this.wantedOf(key)).filter((one) => one !== null);
    if (wanted.length === 0) return;
    const rows = await landedRows(this.looking, wanted, look);
    if (rows === null) {
      for (const key of keys) for (const follower of this.logs.get(key) ?? []) follower.fallBehind();
      return;
    }
    for (const batch of byLog(rows)) {
      for (const follower of this.logs.get(logKey(batch[0]!)) ?? []) follower.offer(batch);
    }
  }

  /** A log with the least place of its followers; null if it has none. */
  private wantedOf(key: string): WantedLog | null {
    let after: LogPlace | null | undefined;
    let id: LogId | null = null;
    for (const follower of this.logs.get(key) ?? []) {
      id = follower.id;
      if (after === undefined || (after !== null && (follower.at === null || isBeyond(after, follower.at)))) {
        after = follower.at;
      }
    }
    return id === null ? null : { id, after: after ?? null };
  }
}

/** Logs an error, unless every reader meets it: then the store logs it. */
function logTrouble(error: AfterlogError, id?: LogId): void {
  if (!isLasting(error)) report(loggable(error), id === undefined ? {} : { sandbox: id.sandbox_id });
}
