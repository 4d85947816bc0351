import type { ClickHouseClient } from '@clickhouse/client';
import { crashPoint } from '../../base/crash_point.ts';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { log } from '../../base/log.ts';
import { during, Leaving, Patience } from '../../base/patience.ts';
import type { Batch, BatchHeader } from '../../wire/header.ts';
import { clickhouseErrors } from '../clickhouse_errors.ts';
import { errorNumber, loggableRefusal } from '../refusal.ts';
import { deriveBatches } from './derive.ts';
import { type GapRow, gapBody } from './gap_rows.ts';
import { type Body, insertBody } from './insert.ts';
import { fence, Landed, look } from './landed.ts';
import { tableSchema } from './table_schema.ts';

/**
 * console_logs as one lander sees it: INSERTs under its scope, and what it knows to have landed. Whoever catches an
 * error of an INSERT sets `doubt`; the next settle() then fences and looks.
 */
export class TableWriter {
  doubt = true;
  readonly landed = new Landed();
  readonly counts = { inserts: 0, rows: 0, gaps: 0 };
  /** Highest migration of the database when it was last asked; 0 before. */
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

  /** Fence if in doubt, then look up the batches ahead if the first is not known. Afterwards the first is. */
  async settle(ahead: Pick<BatchHeader, 'host' | 'epoch'>[], alive: () => Promise<void>): Promise<void> {
    if (this.doubt) {
      this.landed.clear();
      // Set before the fence: taken() may come while it runs.
      this.doubt = false;
      await this.fence(alive);
      crashPoint('land.fenced');
    }
    if (this.landed.of(ahead[0]!) !== null) return;
    await this.run((signal) => look(this.client, this.database, ahead, this.landed, signal), alive);
    crashPoint('land.looked');
  }

  /** Joined batches; afterwards they are known to have landed. */
  async insertBatches(batches: Batch[], alive: () => Promise<void>): Promise<void> {
    await this.insert({ format: 'Native', bytes: Buffer.concat(batches.map(({ value }) => value)) }, alive);
    for (const { header } of batches) {
      this.landed.set(header, header.sequence);
      this.counts.rows += header.rows;
    }
  }

  /** Gap rows of one batch id, in an INSERT of their own. */
  async insertGaps(rows: GapRow[], alive: () => Promise<void>): Promise<void> {
    await this.insert({ format: 'JSONEachRow', bytes: gapBody(rows, Date.now()) }, alive);
    const { host, batch_epoch, batch_sequence } = rows[0]!;
    this.landed.set({ host, epoch: batch_epoch }, batch_sequence);
    this.counts.gaps += rows.length;
  }

  /** Derives again what a look found after a doubt. Landing does not hang on it: `afterlog rebuild` does the same. */
  async derive(found: BatchHeader[], alive: () => Promise<void>): Promise<void> {
    const { client, database, landed } = this;
    try {
      await this.run((signal) => deriveBatches({ client, database }, found, landed, signal), alive);
    } catch (error) {
      const isRefused = error instanceof AfterlogError || errorNumber(error) !== null;
      if (!isRefused) throw error;
      const reason = error instanceof AfterlogError ? error.message : loggableRefusal(error);
      log.info(
        { reason },
        'What is derived from the last INSERT was not looked after; see `afterlog rebuild`.',
      );
    }
  }

  async askSchema(alive: () => Promise<void>): Promise<void> {
    this.schema = await this.run((signal) => tableSchema(this.client, this.database, signal), alive);
  }

  /** Waits a while before the next try, and says why. @throws Leaving */
  async wait(error: unknown, alive: () => Promise<void>): Promise<void> {
    // What is said by our own parts has its code and words already.
    if (error instanceof AfterlogError) {
      return this.patience.wait(error.code, error.message, alive, this.leave);
    }
    const silent = errorNumber(error) === null;
    const code = silent ? 'CLICKHOUSE_UNREACHABLE' : 'CLICKHOUSE_REFUSED';
    const what = `${silent ? 'does not answer' : 'refuses'} (${loggableRefusal(error)})`;
    return this.patience.wait(code, `ClickHouse ${what}; batches wait, nothing is lost.`, alive, this.leave);
  }

  run<T>(work: (signal: AbortSignal) => Promise<T>, alive: () => Promise<void>): Promise<T> {
    return during(work, alive, this.leave);
  }

  private async insert(body: Body, alive: () => Promise<void>): Promise<void> {
    crashPoint('land.insert');
    await this.stillOurs(alive);
    this.counts.inserts++;
    await this.run((signal) => insertBody(this.client, this.database, this.idPrefix, body, signal), alive);
    crashPoint('land.inserted');
  }

  /** Asked right before an INSERT: whoever was frozen while a partition was taken over learns it here, not afterwards. */
  private async stillOurs(alive: () => Promise<void>): Promise<void> {
    await alive().catch((error: unknown) => {
      throw new Leaving(error);
    });
  }

  private async fence(alive: () => Promise<void>): Promise<void> {
    try {
      await this.run((signal) => fence(this.client, this.idPrefix, signal), alive);
    } catch (error) {
      // KILL QUERY reads system.processes, which needs a right.
      if (errorNumber(error) !== clickhouseErrors.ACCESS_DENIED) throw error;
      const wait_ms = limits.insert.timeout_ms + limits.consume.handover_ms;
      const sentence =
        `This ClickHouse user may not end its own INSERTs (${loggableRefusal(error)}); landing waits ${wait_ms / 1000} s, ` +
        'until the server’s limit has ended them. GRANT SELECT ON system.processes mends it.';
      await this.patience.wait('CLICKHOUSE_REFUSED', sentence, alive, this.leave, wait_ms);
    }
  }
}
