import { setTimeout as sleep } from 'node:timers/promises';
import { AfterlogError } from '../../base/errors.ts';
import { report } from '../../base/faults.ts';
import { limits } from '../../base/limits.ts';
import { clickhouseErrors } from '../clickhouse_errors.ts';
import { isLasting, loggable, type Params, type Store, selectRows } from '../query.ts';
import { errorNumber } from '../refusal.ts';
import { type FollowStep, isEnd } from './follow_log.ts';
import { isWanted, type LineFilter } from './line_filter.ts';
import {
  isBeyond,
  KEY,
  type LastRow,
  type LogId,
  type LogPlace,
  type LogRow,
  lastRow,
  ROW,
  readPage,
  STREAM,
  samePlace,
} from './read_log.ts';

export interface HubOptions {
  /** The first row is the wanted one that follows this place; null: the first of the log. */
  after: LogPlace | null;
  filter?: LineFilter;
  signal: AbortSignal;
  /** A step without rows comes when nothing happened for so long. */
  pulse_ms: number;
}

/** One who follows a log from now on: what lands is kept for him until he takes it. */
export interface Following {
  /** The last row of the log; what lands after it is kept. @throws AfterlogError */
  last(): Promise<LastRow | null>;
  /** @param isBehind there may be rows behind `after` that had landed before he came */
  steps(options: HubOptions, isBehind: boolean): AsyncGenerator<FollowStep>;
  /** Must be called in the end, however that comes. */
  leave(): void;
}

interface HubRow extends LogRow {
  sandbox_id: string;
  log: string;
  workspace: string;
}

/**
 * Follows many logs with one query each `limits.follow.hub_poll_ms`, whatever their number: what has landed since the last
 * look is what stands in the parts of the table that have come since. A follower reads for himself until he has
 * what was there before, and again when more waits for him than he takes.
 */
export class LogHub {
  private readonly store: Store;
  private readonly looking: Store;
  private readonly poll_ms: number;
  /** By log: those who follow it. */
  private readonly logs = new Map<string, Set<Follower>>();
  /** Partition → the highest block of it that was looked at. */
  private seen: Map<string, number> | null = null;
  private running = false;
  /** Whether what is looked at before the first subscription is known. */
  private first: Promise<void> | null = null;
  followers = 0;

  /** @param looking the same with connections of its own: a look does not wait for those who catch up */
  constructor(store: Store, poll_ms: number = limits.follow.hub_poll_ms, looking: Store = store) {
    this.store = store;
    this.looking = looking;
    this.poll_ms = poll_ms;
  }

  /**
   * The rows of a log from a place on as they land, as `followLog` gives them. Rows of one landing come as the same
   * array to all who get all of it.
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
        // Asked again, because a sandbox that was made again may have landed in the same moment.
        if (isEnd(batch.at(-1)!) && follower.queue.length === 0) follower.isBehind = true;
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  /** One read of a follower's own. Null: nothing is there, or ClickHouse does not answer, which is waited out. */
  private async catchUp(follower: Follower, filter: LineFilter): Promise<FollowStep | null> {
    try {
      await this.isLooking();
      // What lands from here on is queued; what has landed before, the read finds.
      follower.clear();
      const last = await lastRow(this.store, follower.id);
      const { rows, isFull } = await readPage(this.store, follower.id, follower.at, filter);
      follower.pause_ms = 0;
      follower.at = rows.at(-1) ?? follower.at;
      if (isFull) return { rows, end: null };
      // What is not wanted up to the last row need not be read again.
      if (last !== null && (follower.at === null || isBeyond(last, follower.at))) follower.at = last;
      const isOver = last !== null && isEnd(last);
      if (rows.length === 0 && isOver) return { rows, end: last };
      follower.isBehind = isOver;
      return rows.length > 0 ? { rows, end: null } : null;
    } catch (error) {
      if (!(error instanceof AfterlogError)) throw error;
      sayTrouble(error, follower.id);
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
      this.first.catch(() => {}); // Seen by those who wait for it.
      void this.run();
    }
  }

  private remove(follower: Follower): void {
    const some = this.logs.get(follower.key);
    if (!some?.delete(follower)) return;
    if (some.size === 0) this.logs.delete(follower.key);
    this.followers--;
  }

