import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { BUSY, CUT, FileCursor } from './file_cursor.ts';
import { firstRun, skipNuls, withoutNulsAtEnd } from './nuls.ts';
import { type Pin, readAt, statOf } from './pins.ts';

/** How many bytes all logs together may copy aside until held files are measured again. */
export class AsideRoom {
  left_bytes: number;
  private readonly trouble = new Trouble('Bytes that cannot be read yet are copied aside again.');

  constructor(left_bytes: number) {
    this.left_bytes = left_bytes;
  }

  /** The longest copy of one file. */
  get share(): number {
    const { aside_bytes_max, aside_share } = limits.held;
    return Math.min(aside_bytes_max, Math.max(limits.tail.read_chunk_bytes, this.left_bytes * aside_share));
  }

  take(bytes: number): boolean {
    if (bytes > this.left_bytes) {
      this.failed('files that wait to be read take all the disk space that they may');
      return false;
    }
    this.left_bytes -= bytes;
    return true;
  }

  failed(reason: string): void {
    const what = `Bytes that cannot be read yet are not copied aside: ${reason}. Bytes that are truncated meanwhile are lost.`;
    this.trouble.begins(new AfterlogError('ASIDE_FULL', what));
  }

  /** Held files were measured. @param isEnough whether the trouble of too little room is over */
  set(left_bytes: number, isEnough: boolean): void {
    this.left_bytes = left_bytes;
    if (isEnough) this.trouble.ends();
  }
}

const NOTHING = Buffer.alloc(0);

/**
 * `more`: there is more to copy at once; `cut`: the file was truncated, and only the copy has what it held.
 */
export type Followed = 'all' | 'more' | 'cut';

/**
 * A copy of the unread bytes of a live file that cannot be read yet: the file before it in its chain is not
 * quiet, or reading has stopped. A truncation of the file takes away no byte that is copied. The copy is a
 * file in the pins dir, with the same bytes at the same offsets; below `from` it is a hole.
 */
export class Aside {
  /** Null until there is something to copy. */
  pin: Pin | null = null;
  readonly from: number;
  /** How far the original is copied. */
  readonly cursor: FileCursor;
  /** Size of the copy, without holes. */
  copied_bytes = 0;
  /** Where the content of the original ended, as far as it was read, when it was last seen to be the same. */
  private seen_bytes = 0;
  /** The same, with all that was not read. */
  private seen_max = 0;
  private isEmpty = true;

  /** @param of reads the original @param cursor reads the copy; by default it starts where `of` is */
  constructor(of: FileCursor, cursor: FileCursor = of.clone()) {
    this.cursor = cursor;
    // A hole of the original is a hole here, too.
    this.from = of.readsFrom;
  }

  /** A copy that an earlier agent made; null when it is empty, or does not begin where reading continues. */
  static found(of: FileCursor, pin: Pin, from: number): Aside | null {
    const { size } = statOf(pin);
    if (size <= from || from > of.readsFrom) return null;
    const known = readAt(pin, Math.max(from, size - limits.tail.overlap_bytes), limits.tail.overlap_bytes);
    const overlap = { overlap_bytes: known.length, overlap_crc32: crc32(known) };
    const content = of.knowing();
    for (let at = of.offset; at < size; at += limits.tail.read_chunk_bytes)
      content.took(readAt(pin, at, Math.min(size - at, limits.tail.read_chunk_bytes)));
    content.copiedTo(size);
    const aside = new Aside(of, new FileCursor(of.pin, { offset: size, ...overlap }, content));
    aside.pin = pin;
    aside.copied_bytes = size - from;
    aside.isEmpty = false;
    return aside;
  }

  /** @returns as `FileCursor.read`: `CUT` if the original no longer holds the bytes that were copied */
  look(chunk: Buffer): number {
    const length = this.cursor.read(chunk);
    if (length < 0) return length;
    // A shorter file was truncated even if nothing of it could be copied.
    const { end, readsFrom } = this.cursor;
    if (end < this.seen_bytes) return CUT;
    this.seen_bytes = readsFrom + withoutNulsAtEnd(chunk.subarray(0, length)).length;
    this.seen_max = length < chunk.length ? this.seen_bytes : end;
    return length;
  }

