import type { ClickHouseClient } from '@clickhouse/client';
import { crashPoint } from '../../base/crash_point.ts';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { log } from '../../base/log.ts';
import { during, Leaving, Patience } from '../../base/patience.ts';
import type { Batch, BatchHeader } from '../../wire/header.ts';
import { clickhouseErrors } from '../clickhouse_errors.ts';
import { foreignFault, isBodyRefused } from '../foreign_answer.ts';
import { errorNumber, isSchemaFault, loggableRefusal } from '../refusal.ts';
import { beganBeforeTable } from './before_table.ts';
import { bodyRoomOf } from './body_room.ts';
import { deriveBatches } from './derive.ts';
import { type GapRow, gapBody } from './gap_rows.ts';
import { type Body, insertBody } from './insert.ts';
import { fence, Landed, look } from './landed.ts';
import { tableSchema } from './table_schema.ts';

/**
 * The table console_logs for one lander: INSERTs under its scope, and the batches that it knows to have
 * landed. A caller that catches an error of an INSERT sets `doubt`; the next settle() then fences and looks.
 */
export class TableWriter {
  doubt = true;
  readonly landed = new Landed();
  readonly counts = { inserts: 0, rows: 0, gaps: 0 };
  /** The highest migration of the database when it was last asked; 0 before. */
  schema = 0;
  readonly patience: Patience;
  private readonly idPrefix: string;
  private readonly client: ClickHouseClient;
  private readonly database: string;
  private readonly leave: AbortSignal;

  constructor(client: ClickHouseClient, database: string, scope: string, leave: AbortSignal) {
    this.client = client;
    this.database = database;
    this.leave = leave;
    this.idPrefix = `afterlog/${scope}/`;
    this.patience = new Patience(`Landing of ${scope}`);
  }

  /** Fences if in doubt. Then looks up the batches ahead, unless the first is known; afterwards it is. */
  async settle(ahead: Pick<BatchHeader, 'host' | 'epoch'>[], alive: () => Promise<void>): Promise<void> {
    if (this.doubt) {
      this.landed.clear();
      // Reset before the fence, because taken() may set it again meanwhile.
      this.doubt = false;
      await this.fence(alive);
      crashPoint('land.fenced');
    }
    if (this.landed.of(ahead[0]!) !== null) return;
    await this.run((signal) => look(this.client, this.database, ahead, this.landed, signal), alive);
    crashPoint('land.looked');
  }

  /** Inserts joined batches. */
  async insertBatches(batches: Batch[], alive: () => Promise<void>): Promise<void> {
    const bytes = Buffer.concat(batches.map(({ value }) => value));
    const room = bodyRoomOf(this.client);
    await this.insert({ format: 'Native', bytes }, alive).catch((error: unknown) => {
      // A single batch cannot be made smaller.
      if (isBodyRefused(error) && batches.length > 1) room.refused(bytes.length);
      throw error;
    });
    room.passed(bytes.length);
    for (const { header } of batches) {
      this.landed.set(header, header.sequence);
      this.counts.rows += header.rows;
    }
  }

  /** Inserts gap rows of one batch id, alone. */
  async insertGaps(rows: GapRow[], alive: () => Promise<void>): Promise<void> {
    await this.insert({ format: 'JSONEachRow', bytes: gapBody(rows, Date.now()) }, alive);
    const { host, batch_epoch, batch_sequence } = rows[0]!;
    this.landed.set({ host, epoch: batch_epoch }, batch_sequence);
    this.counts.gaps += rows.length;
  }

  /**
   * Derives batches again that a look found. Landing goes on if that fails: `afterlog rebuild` does the same.
   */
  async derive(found: BatchHeader[], alive: () => Promise<void>): Promise<void> {
    const { client, database, landed } = this;
    try {
      await this.run((signal) => deriveBatches({ client, database }, found, landed, signal), alive);
    } catch (error) {
      const isBehind = error instanceof AfterlogError && error.code === 'SCHEMA_BEHIND';
      const isRefused = isBehind || errorNumber(error) !== null;
      if (!isRefused) throw error;
      const reason = error instanceof AfterlogError ? error.message : loggableRefusal(error);
      log.info(
        { reason },
        'The derived rows of the last INSERT were not checked; `afterlog rebuild` checks them.',
      );
    }
  }

  /** Whether an epoch without a row may have landed nevertheless. */
  beganBefore({ epoch }: BatchHeader, alive: () => Promise<void>): Promise<boolean> {
    return this.run((signal) => beganBeforeTable(this.client, this.database, epoch, signal), alive);
  }

  async askSchema(alive: () => Promise<void>): Promise<void> {
    this.schema = await this.run((signal) => tableSchema(this.client, this.database, signal), alive);
  }

  /** Bytes that the body of an INSERT of several batches may have. */
  get body_bytes_max(): number {
    return bodyRoomOf(this.client).bytes_max;
  }

  /** Waits before the next try, and logs why. @throws Leaving */
  async wait(error: unknown, alive: () => Promise<void>): Promise<void> {
    // Our own errors have their code and message already.
    const known = foreignFault(error);
    if (known !== null) return this.patience.wait(known, alive, this.leave);
    const silent = errorNumber(error) === null;
    const refused = isSchemaFault(error) ? 'SCHEMA_BEHIND' : 'CLICKHOUSE_REFUSED';
    const code = silent ? 'CLICKHOUSE_UNREACHABLE' : refused;
    const what = `${silent ? 'does not answer' : 'refuses'} (${loggableRefusal(error)})`;
    const sentence = `ClickHouse ${what}; batches wait, nothing is lost.`;
    return this.patience.wait(new AfterlogError(code, sentence, error), alive, this.leave);
  }

  run<T>(work: (signal: AbortSignal) => Promise<T>, alive: () => Promise<void>): Promise<T> {
    return during(work, alive, this.leave);
  }

  private async insert(body: Body, alive: () => Promise<void>): Promise<void> {
    crashPoint('land.insert');
    await this.stillOurs(alive);
    this.counts.inserts++;
    const { client, database, idPrefix } = this;
    // An older version looks for the beginning only.
    const prefix = `${idPrefix}${database}/`;
    await this.run((signal) => insertBody(client, database, prefix, body, signal), alive);
    crashPoint('land.inserted');
  }

  /**
   * Checked right before an INSERT, and before a batch is set aside: a process that was frozen while its
   * partition was taken over must do neither.
   */
  async stillOurs(alive: () => Promise<void>): Promise<void> {
    await alive().catch((error: unknown) => {
      throw new Leaving(error);
    });
  }

  private async fence(alive: () => Promise<void>): Promise<void> {
    try {
      const { client, database, idPrefix } = this;
      await this.run((signal) => fence(client, database, idPrefix, signal), alive);
    } catch (error) {
      // KILL QUERY reads system.processes, which needs a right.
      if (errorNumber(error) !== clickhouseErrors.ACCESS_DENIED) throw error;
      const wait_ms = limits.insert.timeout_ms + limits.consume.handover_ms;
      const sentence =
        `This ClickHouse user may not end its own INSERTs (${loggableRefusal(error)}); landing waits ${wait_ms / 1000} s, ` +
        'until the server’s limit has ended them. GRANT SELECT ON system.processes removes this wait.';
      const known = new AfterlogError('CLICKHOUSE_REFUSED', sentence, error);
      await this.patience.wait(known, alive, this.leave, wait_ms);
    }
  }
}
