import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { isRefused } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { FileTimes } from './content_check.ts';
import { FileSight } from './file_sight.ts';
import { KnownContent, type SavedContent } from './known_content.ts';
import { withoutNulsAtEnd } from './nuls.ts';
import { NulsBehind } from './nuls_behind.ts';
import { closePin, openPin, type Pin, readAt, statOf } from './pins.ts';
import type { Remains } from './remains.ts';

/** How far a file is read, and what is known of the bytes around that offset. */
export interface CursorPoint {
  /** Offset in the file of the first byte that is in no row yet. */
  offset: number;
  /**
   * The file was truncated, and nothing behind it was read yet: NULs at its beginning may be a hole that a
   * writer left that kept its old offset.
   */
  skips_hole: boolean;
  /** Such a hole is not shorter: that much had been read of the file, so its writer was at least there. */
  hole_from: number;
  /** It is a copy: the space that it takes does not show where its original has holes. */
  is_copy: boolean;
  /** Length and CRC-32 of the bytes just before `offset`. */
  overlap_bytes: number;
  overlap_crc32: number;
  /** Bytes that were seen from `offset` on and are no whole line yet, without NULs at their end. */
  unfinished: Buffer | null;
  /** What is known of all that was read, or that a writer started over. */
  content: SavedContent | Remains;
}

/** How far a file was read, and what its last bytes were. */
export type ReadPoint = Pick<CursorPoint, 'offset' | 'overlap_bytes' | 'overlap_crc32'>;

/** Results of a read that are no number of bytes. */
export const [CUT, BUSY] = [-1, -2];

/**
 * Reads one pinned file in order. Each read begins a little before the offset and compares: other bytes, or
 * fewer, mean that the file was truncated since the last read. `KnownContent` compares what is before that.
 *
 * NULs at the end of a file are not content yet: the file may be preallocated, and its writer writes over
 * them. So `seenTo` is the end of the content, and `nuls_bytes` how far there was nothing but NULs behind it.
 */
export class FileCursor {
  readonly pin: Pin;
  private at: number;
  private readonly seen = new FileSight();
  private skips: boolean;
  private holeFrom: number;
  readonly isCopy: boolean;
  private known_bytes: number;
  private known_crc32: number;
  private rest: Buffer | null;
  /** NULs behind the content, as of the last read. */
  readonly nuls: NulsBehind;
  /** Null for a copy of which all is new: nobody changes it. */
  private readonly content: KnownContent | null;
  /** Where the content ended at the last read. Unknown before it, and if it went on behind the chunk. */
  private contentTo = Number.POSITIVE_INFINITY;

  constructor(pin: Pin, from: Partial<CursorPoint> = {}, content?: KnownContent | null) {
    this.pin = pin;
    this.at = from.offset ?? 0;
    this.skips = from.skips_hole ?? false;
    this.holeFrom = from.hole_from ?? 0;
    this.isCopy = from.is_copy ?? false;
    this.known_bytes = from.overlap_bytes ?? 0;
    this.known_crc32 = from.overlap_crc32 ?? 0;
    this.rest = null;
    this.keepUnfinished(from.unfinished ?? null);
    this.nuls = new NulsBehind(this);
    this.content = content === undefined ? new KnownContent(this.at, from.content) : content;
  }

  get point(): Omit<CursorPoint, 'content'> {
    return {
      offset: this.at,
      skips_hole: this.skips,
      hole_from: this.holeFrom,
      is_copy: this.isCopy,
      overlap_bytes: this.known_bytes,
      overlap_crc32: this.known_crc32,
      unfinished: this.rest,
    };
  }

  /**
   * Where a file that is read to its end would go on: behind what is left of its former content, too. If the
   * bytes before that were not read as content, they are read now: by them, a later agent knows the file.
   */
  pointAtEnd(): ReadPoint {
    const offset = this.end >= this.size ? this.at : this.size;
    if (offset === this.at && (offset === 0 || this.known_bytes > 0)) return this.point;
    return { offset, ...this.overlapBefore(offset) };
  }

