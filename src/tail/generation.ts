import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { limits } from '../base/limits.ts';
import type { Aside } from './aside.ts';
import { type Pin, readAt, statOf } from './pins.ts';

/** Where a generation's file stands now: the log's own name, an older name of the chain, or no name but ours. */
export type Place = 'live' | 'rotated' | 'gone';

/** Why a generation begins a new stream; null: it continues the one before. */
export type StreamStart = 'first' | 'truncated' | 'recreated' | null;

/**
 * One file of a log's chain, or the stretch of a file between two truncations: read in order through its pin,
 * from `offset` on.
 */
export class Generation {
  readonly pin: Pin;
  readonly starts: StreamStart;
  /** Order along the log's files; what lies between two numbers says nothing. */
  number: number;
  /** Before it there were files that nobody saw. */
  isAfterGap = false;
  place: Place = 'live';
  /** Start of the stream that it begins; null where it continues one, or a truncation began it. */
  started: string | null = null;
  /** Offset in the file of the first byte that is in no row yet. */
  offset: number;
  /** A copy whose original is truncated by now: whoever made it has written all of it. */
  isWhole = false;
  /** NULs at the start of the file are the hole of a truncation under a writer that goes on at its old offset. */
  skips_hole: boolean;
  /** CRC-32 and length of the bytes before `offset`, which each read compares with the file. */
  tail_crc32 = 0;
  tail_bytes = 0;
  /**
   * Bytes seen behind `offset` that are no whole line yet: all that is left of them if the file is truncated, so
   * they are saved with the state.
   */
  unfinished: Buffer | null = null;
  /** As of the last read; -1 before the first. */
  size = -1;
  /** What was copied of it before it could be read; null: nothing, or all of that is read. */
  aside: Aside | null = null;
  /** How many truncations its file has gone through: what was copied aside before one says nothing of what came after. */
  cuts = 0;
  /** Of one that a truncation began: bytes before it that were seen and not copied aside, for lack of room. */
  uncopied_bytes = 0;
  /** When a read last took all there was, milliseconds of the monotonic clock. */
  drained_at_ms = Number.NEGATIVE_INFINITY;
  /** When size or place last changed, milliseconds of the monotonic clock. */
  private changed_at_ms: number;
  private placed_at_ms: number;

  constructor(pin: Pin, number: number, starts: StreamStart, offset = 0, skipsHole = false) {
    this.pin = pin;
    this.number = number;
    this.starts = starts;
    this.offset = offset;
    this.skips_hole = skipsHole;
    this.placed_at_ms = performance.now();
    this.changed_at_ms = this.placed_at_ms;
  }

  stand(place: Place): void {
    if (place === this.place) return;
    this.place = place;
    this.placed_at_ms = performance.now();
    this.changed_at_ms = this.placed_at_ms;
  }

  private grew(size: number, mtime_ms: number): void {
    // A file met at last in a long queue may have been quiet for hours: its own time says so, a later look cannot.
    const quiet_ms = this.size < 0 ? Math.min(Math.max(Date.now() - mtime_ms, 0), limits.tail.quiet_ms) : 0;
    this.size = size;
    this.changed_at_ms = Math.max(this.placed_at_ms, performance.now() - quiet_ms);
  }

  /**
   * Whether no more bytes can be expected: it lost its name, and has been quiet since.
   * @param next what is read after it: once its writer has gone on there, less quiet is enough
   */
  isQuiet(next: Generation | undefined): boolean {
    if (this.isWhole) return true;
    if (this.place === 'live') return false;
    const quiet_ms = performance.now() - this.changed_at_ms;
    if (quiet_ms >= limits.tail.quiet_ms) return true;
    return quiet_ms >= limits.tail.superseded_ms && next?.starts === null && statOf(next.pin).size > 0;
  }

  /** Brings `size` up to date without reading, as where the file may not be opened. */
  measure(): void {
    const { size, mtimeMs } = statOf(this.pin);
    if (size !== this.size) this.grew(size, mtimeMs);
  }

