import {
  closeSync,
  fdatasync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { limits } from '../config/limits.ts';
import { AfterlogError, reasonOf } from '../errors.ts';
import { log } from '../log.ts';
import { type Cursor, CursorFile } from './cursor.ts';
import { encodeEntry, entryKind } from './entry.ts';
import { listSegments, SegmentReader, segmentPath } from './segment.ts';

/** State of streams by key, as JSON texts; null: the stream is over. What is in them the spool does not know. */
export type StateChanges = Record<string, unknown>;

export interface SpooledPayload {
  payload: Buffer;
  /** Where the sender goes on once this payload and all before it are delivered. */
  after: Cursor;
}

/**
 * A durable, ordered, bounded queue of payloads on disk, with the positions of the tail inside: each entry holds
 * the state after it of the streams it touches, so that payload and advance become durable together or not at
 * all. Each segment starts with a snapshot of all states, so delivered segments can be deleted whole.
 *
 * One process, one thread. `append` is durable once `durable()` resolves; `read` returns only what is durable.
 */
export class Spool {
  /** State of every open stream as of the last entry. */
  readonly states = new Map<string, unknown>();
  /** Entries that recovery found damaged: where, for the caller to report. */
  readonly damaged: string[] = [];
  undelivered_bytes = 0;
  readonly cursor: CursorFile;
  private readonly dir: string;
  private fd = -1;
  private segment = 0;
  private written = 0;
  /** Up to here, in the current segment, entries are on disk for good. */
  private synced = 0;
  private reader: SegmentReader | null = null;
  private syncing: Promise<void> | null = null;
  private waiting: (() => void)[] = [];

  /** Opens or makes the spool in `dir`; a torn last entry is dropped, as nobody was told that it is durable. */
  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true });
    this.cursor = new CursorFile(dir);
    this.recover();
    this.startSegment();
  }

  private recover(): void {
    const segments = listSegments(this.dir);
    // A place that no segment reaches (they were removed by hand) would make later ones look delivered.
    if (this.cursor.at.segment > (segments.at(-1) ?? 0)) this.cursor.at = { segment: 0, offset: 0 };
    for (const number of segments) {
      const reader = new SegmentReader(this.dir, number);
      for (let entry = reader.next(); entry !== null; entry = reader.next()) {
        if (entry.state === null) {
          this.damaged.push(`${segmentPath(this.dir, number)} offset ${entry.offset}`);
          continue;
        }
        if (entry.head.kind === entryKind.snapshot) this.states.clear();
        this.apply(JSON.parse(entry.state.toString()) as StateChanges);
        if (!this.isDelivered(number, entry.offset)) this.undelivered_bytes += entry.head.payload_bytes;
      }
      const torn = reader.size() - reader.offset;
      if (torn > 0)
        log.warn(
          `spool: dropped an unfinished entry of ${torn} bytes at the end of ${segmentPath(this.dir, number)}`,
        );
      reader.close();
      this.segment = number;
    }
    if (this.cursor.at.segment < (segments[0] ?? 0)) this.cursor.at = { segment: segments[0]!, offset: 0 };
  }

  private isDelivered(segment: number, offset: number): boolean {
    const { at } = this.cursor;
    return segment < at.segment || (segment === at.segment && offset < at.offset);
  }

  private apply(changes: StateChanges): void {
    for (const [key, state] of Object.entries(changes)) {
      if (state === null) this.states.delete(key);
      else this.states.set(key, state);
    }
  }

  /**
   * Appends an entry; all or nothing.
   * @param payload null: only states changed
   * @throws AfterlogError DISK_FULL: nothing was appended, the same call may be made again
   */
  append(changes: StateChanges, payload: Buffer | null): void {
    if (this.written >= limits.segment_bytes_max) this.startSegment();
    const state = Buffer.from(JSON.stringify(changes));
    this.write(encodeEntry(payload ? entryKind.batch : entryKind.state, state, payload ?? Buffer.alloc(0)));
    this.apply(changes);
    this.undelivered_bytes += payload?.length ?? 0;
  }

  private write(entry: Buffer): void {
    try {
      writeAll(this.fd, entry, this.written);
      this.written += entry.length;
    } catch (error) {
      // What was written of the entry is written over by the next; cut it off, so that no reader meets it.
      try {
        ftruncateSync(this.fd, this.written);
      } catch {}
      throw this.unwritable(error);
    }
  }

  private unwritable(error: unknown): AfterlogError {
    const full = ['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '');
    return new AfterlogError(
      full ? 'DISK_FULL' : 'STATE_DIR_UNUSABLE',
      `The spool ${this.dir} cannot be written: ${reasonOf(error)}`,
      error,
    );
  }

  /**
   * A new file that starts with all states; what the old one holds is made durable first. Only a whole snapshot
   * takes the old file's place: a segment without one would forget every stream.
   */
  private startSegment(): void {
    const snapshot = encodeEntry(
      entryKind.snapshot,
      Buffer.from(JSON.stringify(Object.fromEntries(this.states))),
      Buffer.alloc(0),
    );
    const path = segmentPath(this.dir, this.segment + 1);
    let fd = -1;
    try {
      if (this.fd >= 0) fsyncSync(this.fd);
      fd = openSync(path, 'w');
      writeAll(fd, snapshot, 0);
      fsyncSync(fd);
    } catch (error) {
      if (fd >= 0) {
        closeSync(fd);
        unlinkSync(path);
      }
      throw this.unwritable(error);
    }
    if (this.fd >= 0) closeSync(this.fd);
    this.fd = fd;
    this.segment++;
    this.written = snapshot.length;
    this.synced = this.written;
    const folder = openSync(this.dir, 'r');
    fsyncSync(folder);
    closeSync(folder);
    this.dropDelivered();
  }

  /** Resolves when everything appended so far is on disk. Calls that come while a sync runs share the next one. */
  async durable(): Promise<void> {
    while (this.syncing) await this.syncing;
    if (this.synced === this.written) return;
    const { fd, segment, written } = this;
    this.syncing = new Promise<void>((resolve, reject) => {
      fdatasync(fd, (error) => {
        this.syncing = null;
        // A segment that was closed meanwhile was synced whole by startSegment.
        if (error && segment === this.segment) {
          reject(
            new AfterlogError(
              'STATE_DIR_UNUSABLE',
              `The spool ${this.dir} cannot be made durable: ${error.message}`,
              error,
            ),
          );
          return;
        }
        if (segment === this.segment) this.synced = Math.max(this.synced, written);
        resolve();
        for (const wake of this.waiting.splice(0)) wake();
      });
    });
    return this.syncing;
  }

  isDurable(): boolean {
    return this.synced === this.written;
  }

  /** The next durable payloads after those read before, at least one if there is any, at most `bytesMax`. */
  read(countMax: number, bytesMax: number): SpooledPayload[] {
    const found: SpooledPayload[] = [];
    let bytes = 0;
    while (found.length < countMax) {
      this.reader ??= this.openReader();
      const { reader } = this;
      const before = reader.offset;
      const entry = reader.next(reader.number === this.segment ? this.synced : undefined);
      if (entry === null) {
        if (reader.number >= this.segment) break;
        reader.close();
        this.reader = new SegmentReader(this.dir, this.segmentAfter(reader.number));
        continue;
      }
      if (entry.head.payload_bytes === 0) continue;
      if (entry.payload === null) {
        // Its sequence is missing at the farther end, which makes a gap row of the hole.
        log.error(
          `spool: a damaged entry in ${segmentPath(this.dir, reader.number)} at ${before} cannot be sent`,
        );
        this.undelivered_bytes = Math.max(0, this.undelivered_bytes - entry.head.payload_bytes);
        continue;
      }
      bytes += entry.payload.length;
      if (bytes > bytesMax && found.length > 0) {
        reader.offset = before;
        break;
      }
      found.push({ payload: entry.payload, after: { segment: reader.number, offset: reader.offset } });
    }
    return found;
  }

  private openReader(): SegmentReader {
    const { segment, offset } = this.cursor.at;
    const existing = listSegments(this.dir).find((number) => number >= segment) ?? this.segment;
    return new SegmentReader(this.dir, existing, existing === segment ? offset : 0);
  }

  private segmentAfter(number: number): number {
    return listSegments(this.dir).find((other) => other > number) ?? this.segment;
  }

  /** Everything up to `after` is delivered: it is not read again, and whole segments of it are deleted. */
  delivered(after: Cursor, bytes: number): void {
    this.undelivered_bytes = Math.max(0, this.undelivered_bytes - bytes);
    const crossed = after.segment !== this.cursor.at.segment;
    this.cursor.at = after;
    if (crossed) this.dropDelivered();
    this.cursor.saveSoon();
  }

  /** Reads again from the first payload that is not delivered. */
  rewind(): void {
    this.reader?.close();
    this.reader = null;
  }

  private dropDelivered(): void {
    for (const number of listSegments(this.dir)) {
      // An older segment is still needed for recovery only until its successor's snapshot is on disk, and that
      // is so before anything is appended there.
      if (number >= this.segment || number >= this.cursor.at.segment) break;
      if (this.reader?.number === number) this.rewind();
      unlinkSync(segmentPath(this.dir, number));
    }
  }

  /** Resolves when new entries are durable, or after `ms`. */
  async waitForMore(ms: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    await this.durable();
    this.rewind();
    this.cursor.save();
    closeSync(this.fd);
    this.fd = -1;
  }
}

function writeAll(fd: number, bytes: Buffer, position: number): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
}