  /**
   * Copies the new bytes, a chunk at most.
   * @param make makes the file of the copy; called for the first bytes
   */
  follow(chunk: Buffer, room: AsideRoom, make: (from: number) => Pin): Followed {
    const { cursor } = this;
    if (cursor.isUntouched()) return 'all';
    const length = this.look(chunk);
    if (length < 0) return length === BUSY ? 'more' : 'cut';
    const start = cursor.overlap_bytes;
    const atEnd = length < chunk.length;
    if (cursor.skipsHole) {
      const nuls = skipNuls(chunk, start, length) - start;
      // Nothing was written after the truncation yet: neither a hole nor content.
      if (start === length) {
        cursor.nuls.forget();
        return 'all';
      }
      if (start + nuls === length) return this.pass(chunk, length, nuls, room, make);
      cursor.endHole(nuls);
      return 'more';
    }
    const run = firstRun(chunk, start, length);
    const to = run?.from ?? length;
    const isBefore = run !== null && (run.to < length || cursor.nuls.end === 'content');
    // The original's reader has the unfinished line: it is copied only together with what follows it.
    if (to > start && (isBefore || to - start > (cursor.unfinished?.length ?? 0))) {
      if (!this.copy(chunk, to, room, make)) return 'all';
      return atEnd && run === null ? 'all' : 'more';
    }
    if (run === null) return 'all';
    if (run.to === length) return this.pass(chunk, length, run.to - run.from, room, make);
    return this.stepOver(chunk.subarray(0, start), run.to - run.from, room, make);
  }

  /** A hole of the copy stands for NULs. The last read found so many at its end. */
  private pass(
    chunk: Buffer,
    length: number,
    nuls: number,
    room: AsideRoom,
    make: (from: number) => Pin,
  ): Followed {
    const { cursor } = this;
    // The search reads into the chunk.
    const known = this.pin === null ? Buffer.from(chunk.subarray(0, cursor.overlap_bytes)) : NOTHING;
    if (cursor.nuls.isAmid) cursor.nuls.search(chunk, length);
    else if (cursor.nuls.end !== 'content') cursor.nuls.saw(nuls, length < chunk.length);
    if (cursor.nuls.end === 'file') return 'all';
    if (cursor.nuls.end === 'content') {
      if (cursor.skipsHole) cursor.endHole(cursor.nuls.bytes);
      else if (cursor.unfinished === null) return this.stepOver(known, cursor.nuls.bytes, room, make);
    }
    return 'more';
  }

  /**
   * Steps over NULs. A copy that begins with them holds the bytes before them, too: who reads on in it
   * compares those.
   */
  private stepOver(known: Buffer, nuls: number, room: AsideRoom, make: (from: number) => Pin): Followed {
    if (this.pin === null && known.length > 0 && !this.tryWrite(known, known.length, room, make))
      return 'all';
    this.cursor.skipNuls(nuls);
    return 'more';
  }

  /** Copies the bytes of a read up to `to`. @returns whether it could */
  private copy(chunk: Buffer, to: number, room: AsideRoom, make: (from: number) => Pin): boolean {
    const { cursor } = this;
    const start = cursor.overlap_bytes;
    if (!room.take(to - start) || !this.tryWrite(chunk.subarray(0, to), start, room, make)) return false;
    cursor.advance(chunk, start, to);
    return true;
  }

  private tryWrite(bytes: Buffer, start: number, room: AsideRoom, make: (from: number) => Pin): boolean {
    try {
      this.write(bytes, start, make);
      return true;
    } catch (error) {
      room.failed(reasonOf(error));
      return false;
    }
  }

  /** @param bytes the bytes of a read, of which the first `start` were known before */
  private write(bytes: Buffer, start: number, make: (from: number) => Pin): void {
    // The known bytes come first, as long as nothing is written: a write may fail after the file was made.
    const first = this.isEmpty ? 0 : start;
    const position = this.cursor.offset - start + first;
    this.pin ??= make(this.from);
    const fd = openSync(this.pin.path!, constants.O_RDWR | constants.O_NOFOLLOW);
    try {
      for (let rest = bytes.subarray(first); rest.length > 0; ) {
        rest = rest.subarray(
          writeSync(fd, rest, 0, rest.length, position + bytes.length - first - rest.length),
        );
      }
    } finally {
      closeSync(fd);
    }
    this.isEmpty = false;
    this.copied_bytes += bytes.length - first;
    crashPoint('tail.copied');
  }

  /** Bytes that were seen, and neither read nor copied. @param of how far the original is read */
  uncopiedOf(of: FileCursor): number {
    // NULs at the end are no content yet.
    const seen = this.cursor.nuls.end === 'file' ? this.seen_bytes : this.seen_max;
    return Math.max(0, seen - Math.max(of.seenTo, this.cursor.seenTo));
  }

  /** Whether the copy holds more than was read, and than was seen of an unfinished line. */
  isAheadOf(of: FileCursor): boolean {
    return this.pin !== null && this.cursor.offset > of.seenTo;
  }
}