  /**
   * Reads from a little before `offset` into `chunk`.
   * @returns how much of `chunk` holds file bytes, of which the first `tail_bytes` are known ones; -1 when the
   * file is shorter than what was read of it, or holds other bytes there: it was truncated
   */
  read(chunk: Buffer): number {
    const fd = this.pin.fd ?? openSync(this.pin.path!, 'r');
    try {
      const { size, mtimeMs } = fstatSync(fd);
      if (size !== this.size) this.grew(size, mtimeMs);
      if (size < this.offset) return -1;
      const length = readSync(fd, chunk, 0, chunk.length, this.offset - this.tail_bytes);
      if (length < this.tail_bytes) return -1;
      if (this.tail_bytes > 0 && crc32(chunk.subarray(0, this.tail_bytes)) !== this.tail_crc32) return -1;
      // Sandboxes boot alike: an unfinished line may be all that tells the old content from the new.
      if (!this.isUnfinishedIn(chunk.subarray(this.tail_bytes, length))) return -1;
      return length;
    } finally {
      if (this.pin.fd === null) closeSync(fd);
    }
  }

  private isUnfinishedIn(bytes: Buffer): boolean {
    const seen = this.unfinished;
    return seen === null || bytes.subarray(0, seen.length).equals(seen);
  }

  /** `chunk`[from, to) is in rows now; what comes before it in `chunk` is what the file holds before it. */
  advance(chunk: Buffer, from: number, to: number): void {
    this.offset += to - from;
    this.unfinished = null;
    this.tail_bytes = Math.min(to, limits.tail.overlap_bytes, this.tail_bytes + to - from);
    this.tail_crc32 = crc32(chunk.subarray(to - this.tail_bytes, to));
  }

  /** Steps over `length` bytes that are no content. */
  skip(length: number): void {
    this.offset += length;
    this.tail_bytes = 0;
  }

  /** What is known of its content so far: read, or copied aside. */
  get known(): Generation {
    return this.aside?.cursor ?? this;
  }

  /** Whether `pin` is a copy of this file made before it was truncated: it holds the bytes that were seen last. */
  isCopiedBy(pin: Pin): boolean {
    const { offset, tail_bytes, tail_crc32, unfinished } = this.known;
    const seen = tail_bytes + (unfinished?.length ?? 0);
    if (seen === 0) return false;
    const bytes = readAt(pin, offset - tail_bytes, seen);
    if (bytes.length < seen || !this.known.isUnfinishedIn(bytes.subarray(tail_bytes))) return false;
    return tail_bytes === 0 || crc32(bytes.subarray(0, tail_bytes)) === tail_crc32;
  }

  /** Whether nothing of its content is known. */
  get isUnread(): boolean {
    return this.known.offset === 0 && this.known.unfinished === null;
  }

  /** Whether nothing of it was read, and yet it is not what it was when it was copied: it was truncated since. */
  isTruncatedSince(copy: Pin): boolean {
    if (!this.isUnread) return false;
    const copied = statOf(copy).size;
    const differs = (from: number, length: number): boolean =>
      !readAt(this.pin, from, length).equals(readAt(copy, from, length));
    return (
      differs(0, Math.min(copied, limits.parse.line_bytes_max)) ||
      differs(Math.max(0, copied - limits.tail.overlap_bytes), Math.min(copied, limits.tail.overlap_bytes))
    );
  }

  /** What is read in its place from another file, to which its content was copied. */
  copiedTo(pin: Pin): Generation {
    const copy = new Generation(pin, this.number, this.starts);
    copy.goOnAs(this);
    copy.started = this.started;
    copy.isAfterGap = this.isAfterGap;
    copy.isWhole = true;
    return copy;
  }

  /** Stands where `other` does in the same content. */
  goOnAs({ offset, tail_bytes, tail_crc32, unfinished, skips_hole }: Generation): void {
    Object.assign(this, { offset, tail_bytes, tail_crc32, unfinished, skips_hole });
  }
}
