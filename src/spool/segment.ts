import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { bodyBytes, bodyIsWhole, decodeHead, HEAD_BYTES, type Head, MAGIC_BYTES } from './entry.ts';

const SEARCH_BYTES = 1024 * 1024;
const NO_HEAD: Head = { kind: 0, state_bytes: 0, payload_bytes: 0, crc32: 0 };
const NAME = /^([0-9a-f]{12})\.seg$/;

export const segmentPath = (dir: string, number: number): string =>
  join(dir, `${number.toString(16).padStart(12, '0')}.seg`);

/** Numbers of the segments in `dir`, oldest first. */
export function listSegments(dir: string): number[] {
  return readdirSync(dir)
    .map((name) => NAME.exec(name)?.[1])
    .filter((hex) => hex !== undefined)
    .map((hex) => Number.parseInt(hex, 16))
    .sort((a, b) => a - b);
}

export interface ReadEntry {
  head: Head;
  offset: number;
  /** State and payload; null when head or body do not have their checksum. */
  state: Buffer | null;
  payload: Buffer | null;
}

/** Reads the entries of one segment file one after the other. */
export class SegmentReader {
  readonly number: number;
  offset: number;
  private readonly fd: number;

  constructor(dir: string, number: number, offset = 0) {
    this.number = number;
    this.offset = offset;
    this.fd = openSync(segmentPath(dir, number), 'r');
  }

  /**
   * The next entry that ends at or before `limit`, or null: at the end, or where the file is torn.
   */
  next(limit = Number.POSITIVE_INFINITY): ReadEntry | null {
    const headBytes = Buffer.allocUnsafe(HEAD_BYTES);
    if (this.offset + HEAD_BYTES > limit) return null;
    if (readSync(this.fd, headBytes, 0, HEAD_BYTES, this.offset) < HEAD_BYTES) return null;
    const head = decodeHead(headBytes);
    if (head === null) return this.stepOver(limit);
    const size = bodyBytes(head);
    if (this.offset + HEAD_BYTES + size > Math.min(limit, this.size())) return null;
    const body = Buffer.allocUnsafe(size);
    const read = readSync(this.fd, body, 0, size, this.offset + HEAD_BYTES);
    const entry: ReadEntry = { head, offset: this.offset, state: null, payload: null };
    if (read === size && bodyIsWhole(head, body)) {
      entry.state = body.subarray(0, head.state_bytes);
      entry.payload = body.subarray(head.state_bytes);
    }
    this.offset += HEAD_BYTES + size;
    return entry;
  }

  /** A damaged head says nothing of its length: the next head that is whole ends it. */
  private stepOver(limit: number): ReadEntry | null {
    const { offset } = this;
    const end = Math.min(limit, this.size());
    const bytes = Buffer.allocUnsafe(SEARCH_BYTES);
    for (let from = offset + 1; from + HEAD_BYTES <= end; from += SEARCH_BYTES - HEAD_BYTES + 1) {
      const some = bytes.subarray(0, readSync(this.fd, bytes, 0, SEARCH_BYTES, from));
      for (let at = some.indexOf(MAGIC_BYTES); at >= 0; at = some.indexOf(MAGIC_BYTES, at + 1)) {
        if (decodeHead(some.subarray(at, at + HEAD_BYTES)) === null) continue;
        this.offset = from + at;
        return { head: NO_HEAD, offset, state: null, payload: null };
      }
    }
    return null;
  }

  size(): number {
    return fstatSync(this.fd).size;
  }

  close(): void {
    closeSync(this.fd);
  }
}
