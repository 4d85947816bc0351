import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { isRefused } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { closePin, openPin, type Pin, readAt, statOf } from './pins.ts';

/** The unit of a file's `blocks`. */
const DISK_BLOCK_BYTES = 512;
/** As long as the chunks that are read; made for the first of them that begins with a NUL. */
let nuls = Buffer.alloc(0);

function areNuls(chunk: Buffer, from: number): boolean {
  if (chunk[from] !== 0) return false;
  if (nuls.length < chunk.length) nuls = Buffer.alloc(chunk.length);
  return chunk.subarray(from).equals(nuls.subarray(from, chunk.length));
}

/** How far a file is read, and what is known of the bytes around that offset. */
export interface CursorPoint {
  /** Offset in the file of the first byte that is in no row yet. */
  offset: number;
  /**
   * NULs from `offset` on are a hole: one that a truncation left under a writer that kept its old offset, or
   * one of a sparse file.
   */
  skips_hole: boolean;
  /** Bytes of a sparse file's hole before `offset` that no gap row tells yet. */
  hole_bytes: number;
  /** Length and CRC-32 of the bytes just before `offset`. */
  overlap_bytes: number;
  overlap_crc32: number;
  /** Bytes that were seen from `offset` on and are no whole line yet. */
  unfinished: Buffer | null;
}

/**
 * Reads one pinned file in order. Each read begins a little before the offset and compares: other bytes, or
 * fewer, mean that the file was truncated since the last read.
 */
export class FileCursor {
  readonly pin: Pin;
  private at: number;
  private seenSize = -1;
  private grown_ms = Number.NEGATIVE_INFINITY;
  private isInHole: boolean;
  /** Whether the hole is one of a sparse file, which a gap row tells. */
  private isTold: boolean;
  private hole: number;
  /** Whether the file takes less disk space than its size, as of the last read. */
  private isSparse = false;
  private known_bytes: number;
  private known_crc32: number;
  private rest: Buffer | null;

  constructor(pin: Pin, from: Partial<CursorPoint> = {}) {
    this.pin = pin;
    this.at = from.offset ?? 0;
    this.isInHole = from.skips_hole ?? false;
    this.hole = from.hole_bytes ?? 0;
    this.isTold = this.hole > 0;
    this.known_bytes = from.overlap_bytes ?? 0;
    this.known_crc32 = from.overlap_crc32 ?? 0;
    this.rest = from.unfinished ?? null;
  }

  get point(): CursorPoint {
    return {
      offset: this.at,
      skips_hole: this.isInHole,
      hole_bytes: this.hole,
      overlap_bytes: this.known_bytes,
      overlap_crc32: this.known_crc32,
      unfinished: this.rest,
    };
  }

  /** The same point in another file that holds the same bytes. */
  in(pin: Pin): FileCursor {
    return new FileCursor(pin, this.point);
  }

  get offset(): number {
    return this.at;
  }

  /** Offset at which the next read begins. */
  get readsFrom(): number {
    return this.at - this.known_bytes;
  }

  /** How many bytes at the start of the next read are known ones. */
  get overlap_bytes(): number {
    return this.known_bytes;
  }

  get skipsHole(): boolean {
    return this.isInHole;
  }

  /** Whether more of a hole is to be stepped over. */
  get isAmidHole(): boolean {
    return this.isInHole && this.at < this.seenSize;
  }

  /** Bytes of a hole behind us that no gap row tells yet. */
  get hole_bytes(): number {
    return this.hole;
  }

  /** A gap row tells the hole. */
  toldHole(): void {
    this.hole = 0;
  }

  /**
   * Bytes that were seen from `offset` on and are no whole line yet. A truncation leaves no others of their
   * line.
   */
  get unfinished(): Buffer | null {
    return this.rest;
  }

  /** Offset behind all that was seen of the content. */
  get seenTo(): number {
    return this.at + (this.rest?.length ?? 0);
  }

  /** Size of the file at the last read; -1 before the first. */
  get size(): number {
    return this.seenSize;
  }

  /** When the size last changed, milliseconds of the monotonic clock. */
  get grown_at_ms(): number {
    return this.grown_ms;
  }

  /** Whether nothing of the content was seen. */
  get isUnread(): boolean {
    return this.at === 0 && this.rest === null;
  }