  private overlapBefore(offset: number): Omit<ReadPoint, 'offset'> {
    const from = Math.max(0, offset - limits.tail.overlap_bytes);
    try {
      const bytes = readAt(this.pin, from, offset - from);
      if (bytes.length === offset - from) return { overlap_bytes: bytes.length, overlap_crc32: crc32(bytes) };
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
    // The file can be known by its identity only.
    return { overlap_bytes: 0, overlap_crc32: 0 };
  }

  /** The same point, for another reader of this file. */
  clone(): FileCursor {
    return new FileCursor(this.pin, this.point, this.content?.clone());
  }

  /** The same point in a copy of the file. @param known how far its content is known */
  inCopy(pin: Pin, known: FileCursor): FileCursor {
    return new FileCursor(pin, { ...this.point, is_copy: true }, known.content?.ofCopy() ?? null);
  }

  /** What is known of the content, for a cursor that reads on from here. */
  knowing(): KnownContent {
    return this.content?.clone() ?? new KnownContent(this.at);
  }

  /** The saved part of what is known of the content. */
  get saved(): SavedContent {
    return this.content?.state(this.at) ?? {};
  }

  /** Keeps sums of the content in so many bytes of memory. */
  shrinkTo(bytes: number): void {
    this.content?.shrinkTo(bytes);
  }

  /** If the last read found that a writer started over at the beginning: what is left behind it. */
  get remains(): Remains | null {
    return this.content?.startedOver ?? null;
  }

  /** Whether looks are due even if nobody says that the file changed. */
  get isWatched(): boolean {
    return this.content?.isWatched ?? false;
  }

  /** So many bytes behind `end` may be new, or left of the file's former content: nobody can tell yet. */
  get unsure_bytes(): number {
    return this.content?.unsure_bytes ?? 0;
  }

  /** Whether it ends with bytes of which nobody can tell whether they are new, or has lost such ones. */
  get isDoubtful(): boolean {
    return this.unsure_bytes > 0 || this.content?.mayHaveLost === true;
  }

  /** Where the file ends for its reader, as of the last read: behind that may be former content. */
  get end(): number {
    return this.content?.endOf(this.size) ?? this.size;
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
    return this.skips;
  }

  /** As `CursorPoint`. */
  get hole_from(): number {
    return this.holeFrom;
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

  /** Its writer was at least here: at the end of what was seen, or of what is new. */
  get writtenTo(): number {
    return Math.max(this.seenTo, this.content?.newTo ?? 0);
  }

  /** Size of the file at the last read; -1 before the first. */
  get size(): number {
    return this.seen.size;
  }

  /** When the file last changed, milliseconds of the monotonic clock. */
  get grown_at_ms(): number {
    return this.seen.grown_at_ms;
  }

  /** When the file was last written to, as of the last read: milliseconds since 1970. */
  get written_ms(): number {
    return this.seen.written_ms;
  }

  /** As `FileSight`. */
  get isSettled(): boolean {
    return this.seen.isSettled;
  }

  /** Whether nothing of the content was seen. */
  get isUnread(): boolean {
    return this.at === 0 && this.rest === null;
  }

  /** Updates `size` without a read, for a file that may not be opened. @returns false if that fails too */
  measure(): boolean {
    try {
      this.seen.saw(statOf(this.pin));
      return true;
    } catch (error) {
      if (!isRefused(error)) throw error;
      return false;
    }
  }

  /** Whether a file with these stats may hold something new. */
  isNews(size: number, written_ms: number): boolean {
    return this.seen.isNews(size, written_ms);
  }

  /** Whether there were only NULs behind the content at the last read, and nobody wrote to the file since. */
  isUntouched(): boolean {
    if (this.nuls.end !== 'file' || this.nuls.areStale() || this.isWatched) return false;
    const { size, mtimeMs } = statOf(this.pin);
    return !this.seen.isNews(size, mtimeMs);
  }

  /**
   * Reads into `chunk`, from `readsFrom` on.
   * @param isOver whether nobody writes any more
   * @returns how many bytes of the file `chunk` holds, of which the first `overlap_bytes` are known; `CUT` if
   * the file no longer holds what was read of it: it was truncated, or its writer started over; `BUSY` if
   * that is not known yet
   */
  read(chunk: Buffer, isOver = false): number {
    const fd = openPin(this.pin);
    try {
      this.seen.saw(fstatSync(fd));
      const now_ms = performance.now();
      const { size, written_ms: changed_ms } = this.seen;
      if (size < this.at) return CUT;
      const length = this.readIn(fd, chunk, { size, changed_ms }, isOver);
      if (length !== BUSY) this.seen.readAt(now_ms);
      return length;
    } finally {
      closePin(this.pin, fd);
    }
  }

  private readIn(fd: number, chunk: Buffer, times: FileTimes, isOver: boolean): number {
    const { content } = this;
    const from = this.readsFrom;
    if (content?.startedOver && !content.isFormer(fd, times, from, this.contentTo > this.seenTo)) return CUT;
    const end = content?.measure(fd, times, isOver, limits.tail.quiet_ms) ?? times.size;
    const length = readSync(fd, chunk, 0, Math.min(chunk.length, Math.max(0, end - from)), from);
    const isSeen = this.goesOnIn(chunk.subarray(0, length));
    if (content === null || content.startedOver) return isSeen ? length : CUT;
    const { hadMore, more } = this.sawContent(chunk, length);
    const verdict = content.verify(fd, times, isSeen, {
      rest: this.rest,
      bytes: length - this.known_bytes,
      hadMore,
      more,
    });
    if (verdict === 'busy') return BUSY;
    return verdict === 'same' || content.isFormer(fd, times, from, more) ? length : CUT;
  }

  /** Whether there is content behind what was seen, and whether the last read had left some there. */
  private sawContent(chunk: Buffer, length: number): { hadMore: boolean; more: boolean } {
    const hadMore = this.contentTo > this.seenTo;
    const to = this.readsFrom + withoutNulsAtEnd(chunk.subarray(0, length)).length;
    const isCutShort = length === chunk.length && to === this.readsFrom + length;
    this.contentTo = isCutShort ? Number.POSITIVE_INFINITY : to;
    return { hadMore, more: to > this.seenTo };
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
    this.content?.took(chunk.subarray(from, to));
    this.rest = null;
    this.known_bytes = Math.min(to, limits.tail.overlap_bytes, this.known_bytes + to - from);
    this.known_crc32 = crc32(chunk.subarray(to - this.known_bytes, to));
  }

  /** Steps over bytes that nobody reads. */
  skip(bytes: number): void {
    this.at += bytes;
    this.known_bytes = 0;
    this.nuls.forget();
  }

  /** These bytes from `offset` on were seen, and are no whole line yet. */
  keepUnfinished(bytes: Buffer | null): void {
    const content = bytes === null ? null : withoutNulsAtEnd(bytes);
    this.rest = content === null || content.length === 0 ? null : content;
  }

  /** Whether all bytes of the file were seen, as of the last read. */
  get isSeenWhole(): boolean {
    return this.end === this.seenTo + this.nuls.bytes;
  }

  /** Steps over NULs behind `offset`. Later reads compare them, as they compare content. */
  skipNuls(bytes: number): void {
    this.at += bytes;
    this.content?.skipped(bytes);
    this.nuls.forget();
    this.known_bytes = Math.min(bytes, limits.tail.overlap_bytes);
    this.known_crc32 = crc32(Buffer.alloc(this.known_bytes));
  }

  /**
   * The file, which was truncated, begins with so many NULs, and content or the end follows: a hole is
   * stepped over, others are content.
   */
  endHole(bytes: number): void {
    this.skips = false;
    if (bytes > 0 && this.isHole(this.at + bytes)) this.skipNuls(bytes);
  }

  private isHole(bytes: number): boolean {
    if (bytes < this.holeFrom) return false;
    return this.isCopy || bytes > this.size || !this.seen.isSolidFor(bytes);
  }
}
