import type { ClickHouseClient } from '@clickhouse/client';
import { crashPoint } from '../../base/crash_point.ts';
import { AfterlogError, type ErrorCode } from '../../base/errors.ts';
import { report } from '../../base/faults.ts';
import { limits } from '../../base/limits.ts';
import { log } from '../../base/log.ts';
import { Leaving } from '../../base/patience.ts';
import { undecodable } from '../../wire/decode.ts';
import { type Batch, type BatchHeader, batchId } from '../../wire/header.ts';
import { isBodyRefused } from '../foreign_answer.ts';
import { describeRefusal, type Fault, faultOf, loggableRefusal } from '../refusal.ts';
import { type GapRow, missingBatches, refusedBatch } from './gap_rows.ts';
import { groupAt } from './group.ts';
import { TableWriter } from './table_writer.ts';

/**
 * Hop 3 of the guarantee: batches into ClickHouse once, in order. The lander assumes nothing about landed
 * batches. When it takes its work over, and after every INSERT without a good answer, it fences (no older
 * INSERT of this scope runs any more), looks (the table shows which batches have landed), and continues
 * behind them.
 */

export interface Refused {
  batch: Batch;
  reason: string;
  /** Of the error, if the batch was not even tried: then no gap rows take its place. */
  code?: ErrorCode;
}

export interface Landing {
  landed: Batch[];
  /** Batches that had landed before: the source may hold a batch twice or late. */
  skipped: Batch[];
  /** Batches that were set aside; gap rows stand in their place, unless they have a code. */
  refused: Refused[];
}

export interface Lander {
  /** Makes the lander forget everything: it fences and looks before the next INSERT. Safe at any moment. */
  taken(): void;
  /**
   * Returns when every batch has landed, or was skipped or refused, however long it takes. Calls queue up:
   * one INSERT at a time.
   * @param batches in the order of their source
   * @throws what `alive` throws, or STOPPED after stop(); the next look finds the batches that landed until
   *   then
   */
  land(batches: Batch[], alive?: () => Promise<void>): Promise<Landing>;
  /** Inserts a gap row of the caller's own, once: its host, epoch and sequence are looked up first. */
  report(row: GapRow, alive?: () => Promise<void>): Promise<void>;
  /** A running land() ends after its INSERT, within `handover_ms`. */
  stop(): void;
  status(): LanderStatus;
}

export interface LanderStatus {
  inserts: number;
  rows: number;
  gaps: number;
  /** The reason of a wait, as one sentence; null if there is none. */
  paused: string | null;
}

export interface LanderOptions {
  /**
   * Stores a refused batch somewhere safe before gap rows take its place. It is called again until it returns
   * once; a crash may repeat that.
   */
  setAside?: (refused: Refused) => Promise<void>;
  /**
   * Runs for a batch before which `missing` batches did not come. It returns null if a gap row may take their
   * place, or the reason to set the batch aside; it throws Leaving if they may still arrive. Without it, each
   * jump is believed: the batches come from this host's own spool.
   */
  distrust?: (batch: Batch, missing: number) => Promise<string | null>;
  /** The newest schema that this version knows. A batch of a newer one is set aside. Default: any. */
  schema_known?: number;
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

/** The state of the batch at the head of the queue. */
interface QueueHead {
  /** Batches before this index were in one of our INSERTs; if a look finds them, that INSERT landed. */
  tried: number;
  /** Batches before this index are inserted one by one, because ClickHouse refused them together. */
  aloneUntil: number;
  /** Epochs with an unexplained jump in this call; the table was asked again what has landed of them. */
  lookedUp: Set<string>;
  /**
   * Refusals of the head alone. The first may come from a body damaged on its way, the second from the batch.
   */
  refusals: number;
  refused: Refused | null;
  /** `refused` is in a safe place. */
  isAside: boolean;
  /** ClickHouse refuses its gap rows of each run; one for the whole batch takes their place. */
  isBare: boolean;
}

const newHead = () => ({ refusals: 0, refused: null, isAside: false, isBare: false });

/**
 * The batches that a look found after a doubt: their INSERT may have ended before the views derived its rows.
 */
interface FoundBatches {
  headers: BatchHeader[];
  /** Only the last landed batch of an epoch can be of such an INSERT. Without it, all of them are older. */
  hasLast: boolean;
}

class TableLander {
  readonly leave = new AbortController();
  private readonly table: TableWriter;
  private readonly options: LanderOptions;
  /**
   * From a doubt to the first INSERT after it: batches found meanwhile may be of an INSERT that ended
   * half-way.
   */
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
    const head: QueueHead = { tried: 0, aloneUntil: 0, lookedUp: new Set(), ...newHead() };
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
        if (done > 0) Object.assign(head, newHead());
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
   * One step for the batch at `at`: skip it, insert the gap row of a jump before it, replace it by gap rows,
   * or insert it with the batches that follow. `group` receives the inserted batches, for the caller that
   * catches the error.
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
    // With a bounded number of batches ahead, the memory of epochs never forgets the head's.
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
    if (batch.header.sequence > landed + 1) return this.jump(batch, landed, head, result, alive);
    await this.needSchema(batch, head, alive);
    if (head.refused !== null) {
      await this.replace(head.refused, head, alive);
      result.refused.push(head.refused);
      return 1;
    }
    const schema = Math.min(table.schema, this.options.schema_known ?? table.schema);
    const { landed: known, body_bytes_max } = table;
    const bounds = { landed: known, schema, body_bytes_max };
    group.push(...groupAt(batches, at, at < head.aloneUntil, bounds));
    head.tried = at + group.length;
    await table.insertBatches(group, alive);
    this.isAfterDoubt = false;
    result.landed.push(...group);
    return group.length;
  }

