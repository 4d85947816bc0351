import { setTimeout as sleep } from 'node:timers/promises';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError } from '../base/errors.ts';
import { Trouble, unwritable } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import type { Redactor } from '../redact/redactor.ts';
import { type LabelSource, RowTarget } from '../rows/row_target.ts';
import { StreamRows } from '../rows/stream_rows.ts';
import type { Spool, StateChanges } from '../spool/spool.ts';
import { type Account, costOf, FairShares } from '../tail/fair_shares.ts';
import type { Pin } from '../tail/pins.ts';
import type { Sink, StateOwner, StreamName } from '../tail/sink.ts';
import { BatchBuilder } from '../wire/batch_builder.ts';
import { newEpoch } from '../wire/epoch.ts';
import { today } from '../wire/header.ts';
import { toSpool } from '../wire/spooled.ts';
import { type Costs, Ledger } from './ledger.ts';

/** Pause between two tries to write the spool. */
const RETRY_MS = 1_000;

interface PendingEntry {
  changes: StateChanges;
  payload: Buffer | null;
  /** Pins that may be unlinked once this entry is durable. */
  releases: Pin[];
  costs: Costs;
}

/** Calls of the pipeline to the tail. */
export interface PipelineEvents {
  /** While paused, nothing may be read: the spool takes nothing. */
  paused(isPaused: boolean): void;
  release(pin: Pin): void;
  /** Shares of sandboxes are free again. */
  freed(): void;
}

/**
 * The sink of the tails: collects rows in a batch and appends it to the spool. Rows and the states after them
 * go into one entry, so that they are durable together.
 */
export class Pipeline implements Sink {
  /** Batches encoded since the start. */
  batches = 0;
  /** Of what is on its way. */
  readonly shares = new FairShares();
  private readonly ledger = new Ledger(this.shares);
  private readonly builder: BatchBuilder;
  private readonly spool: Spool;
  private readonly events: PipelineEvents;
  private readonly target: RowTarget;
  /** New at each start. */
  private readonly epoch = newEpoch();
  private sequence = 0;
  private day = 0;
  /** Tails whose state goes into the next entry. */
  private touched = new Set<StateOwner>();
  private releases: Pin[] = [];
  private timer: NodeJS.Timeout | null = null;
  /** An encoded entry that the spool could not take. It is the next one, with the same id and bytes. */
  private stuck: PendingEntry | null = null;
  private retry: NodeJS.Timeout | null = null;
  private roomTimer: NodeJS.Timeout | null = null;
  /** Why nothing is read now. */
  private readonly trouble = new Trouble('Reading goes on.');
  private readonly syncTrouble = new Trouble('The spool is durable again.');
  /** Pins whose last state is appended, and perhaps not durable yet. */
  private releasable: Pin[] = [];
  private syncing: Promise<void> | null = null;
  private isClosed = false;

  constructor(
    host: string,
    spool: Spool,
    events: PipelineEvents,
    labels: LabelSource | null = null,
    redactor: Redactor | null = null,
  ) {
    this.builder = new BatchBuilder(host);
    this.spool = spool;
    this.events = events;
    this.target = new RowTarget(this.builder, redactor, labels);
    this.ledger.found(spool.undelivered_bytes, spool.end);
  }

  get redactor(): Redactor | null {
    return this.target.redactor;
  }

  /** From now on, this hides secrets. */
  redactWith(redactor: Redactor | null): void {
    this.target.redactWith(redactor);
  }

  /** Counts since the start. */
  get counts(): RowTarget['counts'] {
    return this.target.counts;
  }

  /** Epoch and sequence of the last batch. */
  get last(): { epoch: number; sequence: number } {
    return { epoch: this.epoch, sequence: this.sequence };
  }

  open(name: StreamName, saved: object | null): StreamRows {
    return new StreamRows(this.target, name, saved);
  }

  reserve(): boolean {
    return this.builder.fitsMarks() || this.flush();
  }

  changed(tail: StateOwner): void {
    this.touched.add(tail);
    this.timer ??= setTimeout(() => this.flush(), limits.batch.linger_ms);
  }

  release(pin: Pin): void {
    this.releases.push(pin);
  }

  took(account: Account, bytes: number, lines: number): void {
    this.ledger.took(account, costOf(bytes, lines));
  }

  isOver(account: Account): boolean {
    return this.shares.isOver(account);
  }

  /** @returns false if the spool takes nothing now; then nothing more may be read */
  flush(): boolean {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    if (this.stuck !== null) return false;
    if (this.builder.rows === 0 && this.touched.size === 0) return true;
    const changes: StateChanges = {};
    for (const tail of this.touched) changes[tail.key] = tail.state();
    this.touched.clear();
    let payload: Buffer | null = null;
    if (this.builder.rows > 0) {
      // The host clock may be set back; days never go back.
      this.day = Math.max(this.day, today());
      payload = toSpool(this.builder.finish(this.epoch, ++this.sequence, this.day));
      this.batches++;
    }
    crashPoint('pipeline.encoded');
    return this.append({ changes, payload, releases: this.releases.splice(0), costs: this.ledger.finish() });
  }