  /** Resolves when what lands from now on will be found. @throws AfterlogError ClickHouse does not answer */
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
        // From one look's start to the next, but never without a rest for ClickHouse.
        pause_ms = Math.max(started_ms + this.poll_ms - performance.now(), this.poll_ms / 2);
      } catch (error) {
        this.first = null;
        if (!(error instanceof AfterlogError))
          report(new AfterlogError('INTERNAL', String(error)), {}, 'error');
        else sayTrouble(error);
        pause_ms = Math.min(Math.max(pause_ms * 2, limits.send.retry_first_ms), limits.send.retry_longest_ms);
      }
    }
    this.running = false;
  }

  /** Gives what has landed since the last look to those who follow it. @throws AfterlogError */
  private async look(): Promise<void> {
    const { seen } = this;
    const parts = await selectRows<{ part: string }>(
      this.looking,
      // Answered from the list of parts, without reading any.
      `SELECT _part AS part FROM ${this.store.database}.console_logs GROUP BY _part`,
      {},
    );
    const now = new Map<string, number>();
    let isUnmerged = true;
    for (const { part } of parts) {
      // partition_min_max_level, of numbers that grow as blocks become visible.
      const [partition = '', min, max] = part.split('_');
      now.set(partition, Math.max(now.get(partition) ?? 0, Number(max)));
      const before = seen?.get(partition) ?? -1;
      if (Number(max) > before && Number(min) <= before) isUnmerged = false;
    }
    if (seen !== null) {
      const fresh = [...now.keys()]
        .map((partition) => [partition, seen.get(partition) ?? -1] as const)
        .filter(([partition, before]) => now.get(partition)! > before);
      if (fresh.length > 0) await this.deliver(fresh, isUnmerged);
    }
    this.seen = now;
  }

  private async deliver(partitions: FreshPartition[], isUnmerged: boolean): Promise<void> {
    const keys = [...this.logs.keys()];
    for (let at = 0; at < keys.length; at += limits.follow.hub_logs) {
      await this.deliverTo(keys.slice(at, at + limits.follow.hub_logs), partitions, isUnmerged);
    }
  }

  private async deliverTo(keys: string[], partitions: FreshPartition[], isUnmerged: boolean): Promise<void> {
    const wanted = keys.map((key) => this.placeOf(key)).filter((place) => place !== null);
    if (wanted.length === 0) return;
    const params = {
      partitions: partitions.map(([partition]) => partition),
      seen: partitions.map(([, before]) => before),
      sandboxes: [...new Set(wanted.map(({ id }) => id.sandbox_id))],
    };
    // Places are named only where parts hold older rows too: a thousand of them take as long as the rest of the query.
    // A merge in the meantime may bring older rows all the same, which nobody takes, or too many.
    const rows =
      (isUnmerged ? await this.landed('1', params) : null) ??
      (await this.landed(BEHIND_PLACES, { ...params, ...placeParams(wanted) }));
    if (rows === null) {
      for (const key of keys) for (const follower of this.logs.get(key) ?? []) follower.fallBehind();
      return;
    }
    for (const batch of batchesOf(rows)) {
      for (const follower of this.logs.get(keyOf(batch[0]!)) ?? []) follower.offer(batch);
    }
  }

  /** What has landed since, in order; null if that is more than one answer may hold. @throws AfterlogError */
  private async landed(condition: string, params: Params): Promise<HubRow[] | null> {
    try {
      const rows = await selectRows<HubRow>(
        this.looking,
        `SELECT sandbox_id, log, workspace, ${ROW} FROM ${this.store.database}.console_logs
         WHERE (splitByChar('_', _part)[1] AS partition) IN {partitions: Array(String)}
           AND toInt64(splitByChar('_', _part)[3])
             > transform(partition, {partitions: Array(String)}, {seen: Array(Int64)}, -1)
           AND sandbox_id IN {sandboxes: Array(String)} AND ${condition}
         ORDER BY ${KEY} LIMIT ${limits.follow.hub_rows_max}`,
        params,
        {
          max_threads: 2,
          max_result_bytes: String(limits.follow.hub_bytes_max),
          result_overflow_mode: 'throw',
        },
      );
      return rows.length < limits.follow.hub_rows_max ? rows : null;
    } catch (error) {
      if (
        !(error instanceof AfterlogError) ||
        errorNumber(error.cause) !== clickhouseErrors.TOO_MANY_ROWS_OR_BYTES
      )
        throw error;
      return null;
    }
  }

  /** From where on rows of a log are wanted by somebody. */
  private placeOf(key: string): WantedLog | null {
    let least: LogPlace | null | undefined;
    let id: LogId | null = null;
    for (const follower of this.logs.get(key) ?? []) {
      id = follower.id;
      if (least === undefined || (least !== null && (follower.at === null || isBeyond(least, follower.at)))) {
        least = follower.at;
      }
    }
    return id === null ? null : { key, id, stream: least?.stream ?? '0', position: least?.position ?? '0' };
  }
}

