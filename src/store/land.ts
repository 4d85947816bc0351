import { setTimeout as sleep } from 'node:timers/promises';
import type { ClickHouseClient } from '@clickhouse/client';
import { limits } from '../config/limits.ts';
import { AfterlogError } from '../errors.ts';
import { log } from '../log.ts';
import { decodeValue } from '../wire/decode.ts';
import { type Batch, batchId } from '../wire/header.ts';
import { type GapRow, gapBody, missingBatches, refusedBatch } from './gap_rows.ts';
import { type Body, insertBody } from './insert.ts';
import { fence, Landed, look } from './landed.ts';
import { during, Leaving, Patience } from './patience.ts';
import { describeRefusal, errorNumber, type Fault, faultOf } from './refusal.ts';
import { tableSchema } from './table_schema.ts';

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
interface Head {
  /** Batches before this index were in an INSERT of ours: if the look finds them, we landed them. */
  tried: number;
  /** Batches before this index are inserted one by one: joined, they were refused. */
  aloneUntil: number;
  /** Refusals of the head alone. The first may have been a body damaged on its way; the second is the batch's. */
  refusals: number;
  refused: Refused | null;
}

class TableLander {
  readonly leave = new AbortController();
  private readonly landed = new Landed();
  private readonly patience: Patience;
  private readonly idPrefix: string;
  private doubt = true;
  private highestSchema = 0;
  private killDenied = false;
  private readonly counts = { inserts: 0, rows: 0, gaps: 0 };
  private readonly client: ClickHouseClient;
  private readonly database: string;
  private readonly options: LanderOptions;

  constructor(client: ClickHouseClient, database: string, scope: string, options: LanderOptions) {
    this.client = client;
    this.database = database;
    this.options = options;
    this.idPrefix = `afterlog/${scope}/`;
    this.patience = new Patience(`Landing of ${scope}`);
  }

  taken(): void {
    this.doubt = true;
  }

  status(): LanderStatus {
    return { ...this.counts, paused: this.patience.waiting };
  }

  async land(batches: Batch[], alive: () => Promise<void>): Promise<Landing> {
    const result: Landing = { landed: [], skipped: [], refused: [] };
    const head: Head = { tried: 0, aloneUntil: 0, refusals: 0, refused: null };
    for (let at = 0; at < batches.length; ) {
      let done = 0;
      let group: Batch[] = [];
      try {
        await this.settle(batches, at, alive);
        const batch = batches[at]!;
        const landed = this.landed.of(batch.header)!;
        if (batch.header.sequence <= landed) {
          this.sort(batch, at < head.tried, head, result);
          done = 1;
        } else if (batch.header.sequence > landed + 1) {
          await this.insertGaps([missingBatches(batch.header, landed)], alive);
        } else if (batch.header.schema > this.highestSchema && !(await this.hasSchema(batch, alive))) {
          continue;
        } else if (head.refused !== null) {
          await this.replace(head.refused, alive);
          result.refused.push(head.refused);
          done = 1;
        } else {
          group = this.group(batches, at, at < head.aloneUntil);
          head.tried = at + group.length;
          await this.insert({ format: 'Native', bytes: Buffer.concat(group.map((one) => one.value)) }, alive);
          for (const { header } of group) {
            this.landed.set(header, header.sequence);
            this.counts.rows += header.rows;
          }
          result.landed.push(...group);
          done = group.length;
        }
        this.patience.over();
      } catch (error) {
        this.doubt = true;
        if (error instanceof Leaving) throw error;
        await this.consider(error, group, at, head, alive);
      }
      if (done > 0) Object.assign(head, { refusals: 0, refused: null });
      at += done;
    }
    return result;
  }

  async report(row: GapRow, alive: () => Promise<void>): Promise<void> {
    const header = { host: row.host, epoch: row.batch_epoch, sequence: row.batch_sequence };
    for (;;) {
      try {
        await this.settle([{ header } as Batch], 0, alive);
        if (this.landed.of(header)! >= header.sequence) return;
        await this.insertGaps([row], alive);
        this.patience.over();
        return;
      } catch (error) {
        this.doubt = true;
        if (error instanceof Leaving) throw error;
        await this.wait(error, alive);
      }
    }
  }

  /** Fence if in doubt, then look up what is not known of the batches ahead. */
  private async settle(batches: Batch[], at: number, alive: () => Promise<void>): Promise<void> {
    if (this.doubt) {
      this.landed.clear();
      // Set before the fence: taken() may come while it runs.
      this.doubt = false;
      await this.fence(alive);
    }
    // A look ahead of bounded length never makes the memory of epochs forget the head's.
    const ahead = batches.slice(at, at + limits.landed_epochs_max / 2).map(({ header }) => header);
    const needed = this.landed.of(ahead[0]!) === null;
    if (needed)
      await this.run((signal) => look(this.client, this.database, ahead, this.landed, signal), alive);
  }

  private async fence(alive: () => Promise<void>): Promise<void> {
    try {
      await this.run((signal) => fence(this.client, this.idPrefix, signal), alive);
    } catch (error) {
      // 497 ACCESS_DENIED: KILL QUERY reads system.processes.
      if (errorNumber(error) !== 497) throw error;
      const wait_ms = limits.insert_timeout_ms + limits.handover_ms;
      if (!this.killDenied) {
        log.warn(
          { code: 'CLICKHOUSE_REFUSED' },
          `ClickHouse does not let this user end its own INSERTs (${describeRefusal(error)}); after each doubt ` +
            `landing waits ${wait_ms / 1000} s instead, until the server's limit has ended them. ` +
            'GRANT SELECT ON system.processes mends it.',
        );
      }
      this.killDenied = true;
      await during((signal) => sleep(wait_ms, undefined, { signal }), alive, this.leave.signal, 0);
    }
  }