  private append(entry: PendingEntry): boolean {
    try {
      this.ledger.appended(this.spool.append(entry.changes, entry.payload), entry.costs);
    } catch (error) {
      this.stuck = entry;
      this.pause(unwritable('Reading pauses', error));
      this.retry = setTimeout(() => this.tryAgain(entry), RETRY_MS);
      return false;
    }
    this.stuck = null;
    this.releasable.push(...entry.releases);
    void this.sync();
    const held = this.spool.undelivered_bytes;
    this.shares.room_bytes = limits.spool.bytes_max - held;
    if (held >= limits.spool.bytes_max) this.pause(spoolFull(held));
    else if (!this.spool.hasRoom()) {
      this.pause(diskFull(this.spool.dir));
      this.lookForRoom();
    } else this.resumeIfRoom();
    return true;
  }

  /** Rows that came while nothing could be appended follow at once. */
  private tryAgain(entry: PendingEntry): void {
    if (this.append(entry)) this.flush();
  }

  get paused(): string | null {
    return this.trouble.reason;
  }

  private pause(why: AfterlogError): void {
    this.trouble.begins(why);
    this.events.paused(true);
  }

  /** Batches were delivered: the spool has more room, and sandboxes have their shares again. */
  arrived(): void {
    this.ledger.delivered(this.spool.cursor.at, this.spool.undelivered_bytes === 0);
    this.resumeIfRoom();
    this.events.freed();
  }

  /** What was deleted elsewhere makes room, too. */
  private lookForRoom(): void {
    if (this.isClosed) return;
    this.roomTimer ??= setTimeout(() => {
      this.roomTimer = null;
      this.resumeIfRoom();
    }, RETRY_MS);
  }

  /** Resumes reading once the disk takes entries again and a tenth of a full spool is delivered. */
  private resumeIfRoom(): void {
    if (this.paused === null || this.stuck !== null) return;
    if (this.spool.undelivered_bytes > limits.spool.bytes_max * 0.9) return;
    if (!this.spool.hasRoom()) {
      this.lookForRoom();
      return;
    }
    this.trouble.ends();
    this.events.paused(false);
  }

  /** Syncs entries that others appended to the spool. */
  makeDurable(): void {
    void this.sync();
  }

  /** Makes all appended entries durable, then releases their pins. One sync serves all who wait. */
  private sync(): Promise<void> {
    if (!this.mustSync) return Promise.resolve();
    this.syncing ??= this.syncAll();
    return this.syncing;
  }

  private get mustSync(): boolean {
    return this.releasable.length > 0 || !this.spool.isDurable();
  }

  private async syncAll(): Promise<void> {
    while (this.mustSync) {
      const free = this.releasable.splice(0);
      try {
        await this.spool.durable();
        this.syncTrouble.ends();
        if (free.length > 0) crashPoint('pipeline.durable');
        for (const pin of free) this.events.release(pin);
        if (free.length > 0) crashPoint('pipeline.released');
      } catch (error) {
        this.releasable.unshift(...free);
        if (this.isClosed) break;
        this.syncTrouble.begins(unwritable('The spool is not durable', error));
        await sleep(RETRY_MS);
      }
    }
    // At once: what is appended before the promise has told its end needs a sync of its own.
    this.syncing = null;
  }

  /** @returns whether all rows are durable; false at the signal @throws AfterlogError as `Spool.durable` */
  async settle(signal: AbortSignal): Promise<boolean> {
    while (!this.flush()) {
      if (signal.aborted) return false;
      await sleep(limits.batch.linger_ms);
    }
    if (signal.aborted) return false;
    const late = new Promise<false>((settle) => {
      signal.addEventListener('abort', () => settle(false), { once: true });
    });
    // Once more, also if nothing was appended: somebody may have removed what was durable.
    const done = this.sync().then(() => this.spool.durable());
    return Promise.race([done.then(() => true), late]);
  }

  /** Makes all rows durable, unless the spool cannot be written. */
  async close(): Promise<void> {
    const isAppended = this.flush();
    this.isClosed = true;
    if (this.timer) clearTimeout(this.timer);
    if (this.retry) clearTimeout(this.retry);
    if (this.roomTimer) clearTimeout(this.roomTimer);
    if (isAppended) await this.sync();
  }
}

function diskFull(dir: string): AfterlogError {
  const what = `Reading pauses: the disk of ${dir} has room only for what frees space, such as gap rows.`;
  return new AfterlogError('DISK_FULL', what);
}

function spoolFull(bytes: number): AfterlogError {
  const what = `Reading pauses: the spool holds ${bytes} bytes that are not delivered.`;
  return new AfterlogError('SPOOL_FULL', what);
}