  /**
   * A batch whose sequence is ahead of what has landed: the gap row of the missing batches, or the batch is
   * set aside. (A search of the topic for the missing batches has its place here.)
   * @returns how many batches are done
   */
  private async jump(
    batch: Batch,
    landed: number,
    head: QueueHead,
    result: Landing,
    alive: () => Promise<void>,
  ): Promise<number> {
    const { table, options } = this;
    const reason = await table.run(
      async () => (await options.distrust?.(batch, batch.header.sequence - landed - 1)) ?? null,
      alive,
    );
    if (reason === null || (landed === 0 && (await table.beganBefore(batch.header, alive)))) {
      await this.insertGap(missingBatches(batch.header, landed), alive);
      return 0;
    }
    const epoch = `${batch.header.epoch}/${batch.header.host}`;
    if (!head.lookedUp.has(epoch)) {
      // A replay may have landed batches since the last look.
      head.lookedUp.add(epoch);
      table.landed.forget(batch.header);
      return 0;
    }
    const refused: Refused = { batch, reason, code: 'BATCH_UNEXPLAINED' };
    await table.stillOurs(alive);
    await table.run(async () => options.setAside?.(refused), alive);
    result.refused.push(refused);
    return 1;
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

  /** The gap row of missing batches. Refused batches are reported where they are set aside. */
  private async insertGap(row: GapRow, alive: () => Promise<void>): Promise<void> {
    await this.table.insertGaps([row], alive);
    const { host, batch_epoch: epoch, batch_sequence: until, reason } = row;
    const what = `${reason[0]!.toUpperCase()}${reason.slice(1)}; a gap row reports it.`;
    report(new AfterlogError('BATCHES_MISSING', what), { host, epoch, until });
  }

  /** Counts a batch that the look found: it landed by an INSERT of ours that seemed to fail, or earlier. */
  private sort(batch: Batch, ours: boolean, head: QueueHead, result: Landing): void {
    if (head.refused !== null) result.refused.push(head.refused);
    else if (!ours) result.skipped.push(batch);
    else {
      result.landed.push(batch);
      this.table.counts.rows += batch.header.rows;
    }
  }

  /**
   * Sets the batch aside, then inserts its gap rows: in the other order a crash in between could lose the
   * batch.
   */
  private async replace(refused: Refused, head: QueueHead, alive: () => Promise<void>): Promise<void> {
    const { batch, reason } = refused;
    if (!head.isAside) await this.table.run(async () => this.options.setAside?.(refused), alive);
    head.isAside = true;
    crashPoint('land.set_aside');
    try {
      await this.table.insertGaps(refusedBatch(batch, reason, head.isBare), alive);
    } catch (error) {
      if (faultOf(error) === 'data') head.isBare = true;
      throw error;
    }
  }

  /**
   * A batch of a schema that this version does not know is refused: it can be replayed after an update. One
   * that only the database lacks waits.
   * @throws AfterlogError SCHEMA_BEHIND; the lander waits until it is over, as with any other fault
   */
  private async needSchema(batch: Batch, head: QueueHead, alive: () => Promise<void>): Promise<void> {
    const { header } = batch;
    const known = this.options.schema_known ?? Number.POSITIVE_INFINITY;
    if (header.schema > known) {
      const reason = `it has schema ${header.schema}, this version of afterlog knows ${known}; update, then replay it`;
      head.refused ??= { batch, reason };
      return;
    }
    if (header.schema <= this.table.schema) return;
    await this.table.askSchema(alive);
    if (header.schema <= this.table.schema) return;
    throw new AfterlogError(
      'SCHEMA_BEHIND',
      `Batch ${batchId(header)} needs schema ${header.schema}, the database has ${this.table.schema}; ` +
        'batches wait for `afterlog migrate`.',
    );
  }

  /**
   * After a failure: narrows the cause down, or waits. `group`: the batches of the failed INSERT, if it was
   * one.
   */
  private async consider(
    error: unknown,
    group: Batch[],
    at: number,
    head: QueueHead,
    alive: () => Promise<void>,
  ): Promise<void> {
    if (isBodyRefused(error) && group.length > 0) {
      // The next INSERT is smaller.
      if (group.length > 1) return;
      const { header, value } = group[0]!;
      const what = `Batch ${batchId(header)} has ${value.length} bytes, and a proxy at ${error.url} ${error.message}`;
      return this.table.wait(new AfterlogError('BODY_REFUSED', `${what} It waits.`, error), alive);
    }
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