/** A partition with new parts, and the highest block of it that was looked at before. */
type FreshPartition = readonly [partition: string, before: number];

interface WantedLog {
  key: string;
  id: LogId;
  stream: string;
  position: string;
}

/** Of the rows of other logs and of those that every follower of a log has had. */
const BEHIND_PLACES = `(concat(sandbox_id, '\\n', log) AS key) IN {keys: Array(String)}
  AND ((${STREAM} AS ns) > (transform(key, {keys: Array(String)}, {streams: Array(Int64)}, 0) AS after_ns)
    OR (ns = after_ns AND position >= transform(key, {keys: Array(String)}, {positions: Array(UInt64)}, 0)))`;

const placeParams = (wanted: WantedLog[]): Params => ({
  keys: wanted.map(({ key }) => key),
  streams: wanted.map(({ stream }) => BigInt(stream)),
  positions: wanted.map(({ position }) => BigInt(position)),
});

/** Rows of one log each, each row once. */
function* batchesOf(rows: HubRow[]): Generator<HubRow[]> {
  let batch: HubRow[] = [];
  for (const row of rows) {
    const before = batch.at(-1);
    if (before !== undefined && keyOf(before) !== keyOf(row)) {
      yield batch;
      batch = [];
    } else if (before !== undefined && samePlace(before, row)) continue;
    batch.push(row);
  }
  if (batch.length > 0) yield batch;
}

const keyOf = ({ sandbox_id, log }: Pick<LogId, 'sandbox_id' | 'log'>): string => `${sandbox_id}\n${log}`;

/** One who follows a log. */
class Follower {
  readonly id: LogId;
  readonly key: string;
  /** The last row that he was given, or that was passed over for him. */
  at: LogPlace | null = null;
  /** Whether he must read for himself what there is. */
  isBehind = false;
  readonly queue: HubRow[][] = [];
  /** Between two reads that fail. */
  pause_ms = 0;
  private rows = 0;
  private bytes = 0;
  private onWake: ((isWoken: boolean) => void) | null = null;

  constructor(id: LogId) {
    this.id = id;
    this.key = keyOf(id);
  }

  offer(batch: HubRow[]): void {
    this.rows += batch.length;
    for (const { bytes } of batch) this.bytes += bytes;
    if (this.rows > limits.follow.queued_rows_max || this.bytes > limits.follow.queued_bytes_max)
      this.fallBehind();
    else this.queue.push(batch);
    this.wake();
  }

  fallBehind(): void {
    this.clear();
    this.isBehind = true;
    this.wake();
  }

  clear(): void {
    this.queue.length = 0;
    this.rows = 0;
    this.bytes = 0;
  }

  /** The rows of a batch that he wants and has not had; the batch itself if that is all of it. */
  take(batch: HubRow[], filter: LineFilter): LogRow[] {
    this.rows -= batch.length;
    for (const { bytes } of batch) this.bytes -= bytes;
    const { at, id } = this;
    const isMine = (row: HubRow): boolean =>
      (at === null || isBeyond(row, at)) &&
      (id.workspace === null || row.workspace === id.workspace) &&
      isWanted(filter, row);
    const rows = batch.every(isMine) ? batch : batch.filter(isMine);
    const last = batch.at(-1)!;
    if (at === null || isBeyond(last, at)) this.at = last;
    return rows;
  }

  wake(): void {
    this.onWake?.(true);
  }

  /** False: nothing happened for so long. */
  async woken(within_ms: number): Promise<boolean> {
    if (this.queue.length > 0) return true;
    return await new Promise<boolean>((resolve) => {
      const timer = setTimeout(() => this.onWake?.(false), within_ms);
      this.onWake = (isWoken) => {
        clearTimeout(timer);
        this.onWake = null;
        resolve(isWoken);
      };
    });
  }
}

/** What concerns every reader is said by the store. */
function sayTrouble(error: AfterlogError, id?: LogId): void {
  if (!isLasting(error)) report(loggable(error), id === undefined ? {} : { sandbox: id.sandbox_id });
}
