import { fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { closeQuietly } from '../base/open_folder.ts';
import { bodyBytes, bodyIsWhole, decodeHead, HEAD_BYTES, type Head, MAGIC_BYTES } from './entry.ts';

const SEARCH_BYTES = 1024 * 1024;
/** Unit in which a range with a read error is read again: a bad sector is usually not larger. */
const SECTOR_BYTES = 4_096;
const NO_HEAD: Head = { kind: 0, state_bytes: 0, payload_bytes: 0, crc32: 0 };
const NAME = /^([0-9a-f]{12})\.seg$/;

export const segmentPath = (dir: string, number: number): string =>
  join(dir, `${number.toString(16).padStart(12, '0')}.seg`);

/** Numbers of the segments in `dir`, oldest first. Other files are ignored. */
export function listSegments(dir: string): number[] {
  return readdirSync(dir, { withFileTypes: true })
    .map((entry) => (entry.isDirectory() ? undefined : NAME.exec(entry.name)?.[1]))
    .filter((hex) => hex !== undefined)
    .map((hex) => Number.parseInt(hex, 16))
    .sort((a, b) => a - b);
}

export interface ReadEntry {
  head: Head;
  offset: number;
  /** State and payload; null if a checksum of the head or body is wrong. */
  state: Buffer | null;
  payload: Buffer | null;
}

/** Reads the entries of one segment file one after the other. */
export class SegmentReader {
  readonly number: number;
  offset: number;
  private readonly fd: number;
  private readonly splitAt: number;

  /**
   * @param splitAt damage before and after this offset is returned as two entries: the first part is
   * delivered
   */
  constructor(dir: string, number: number, offset = 0, splitAt = -1) {
    this.number = number;
    this.offset = offset;
    this.splitAt = splitAt;
    this.fd = openSync(segmentPath(dir, number), 'r');
  }

  /**
   * The next entry that ends at or before `limit`. Successive damaged entries are returned as one, because
   * their number is unknown.
   * @returns null at the end of the file, or at an incomplete last entry
   */
  next(limit = Number.POSITIVE_INFINITY): ReadEntry | null {
    const entry = this.one(limit);
    while (entry !== null && entry.state === null && this.offset !== this.splitAt) {
      const end = this.offset;
      const more = this.one(limit);
      if (more === null) break;
      if (more.state !== null) {
        this.offset = end;
        break;
      }
      entry.head.payload_bytes += more.head.payload_bytes;
    }
    return entry;
  }

  private one(limit: number): ReadEntry | null {
    const { offset } = this;
    if (offset + HEAD_BYTES > limit) return null;
    const headBytes = this.bytes(offset, HEAD_BYTES);
    if (headBytes.length < HEAD_BYTES) return null;
    const head = decodeHead(headBytes);
    if (head === null) return this.stepOver(limit);
    const size = bodyBytes(head);
    if (offset + HEAD_BYTES + size > Math.min(limit, this.size())) return null;
    const body = this.bytes(offset + HEAD_BYTES, size);
    const entry: ReadEntry = { head, offset, state: null, payload: null };
    if (bodyIsWhole(head, body)) {
      entry.state = body.subarray(0, head.state_bytes);
      entry.payload = body.subarray(head.state_bytes);
    }
    this.offset += HEAD_BYTES + size;
    return entry;
  }

  /** The length of an entry with a damaged head is unknown: it ends at the next intact head. */
  private stepOver(limit: number): ReadEntry | null {
    const { offset } = this;
    const end = Math.min(limit, this.size());
    for (let from = offset + 1; from + HEAD_BYTES <= end; from += SEARCH_BYTES - HEAD_BYTES + 1) {
      const some = this.bytes(from, SEARCH_BYTES);
      for (let at = some.indexOf(MAGIC_BYTES); at >= 0; at = some.indexOf(MAGIC_BYTES, at + 1)) {
        if (decodeHead(some.subarray(at, at + HEAD_BYTES)) === null) continue;
        this.offset = from + at;
        return { head: { ...NO_HEAD }, offset, state: null, payload: null };
      }
    }
    return null;
  }

  /**
   * At most `length` bytes at `at`, fewer at the end of the file. Unreadable sectors become zeros, and so
   * damage.
   */
  private bytes(at: number, length: number): Buffer {
    const bytes = Buffer.allocUnsafe(length);
    try {
      return bytes.subarray(0, readSync(this.fd, bytes, 0, length, at));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
    }
    const end = Math.min(length, Math.max(this.size() - at, 0));
    for (let from = 0; from < end; ) {
      const to = Math.min(end, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES));
      try {
        readSync(this.fd, bytes, from, to - from, at + from);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EIO') throw error;
        bytes.fill(0, from, to);
      }
      from = to;
    }
    return bytes.subarray(0, end);
  }

  size(): number {
    return fstatSync(this.fd).size;
  }

  close(): void {
    closeQuietly(this.fd);
  }
}
