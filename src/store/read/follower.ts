import { limits } from '../../base/limits.ts';
import { type LandedRow, logKey } from './landed_rows.ts';
import { isWanted, type LineFilter } from './line_filter.ts';
import { isBeyond, type LogId, type LogPlace, type LogRow } from './read_log.ts';

/** One follower of a log, with the landed rows that wait for it. */
export class Follower {
  readonly id: LogId;
  readonly key: string;
  /** The last row that it was given, or that was skipped for it. */
  at: LogPlace | null = null;
  /** Whether it must catch up from the table before taking queued batches. */
  isBehind = false;
  readonly queue: LandedRow[][] = [];
  /** The pause between two failed reads. */
  pause_ms = 0;
  private rows = 0;
  private bytes = 0;
  private onWake: ((isWoken: boolean) => void) | null = null;

  constructor(id: LogId) {
    this.id = id;
    this.key = logKey(id);
  }

  offer(batch: LandedRow[]): void {
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

  /** The rows of a batch that it wants and has not had; the batch itself if these are all of its rows. */
  take(batch: LandedRow[], filter: LineFilter): LogRow[] {
    this.rows -= batch.length;
    for (const { bytes } of batch) this.bytes -= bytes;
    const { at, id } = this;
    const isMine = (row: LandedRow): boolean =>
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

  /** Resolves when something happens for it; false if nothing happened in this time. */
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
