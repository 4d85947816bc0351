import type { Stats } from 'node:fs';
import { limits } from '../base/limits.ts';

/** The unit of a file's `blocks`. */
const DISK_BLOCK_BYTES = 512;
/**
 * File systems round times, some to one second or two: a change within this time of another one may leave the
 * same time behind. @param changed_ms the time, milliseconds since 1970
 */
export const sameTime_ms = (changed_ms: number): number => (changed_ms % 1_000 === 0 ? 2_000 : 20);

/** So long after a change, if `sameTime_ms` is not longer, a further one has another time for certain. */
const SETTLED_MS = 100;

/** What the system says of a file, as of the last look: whether it changed, and since when it has not. */
export class FileSight {
  /** -1 before the first look. */
  size = -1;
  /** When it was last written to, milliseconds since 1970. */
  written_ms = 0;
  /** When that was seen first; when the file last changed; when it was last read: on the monotonic clock. */
  private seen_at_ms = 0;
  grown_at_ms = Number.NEGATIVE_INFINITY;
  private read_at_ms = Number.NEGATIVE_INFINITY;
  private isSolid = false;
  private block_bytes = 0;

  saw({ size, mtimeMs, blocks, blksize }: Stats): void {
    this.isSolid = blocks * DISK_BLOCK_BYTES === Math.ceil(size / blksize) * blksize;
    this.block_bytes = blksize;
    if (size === this.size && mtimeMs === this.written_ms) return;
    // At the first look, only the mtime shows how long the file has been quiet.
    const isFirst = this.size < 0;
    const quiet_ms = isFirst ? Math.min(Math.max(Date.now() - mtimeMs, 0), limits.tail.quiet_ms) : 0;
    this.size = size;
    this.written_ms = mtimeMs;
    this.seen_at_ms = performance.now();
    this.grown_at_ms = this.seen_at_ms - quiet_ms;
  }

  /** All that there was at this time was read. */
  readAt(now_ms: number): void {
    this.read_at_ms = now_ms;
  }

  /** Whether a file with these stats may hold something that was not read. */
  isNews(size: number, written_ms: number): boolean {
    // Who writes over NULs, or over former content, does not change the size.
    if (size !== this.size) return true;
    // The two sources of the time round differently.
    return Math.abs(written_ms - this.written_ms) >= 0.01 || !this.isSettled;
  }

  /** Whether it was read so long after its last change that a further one has another time. */
  get isSettled(): boolean {
    return this.read_at_ms - this.seen_at_ms >= Math.max(SETTLED_MS, sameTime_ms(this.written_ms));
  }

  /** Whether so many bytes of it are no hole: one of a whole block takes no space. */
  isSolidFor(bytes: number): boolean {
    return this.isSolid && bytes >= this.block_bytes;
  }
}
