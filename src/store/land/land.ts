import type { ClickHouseClient } from '@clickhouse/client';
import { crashPoint } from '../../base/crash_point.ts';
import { AfterlogError } from '../../base/errors.ts';
import { report } from '../../base/faults.ts';
import { limits } from '../../base/limits.ts';
import { log } from '../../base/log.ts';
import { Leaving } from '../../base/patience.ts';
import { undecodable } from '../../wire/decode.ts';
import { type Batch, type BatchHeader, batchId } from '../../wire/header.ts';
import { describeRefusal, type Fault, faultOf, loggableRefusal } from '../refusal.ts';
import { type GapRow, missingBatches, refusedBatch } from './gap_rows.ts';
import { groupAt } from './group.ts';
import { TableWriter } from './table_writer.ts';

/**
 * Hop 3 of the guarantee: batches into ClickHouse once, in order. It believes nothing about what landed. When it
 * takes its work over, and after every INSERT that did not answer well, it fences (no older INSERT of this scope
 * runs any more), looks (the table says what landed) and continues after that.
 */

export interface Refused {
  batch: Batch;
  reason: string;
}

export interface Landing {
  landed: Batch[];
  /** Had landed before: the source may hold a batch twice or late. */
  skipped: Batch[];
  /** ClickHouse cannot take them; gap rows stand in their place. */
  refused: Refused[];
}

export interface Lander {
  /** Forget everything; fence and look before the next INSERT. Safe at any moment. */
  taken(): void;
  /**
   * Returns when every batch is landed, skipped or refused, however long it takes. `batches` in the order of
   * their source. Calls queue up: one INSERT at a time.
   * @throws what `alive` throws, or STOPPED after stop(); what was landed until then is found by the next look
   */
  land(batches: Batch[], alive?: () => Promise<void>): Promise<Landing>;
  /** Puts a gap row of the caller's own into the table, once: its host, epoch and sequence are looked up first. */
  report(row: GapRow, alive?: () => Promise<void>): Promise<void>;
  /** A running land() ends after its INSERT, within `handover_ms`. */
  stop(): void;
  status(): LanderStatus;
}

export interface LanderStatus {
  inserts: number;
  rows: number;
  gaps: number;
  /** What is waited for, as one sentence. */
  paused: string | null;
}

export interface LanderOptions {
  /** Keeps a refused batch somewhere safe. Awaited before gap rows take its place; may be called again after a crash. */
  setAside?: (refused: Refused) => Promise<void>;
  /** Awaited before gap rows take the place of batches that did not come; throws Leaving if they may still come. */
  missing?: () => Promise<void>;
}

export const STOPPED = new Error('the lander was stopped');
const noAlive = async (): Promise<void> => {};

export function createLander(
  client: ClickHouseClient,
  database: string,
  scope: string,
  options: LanderOptions = {},
): Lander {
  const lander = new TableLander(client, database, scope, options);
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const mine = turn.then(work).catch((error: unknown) => {
      throw error instanceof Leaving ? error.cause : error;
    });
    turn = mine.catch(() => {});
    return mine;
  };
  return {
    taken: () => lander.taken(),
    land: (batches, alive = noAlive) => inTurn(() => lander.land(batches, alive)),
    report: (row, alive = noAlive) => inTurn(() => lander.report(row, alive)),
    stop: () => lander.leave.abort(STOPPED),
    status: () => lander.status(),
  };
}

/** What is known of the batch at the head of the queue. */
interface QueueHead {
  /** Batches before this index were in an INSERT of ours: if the look finds them, we landed them. */
  tried: number;
  /** Batches before this index are inserted one by one: joined, they were refused. */
  aloneUntil: number;
  /** Refusals of the head alone. The first may have been a body damaged on its way; the second is the batch's. */
  refusals: number;
  refused: Refused | null;
}

/** What a look found in the table after a doubt: the INSERT of it may have ended before what is derived from its rows. */
interface FoundBatches {
  headers: BatchHeader[];
  /** Only the last that landed of an epoch can be of such an INSERT. Else a group was set back, and all of it is old. */
  hasLast: boolean;
}

class TableLander {
  readonly leave = new AbortController();
  private readonly table: TableWriter;
  private readonly options: LanderOptions;
  /** From a doubt to the first INSERT after it: what is found by then may be of an INSERT that ended half-way. */
  private isAfterDoubt = true;

  constructor(client: ClickHouseClient, database: string, scope: string, options: LanderOptions) {
    this.options = options;
    this.table = new TableWriter(client, database, scope, this.leave.signal);
  }

  taken(): void {
    this.table.doubt = true;
  }

  status(): LanderStatus {
    return { ...this.table.counts, paused: this.table.patience.waiting };
  }

  async land(batches: Batch[], alive: () => Promise<void>): Promise<Landing> {
    const result: Landing = { landed: [], skipped: [], refused: [] };
    const head: QueueHead = { tried: 0, aloneUntil: 0, refusals: 0, refused: null };
    let found: FoundBatches = { headers: [], hasLast: false };
    for (let at = 0; at < batches.length || found.hasLast; ) {
      const group: Batch[] = [];
      try {
        if (at === batches.length) {
          await this.table.derive(found.headers, alive);
          found = { headers: [], hasLast: false };
          continue;
        }
        const done = await this.step(batches, at, group, head, found, result, alive);
        if (done > 0) Object.assign(head, { refusals: 0, refused: null });
        at += done;
        this.table.patience.over();
      } catch (error) {
        this.table.doubt = true;
        if (error instanceof Leaving) throw error;
        await this.consider(error, group, at, head, alive);
      }
    }
    return result;
  }