  /** Whole batches from `at` that may share an INSERT: one day, no jump, within the limits; at least one. */
  private group(batches: Batch[], at: number, alone: boolean): Batch[] {
    const first = batches[at]!;
    const group = [first];
    let rows = first.header.rows;
    let bytes = first.header.block_bytes;
    const highest = new Map([[`${first.header.epoch}/${first.header.host}`, first.header.sequence]]);
    for (const batch of alone ? [] : batches.slice(at + 1)) {
      const { host, epoch, sequence, ingest_day, schema } = batch.header;
      rows += batch.header.rows;
      bytes += batch.header.block_bytes;
      if (ingest_day !== first.header.ingest_day || schema > this.highestSchema) break;
      if (rows > limits.insert_rows_max || bytes > limits.insert_bytes_max) break;
      const before = highest.get(`${epoch}/${host}`) ?? this.landed.of(batch.header);
      if (before === null || sequence !== before + 1) break;
      highest.set(`${epoch}/${host}`, sequence);
      group.push(batch);
    }
    return group;
  }

  private async insert(body: Body, alive: () => Promise<void>): Promise<void> {
    this.counts.inserts++;
    await this.run((signal) => insertBody(this.client, this.database, this.idPrefix, body, signal), alive);
  }

  private async insertGaps(rows: GapRow[], alive: () => Promise<void>): Promise<void> {
    await this.insert({ format: 'JSONEachRow', bytes: gapBody(rows, Date.now()) }, alive);
    const { host, batch_epoch, batch_sequence, reason } = rows[0]!;
    this.landed.set({ host, epoch: batch_epoch }, batch_sequence);
    this.counts.gaps += rows.length;
    log.warn({ gaps: rows.length }, `Gap: ${reason}.`);
  }

  /** A batch that the look found: landed by an INSERT of ours that seemed to fail, or long ago. */
  private sort(batch: Batch, ours: boolean, head: Head, result: Landing): void {
    if (head.refused !== null) result.refused.push(head.refused);
    else if (!ours) result.skipped.push(batch);
    else {
      result.landed.push(batch);
      this.counts.rows += batch.header.rows;
    }
  }

  /** First set aside, then replaced: the other order could lose the batch in a crash between the two. */
  private async replace(refused: Refused, alive: () => Promise<void>): Promise<void> {
    await during(async () => this.options.setAside?.(refused), alive, this.leave.signal);
    await this.insertGaps(refusedBatch(refused.batch, refused.reason), alive);
  }

  /** After a failure: narrow down whose fault it is, or wait. `group` is what was being inserted, if anything. */
  private async consider(
    error: unknown,
    group: Batch[],
    at: number,
    head: Head,
    alive: () => Promise<void>,
  ): Promise<void> {
    const fault: Fault = group.length > 0 ? faultOf(error) : 'server';
    const narrows = fault === 'data' || fault === 'suspect';
    if (narrows && group.length > 1) {
      head.aloneUntil = at + group.length;
      log.debug(
        { batches: group.length },
        `Joined batches refused (${describeRefusal(error)}); trying each.`,
      );
      return;
    }
    if (narrows) {
      head.refusals++;
      const batch = group[0]!;
      if (fault === 'data' && head.refusals === 1) return;
      const hopeless = fault === 'data' ? null : undecodable(batch);
      if (fault === 'data' || hopeless !== null) {
        head.refused = { batch, reason: hopeless ?? describeRefusal(error) };
        const id = batchId(batch.header);
        log.error({ code: 'CLICKHOUSE_REFUSED' }, `ClickHouse refuses batch ${id}: ${head.refused.reason}`);
        return;
      }
    }
    await this.wait(error, alive);
  }

  private async wait(error: unknown, alive: () => Promise<void>): Promise<void> {
    // What the caller's own part throws (setAside) has its words already.
    if (error instanceof AfterlogError) {
      return this.patience.wait(error.code, error.message, alive, this.leave.signal);
    }
    const [code, sentence] =
      errorNumber(error) === null
        ? ([
            'CLICKHOUSE_UNREACHABLE',
            `ClickHouse does not answer (${describeRefusal(error)}); batches wait, nothing is lost.`,
          ] as const)
        : ([
            'CLICKHOUSE_REFUSED',
            `ClickHouse refuses (${describeRefusal(error)}); batches wait, nothing is lost.`,
          ] as const);
    await this.patience.wait(code, sentence, alive, this.leave.signal);
  }

  /** Waits once if the table is older than the batch. @returns whether the table has the batch's schema now */
  private async hasSchema(batch: Batch, alive: () => Promise<void>): Promise<boolean> {
    this.highestSchema = await this.run((signal) => tableSchema(this.client, this.database, signal), alive);
    if (batch.header.schema <= this.highestSchema) return true;
    const sentence =
      `Batch ${batchId(batch.header)} needs schema ${batch.header.schema}, the tables in ${this.database} have ` +
      `${this.highestSchema}; batches wait for \`afterlog migrate\`.`;
    await this.patience.wait('SCHEMA_BEHIND', sentence, alive, this.leave.signal);
    return false;
  }

  private run<T>(work: (signal: AbortSignal) => Promise<T>, alive: () => Promise<void>): Promise<T> {
    return during(work, alive, this.leave.signal);
  }
}

/** Why a batch is hopeless whatever the server's state, or null if it decodes. */
function undecodable(batch: Batch): string | null {
  try {
    decodeValue(batch.value);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}