  /** Updates `size` without a read, for a file that may not be opened. @returns false if that fails too */
  measure(): boolean {
    try {
      const { size, mtimeMs } = statOf(this.pin);
      this.measured(size, mtimeMs);
      return true;
    } catch (error) {
      if (!isRefused(error)) throw error;
      return false;
    }
  }

  private measured(size: number, mtime_ms: number): void {
    if (size === this.seenSize) return;
    // At the first read, only the mtime shows how long the file has been quiet.
    const isFirst = this.seenSize < 0;
    const quiet_ms = isFirst ? Math.min(Math.max(Date.now() - mtime_ms, 0), limits.tail.quiet_ms) : 0;
    this.seenSize = size;
    this.grown_ms = performance.now() - quiet_ms;
  }

  /**
   * Reads into `chunk`, from `readsFrom` on.
   * @returns how many bytes of the file `chunk` holds, of which the first `overlap_bytes` are known; -1 if
   * the file is shorter than what was read of it, or holds other bytes there: it was truncated
   */
  read(chunk: Buffer): number {
    const fd = openPin(this.pin);
    try {
      const { size, mtimeMs, blocks } = fstatSync(fd);
      this.measured(size, mtimeMs);
      this.isSparse = blocks * DISK_BLOCK_BYTES < size;
      if (size < this.at) return -1;
      const length = readSync(fd, chunk, 0, chunk.length, this.readsFrom);
      return this.goesOnIn(chunk.subarray(0, length)) ? length : -1;
    } finally {
      closePin(this.pin, fd);
    }
  }

  /** Whether `pin` holds the bytes that were seen last, at the same offset. False if none were seen. */
  isSeenIn(pin: Pin): boolean {
    const seen = this.seenTo - this.readsFrom;
    if (seen === 0) return false;
    const bytes = readAt(pin, this.readsFrom, seen);
    return bytes.length === seen && this.goesOnIn(bytes);
  }

  /** Whether bytes from `readsFrom` on begin with those that are known. */
  private goesOnIn(bytes: Buffer): boolean {
    const { known_bytes, rest } = this;
    if (bytes.length < known_bytes) return false;
    if (known_bytes > 0 && crc32(bytes.subarray(0, known_bytes)) !== this.known_crc32) return false;
    if (rest === null) return true;
    // Sandboxes boot alike: the old content may differ from the new one only in its unfinished line.
    return bytes.subarray(known_bytes, known_bytes + rest.length).equals(rest);
  }

  /** The bytes chunk[from, to) of the last read are in rows now. */
  advance(chunk: Buffer, from: number, to: number): void {
    this.at += to - from;
    this.rest = null;
    this.known_bytes = Math.min(to, limits.tail.overlap_bytes, this.known_bytes + to - from);
    this.known_crc32 = crc32(chunk.subarray(to - this.known_bytes, to));
  }

  /** Steps over bytes that are no content. */
  skip(bytes: number): void {
    this.at += bytes;
    this.known_bytes = 0;
  }

  /**
   * Whether the last read got nothing but NULs of a sparse file: a hole begins, which may be as long as the
   * system's largest file. It has no content, so it becomes no rows but one gap row.
   */
  meetsHole(chunk: Buffer): boolean {
    if (this.isInHole || !this.isSparse || !areNuls(chunk, this.known_bytes)) return false;
    this.isInHole = true;
    this.isTold = true;
    this.rest = null;
    return true;
  }

  /**
   * Steps over the NULs of a hole in chunk[0, length) of the last read.
   * @returns `hole`: there was nothing else; `moved`: the next read begins with the content; `none`: this
   * read did
   */
  skipHole(chunk: Buffer, length: number): 'none' | 'hole' | 'moved' {
    const start = this.known_bytes;
    let content = areNuls(chunk, start) ? length : start;
    while (content < length && chunk[content] === 0) content++;
    if (this.isTold) this.hole += content - start;
    this.skip(content - start);
    if (content === length) return 'hole';
    this.isInHole = false;
    this.isTold = false;
    // A hole is told before the content behind it.
    return content > 0 || this.hole > 0 ? 'moved' : 'none';
  }

  /** These bytes from `offset` on were seen, and are no whole line yet. */
  keepUnfinished(bytes: Buffer | null): void {
    this.rest = bytes;
  }
}