  /**
   * One thing for the batch at `at`: skip it, fill the jump before it, replace it, or insert it with those that
   * follow. `group` receives what is being inserted, for whoever catches the error.
   * @returns how many batches are done
   */
  private async step(
    batches: Batch[],
    at: number,
    group: Batch[],
    head: QueueHead,
    found: FoundBatches,
    result: Landing,
    alive: () => Promise<void>,
  ): Promise<number> {
    const { table } = this;
    this.isAfterDoubt ||= table.doubt;
    // A look ahead of bounded length never makes the memory of epochs forget the head's.
    const ahead = batches.slice(at, at + limits.insert.landed_epochs_max / 2);
    await table.settle(
      ahead.map(({ header }) => header),
      alive,
    );
    const batch = batches[at]!;
    const landed = table.landed.of(batch.header)!;
    if (batch.header.sequence <= landed) {
      this.sort(batch, at < head.tried, head, result);
      if (this.isAfterDoubt) found.headers.push(batch.header);
      found.hasLast ||= this.isAfterDoubt && batch.header.sequence === landed;
      return 1;
    }
    if (batch.header.sequence > landed + 1) {
      await table.run(async () => this.options.missing?.(), alive);
      await this.insertGap(missingBatches(batch.header, landed), alive);
      return 0;
    }
    await this.needSchema(batch, alive);
    if (head.refused !== null) {
      await this.replace(head.refused, alive);
      result.refused.push(head.refused);
      return 1;
    }
    group.push(...groupAt(batches, at, at < head.aloneUntil, table));
    head.tried = at + group.length;
    await table.insertBatches(group, alive);
    this.isAfterDoubt = false;
    result.landed.push(...group);
    return group.length;
  }

  async report(row: GapRow, alive: () => Promise<void>): Promise<void> {
    const header = { host: row.host, epoch: row.batch_epoch };
    for (;;) {
      try {
        await this.table.settle([header], alive);
        if (this.table.landed.of(header)! < row.batch_sequence) await this.insertGap(row, alive);
        this.table.patience.over();
        return;
      } catch (error) {
        this.table.doubt = true;
        if (error instanceof Leaving) throw error;
        await this.table.wait(error, alive);
      }
    }
  }

  /** For what never came. What was refused is reported by whoever sets it aside. */
  private async insertGap(row: GapRow, alive: () => Promise<void>): Promise<void> {
    await this.table.insertGaps([row], alive);
    const { host, batch_epoch: epoch, batch_sequence: until, reason } = row;
    const what = `${reason[0]!.toUpperCase()}${reason.slice(1)}; a gap row says so.`;
    report(new AfterlogError('BATCHES_MISSING', what), { host, epoch, until });
  }

  /** A batch that the look found: landed by an INSERT of ours that seemed to fail, or long ago. */
  private sort(batch: Batch, ours: boolean, head: QueueHead, result: Landing): void {
    if (head.refused !== null) result.refused.push(head.refused);
    else if (!ours) result.skipped.push(batch);
    else {
      result.landed.push(batch);
      this.table.counts.rows += batch.header.rows;
    }
  }

  /** First set aside, then replaced: the other order could lose the batch in a crash between the two. */
  private async replace(refused: Refused, alive: () => Promise<void>): Promise<void> {
    await this.table.run(async () => this.options.setAside?.(refused), alive);
    crashPoint('land.set_aside');
    await this.table.insertGaps(refusedBatch(refused.batch, refused.reason), alive);
  }

  /** @throws AfterlogError SCHEMA_BEHIND, which is waited out like any other */
  private async needSchema({ header }: Batch, alive: () => Promise<void>): Promise<void> {
    if (header.schema <= this.table.schema) return;
    await this.table.askSchema(alive);
    if (header.schema <= this.table.schema) return;
    throw new AfterlogError(
      'SCHEMA_BEHIND',
      `Batch ${batchId(header)} needs schema ${header.schema}, the database has ${this.table.schema}; ` +
        'batches wait for `afterlog migrate`.',
    );
  }

  /** After a failure: narrow down whose fault it is, or wait. `group` is what was being inserted, if anything. */
  private async consider(
    error: unknown,
    group: Batch[],
    at: number,
    head: QueueHead,
    alive: () => Promise<void>,
  ): Promise<void> {
    const fault: Fault = group.length > 0 ? faultOf(error) : 'server';
    const narrows = fault === 'data' || fault === 'suspect';
    if (narrows && group.length > 1) {
      head.aloneUntil = at + group.length;
      const reason = loggableRefusal(error);
      log.debug({ batches: group.length, reason }, 'Joined batches were refused; each is tried alone.');
      return;
    }
    if (narrows) {
      head.refusals++;
      const batch = group[0]!;
      if (fault === 'data' && head.refusals === 1) return;
      const hopeless = fault === 'data' ? null : undecodable(batch.value);
      if (fault === 'data' || hopeless !== null) {
        head.refused = { batch, reason: hopeless ?? describeRefusal(error) };
        return;
      }
    }
    await this.table.wait(error, alive);
  }
}
