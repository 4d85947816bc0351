import { closeSync, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { bodyBytes, bodyIsWhole, decodeHead, HEAD_BYTES, type Head } from './entry.ts';

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
  /** State and payload; null when the body does not have its checksum. */
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
   * `withBody: false` steps over the body.
   */
  next(limit = Number.POSITIVE_INFINITY): ReadEntry | null {
    const headBytes = Buffer.allocUnsafe(HEAD_BYTES);
    if (this.offset + HEAD_BYTES > limit) return null;
    if (readSync(this.fd, headBytes, 0, HEAD_BYTES, this.offset) < HEAD_BYTES) return null;
    const head = decodeHead(headBytes);
    if (head === null) return null;
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

  size(): number {
    return fstatSync(this.fd).size;
  }

  close(): void {
    closeSync(this.fd);
  }
}
