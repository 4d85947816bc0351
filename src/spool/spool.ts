import {
  closeSync,
  fdatasync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError, isRefused } from '../base/errors.ts';
import { Trouble, unwritable } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { closeQuietly } from '../base/open_folder.ts';
import { closeOwnFiles, makeOwnFolder, OWN_FILE, syncPath } from '../base/own_files.ts';
import { Ages } from './ages.ts';
import { type Cursor, CursorFile, isBefore, wrongFormat } from './cursor.ts';
import { encodeEntry, entryKind, foreignFormat, HEAD_BYTES, STANDS_FOR } from './entry.ts';
import { Outgoing, reportDamage, type SpooledPayload } from './outgoing.ts';
import { diskBytes, isDiskFull, Reserve, settleDeletions } from './reserve.ts';
import { type Scanned, type StateChanges, scanSpool } from './scan.ts';
import { listSegments, SegmentReader, segmentPath } from './segment.ts';

export type { SpooledPayload } from './outgoing.ts';
export type { StateChanges } from './scan.ts';

const NOTHING = Buffer.alloc(0);
/** Room for a batch and the states of many streams. */
const ROOM_BYTES = limits.batch.message_bytes_max + 64 * 1024;

/**
 * A durable, ordered, bounded queue of payloads on disk. Each entry also has the new states of its streams
 * (such as their positions), so that payload and states become durable together or not at all. Each segment
 * starts with a snapshot of all states, so that delivered segments can be deleted.
 *
 * For one process and one thread. An append is durable when `durable()` resolves; `read` returns only durable
 * entries.
 */
export class Spool {
  /** State of every open stream as of the last entry. */
  readonly states = new Map<string, unknown>();
  readonly counts = { syncs: 0, damaged: 0 };
  undelivered_bytes = 0;
  readonly cursor: CursorFile;
  readonly dir: string;
  private readonly outgoing: Outgoing;
  private readonly ages = new Ages();
  private readonly reserve: Reserve;
  /** Place of the last entry with a payload; null if there is none. */
  private lastPayload: Cursor | null = null;
  /** Size at which the current segment is closed on a small disk. */
  private segmentShare = 0;
  private readonly dropping = new Trouble('Delivered segments are deleted again.');
  /** As of the last time that the folder could be read. */
  private disk = { segments: 0, bytes: 0 };
  private fd = -1;
  /** The file of the current segment. */
  private file: Pick<Stats, 'dev' | 'ino'> = { dev: 0, ino: 0 };
  private segment = 0;
  private written = 0;
  /**
   * A next segment was begun, and could neither be completed nor removed. The next agent would take its
   * snapshot for newer than the entries that follow in this one.
   */
  private isLeft = false;
  /** End of the snapshot at the start of the current segment. */
  private segmentStart = 0;
  /** End of the durable part of the current segment. */
  private synced = 0;
  private syncing: Promise<void> | null = null;
  /**
   * A sync failed: the system may have dropped the pages that it could not write, and the next sync may
   * succeed.
   */
  private isDoubtful = false;
  private waiting: (() => void)[] = [];
  /** Buffer in which each entry is built. */
  private readonly room = Buffer.allocUnsafeSlow(ROOM_BYTES);

  /**
   * Opens or creates the spool in `dir`. An incomplete last entry is dropped: it was never reported as
   * durable.
   * @throws AfterlogError SPOOL_FORMAT, STATE_DIR_UNUSABLE, DISK_FULL
   */
  constructor(dir: string) {
    this.dir = dir;
    this.outgoing = new Outgoing(dir);
    try {
      makeOwnFolder(dir);
      closeOwnFiles(dir);
      this.refuseOtherFormats();
      this.reserve = new Reserve(dir);
      this.cursor = new CursorFile(dir, this.reserve);
      this.recover();
    } catch (error) {
      throw error instanceof AfterlogError
        ? error
        : unwritable(`The spool ${this.dir} cannot be read`, error);
    }
    this.orMakeRoom(() => this.startSegment());
    this.reserve.refill();
  }

  private refuseOtherFormats(): void {
    const head = Buffer.alloc(HEAD_BYTES);
    for (const number of listSegments(this.dir)) {
      const path = segmentPath(this.dir, number);
      const fd = openSync(path, 'r');
      try {
        const format = foreignFormat(head.subarray(0, readSync(fd, head, 0, HEAD_BYTES, 0)));
        if (format !== null) throw wrongFormat(path, format);
      } finally {
        closeSync(fd);
      }
    }
  }

  private recover(): void {
    const segments = listSegments(this.dir);
    const first = segments[0] ?? 0;
    this.segment = segments.at(-1) ?? 0;
    // A cursor after the last segment (somebody removed files) would make new segments count as delivered.
    if (this.cursor.at.segment > this.segment) this.cursor.at = { segment: 0, offset: 0 };
    if (this.cursor.at.segment < first) {
      if (this.cursor.at.segment > 0)
        reportDamage(`${segmentPath(this.dir, this.cursor.at.segment)} is missing and was not delivered`);
      this.cursor.at = { segment: first, offset: 0 };
    }
    // A killed agent may have left an entry in the page cache; it is sent, so it must outlive a power loss.
    if (segments.length > 0) syncPath(segmentPath(this.dir, this.segment));
    const standIns: Extract<Scanned, { what: 'entry' }>[] = [];
    for (const found of this.scan(this.states)) {
      if (found.what === 'blind') reportDamage(`The oldest snapshot in ${this.dir} is damaged`);
      else if (found.what === 'damage') this.breaks(found);
      else if (found.standsFor !== null) standIns.push(found);
      else this.countUndelivered(found.place, found.payload.length);
    }
    for (const { place, payload, standsFor } of standIns) {
      if (payload.length > 0) this.lastPayload = place;
      if (isBefore(standsFor!, this.cursor.at)) continue;
      this.outgoing.mended(standsFor!, payload.length > 0 ? place : null);
      this.undelivered_bytes += payload.length;
    }
  }

  private breaks({ place, until, reason }: Extract<Scanned, { what: 'damage' }>): void {
    this.counts.damaged++;
    const isDelivered = !isBefore(this.cursor.at, until);
    reportDamage(`In ${this.dir}, entries ${reason}${isDelivered ? '; they were delivered' : ''}`);
    if (isDelivered) return;
    // The cursor may be inside the missing part.
    if (isBefore(place, this.cursor.at)) this.cursor.at = place;
    this.outgoing.breaksAt(place);
  }

  private countUndelivered(place: Cursor, bytes: number): void {
    if (bytes === 0) return;
    this.lastPayload = place;
    if (isBefore(place, this.cursor.at)) return;
    this.undelivered_bytes += bytes;
    this.ages.appended(place, statSync(segmentPath(this.dir, place.segment)).mtimeMs);
  }

  /** Scans all entries and applies them to `states`. */
  scan(states: Map<string, unknown>): Generator<Scanned> {
    return scanSpool(this.dir, this.cursor.at, states);
  }

  private apply(changes: StateChanges): void {
    for (const [key, state] of Object.entries(changes)) {
      if (state === null) this.states.delete(key);
      else this.states.set(key, state);
    }
  }

  /**
   * Appends an entry.
   * @param payload null if only states changed
   * @returns its place
   * @throws AfterlogError DISK_FULL, STATE_DIR_UNUSABLE: nothing was appended, and the caller may retry
   */
  append(changes: StateChanges, payload: Buffer | null): Cursor {
    return this.write(payload ? entryKind.batch : entryKind.state, changes, changes, payload ?? NOTHING);
  }

  /**
   * Appends the replacement of a damage, together with the new states.
   * @param payload null if no replacement is needed
   * @throws the errors of append()
   */
  standIn(damage: Cursor, changes: StateChanges, payload: Buffer | null): void {
    const at = this.write(
      entryKind.standIn,
      { [STANDS_FOR]: damage, ...changes },
      changes,
      payload ?? NOTHING,
    );
    this.outgoing.mended(damage, payload === null ? null : at);
  }

  /** The end of the last entry. */
  get end(): Cursor {
    return { segment: this.segment, offset: this.written };
  }

  /** Undelivered damage without a stand-in, by place. */
  get broken(): ReadonlyMap<string, Cursor> {
    return this.outgoing.broken;
  }

  /** @returns the place of the entry */
  private write(kind: number, state: StateChanges, changes: StateChanges, payload: Buffer): Cursor {
    return this.orMakeRoom(() => this.writeNow(kind, state, changes, payload), payload.length);
  }

  /** On a full disk, all that is delivered goes first; then the second try has also the reserve. */
  private orMakeRoom<Result>(does: () => Result, bytes = 0): Result {
    try {
      return does();
    } catch (error) {
      if (!isDiskFull(error) || !this.makeRoom(bytes)) throw error;
      try {
        return does();
      } finally {
        this.reserve.refill();
      }
    }
  }

  /**
   * @param bytes that need room; the last of the reserve is for gap rows, states and the next start
   * @returns whether there may be more room now
   */
  private makeRoom(bytes: number): boolean {
    const { segments } = this.onDisk();
    const isDelivered = this.lastPayload === null || isBefore(this.lastPayload, this.cursor.at);
    const isTaken = (isDelivered || 2 * bytes <= this.reserve.bytes) && this.reserve.take();
    // The current file holds nothing else: a new one with a snapshot of the states takes its place.
    if (this.fd >= 0 && isDelivered && this.broken.size === 0 && this.written > this.segmentStart) {
      try {
        this.startSegment();
        this.cursor.at = { segment: this.segment, offset: this.written };
        this.lastPayload = null;
      } catch {}
    }
    this.dropDelivered(0);
    settleDeletions(this.dir);
    return isTaken || this.onDisk().segments < segments;
  }

  /** Whether the disk has room for more than what frees space: else nothing should be read. */
  hasRoom(): boolean {
    return this.reserve.refill();
  }

  private writeNow(kind: number, state: StateChanges, changes: StateChanges, payload: Buffer): Cursor {
    const isFull = this.written >= Math.min(limits.spool.segment_bytes_max, this.segmentShare);
    if (isFull || this.isLeft) this.startSegment();
    const place: Cursor = { segment: this.segment, offset: this.written };
    const entry = encodeEntry(kind, Buffer.from(JSON.stringify(state)), payload, this.room);
    try {
      writeAll(this.fd, entry, this.written);
    } catch (error) {
      // The next entry overwrites the incomplete one; cut it off as well, so that no reader finds it.
      try {
        ftruncateSync(this.fd, this.written);
      } catch {}
      throw unwritable(`The spool ${this.dir} cannot be written`, error);
    }
    crashPoint('spool.written');
    this.written += entry.length;
    this.apply(changes);
    this.undelivered_bytes += payload.length;
    if (payload.length > 0) {
      this.lastPayload = place;
      this.ages.appended(place);
    }
    return place;
  }

  /**
   * Starts a new file with a snapshot of all states, after making the old file durable. Only a complete
   * snapshot replaces the old file: a segment without one would lose the states of all streams.
   */
  private startSegment(): void {
    const snapshot = encodeEntry(
      entryKind.snapshot,
      Buffer.from(JSON.stringify(Object.fromEntries(this.states))),
      NOTHING,
      this.room,
    );
    const path = segmentPath(this.dir, this.segment + 1);
    let fd = -1;
    let file: Stats;
    try {
      this.keepInPlace();
      if (this.fd >= 0) this.syncNow();
      fd = openSync(path, 'w+', OWN_FILE);
      file = fstatSync(fd);
      writeAll(fd, snapshot, 0);
      fsyncSync(fd);
      crashPoint('spool.segment_written');
      // Before the first append: a power loss may remove a file whose name is not durable.
      syncPath(this.dir);
    } catch (error) {
      if (fd >= 0) {
        closeQuietly(fd);
        this.isLeft = true;
        try {
          unlinkSync(path);
          this.isLeft = false;
        } catch {} // The next try writes it anew.
      }
      throw unwritable(`The spool ${this.dir} cannot be written`, error);
    }
    // It is durable; an error of its close has nothing to say about it.
    if (this.fd >= 0) closeQuietly(this.fd);
    this.isLeft = false;
    this.fd = fd;
    this.file = file;
    this.segment++;
    this.written = snapshot.length;
    this.segmentStart = snapshot.length;
    this.segmentShare = diskBytes(this.dir) * limits.spool.segment_disk_share;
    this.synced = this.written;
    crashPoint('spool.segment_started');
    this.dropDelivered();
  }

  private syncNow(): void {
    try {
      this.writeDoubtfulAgain();
      fsyncSync(this.fd);
    } catch (error) {
      this.isDoubtful = true;
      throw error;
    }
    this.synced = this.written;
    this.counts.syncs++;
  }

  /**
   * Resolves when all entries appended so far are on disk. Calls during a sync share the next one.
   * @throws AfterlogError DISK_FULL, STATE_DIR_UNUSABLE
   */
  async durable(): Promise<void> {
    while (this.syncing) await this.syncing;
    try {
      this.keepInPlace();
    } catch (error) {
      throw unwritable(`The spool ${this.dir} is gone, and cannot be made again`, error);
    }
    if (this.synced === this.written) return;
    this.writeDoubtfulAgain();
    const { fd, segment, written } = this;
    this.syncing = new Promise<void>((resolve, reject) => {
      fdatasync(fd, (error) => {
        this.syncing = null;
        // If the segment was closed in the meantime, startSegment has synced all of it.
        if (error && segment === this.segment) {
          this.isDoubtful = true;
          reject(unwritable(`The spool ${this.dir} cannot be made durable`, error));
          return;
        }
        try {
          // What was synced may have been removed before, or meanwhile.
          this.keepInPlace();
        } catch (failure) {
          reject(unwritable(`The spool ${this.dir} is gone, and cannot be made again`, failure));
          return;
        }
        if (segment === this.segment) this.synced = Math.max(this.synced, written);
        this.counts.syncs++;
        crashPoint('spool.synced');
        resolve();
        for (const wake of this.waiting.splice(0)) wake();
      });
    });
    return this.syncing;
  }

  /**
   * After a failed sync the system treats dropped pages as written: they must be written again before the
   * next sync.
   */
  private writeDoubtfulAgain(): void {
    if (!this.isDoubtful) return;
    writeAll(this.fd, this.readBack(this.synced), this.synced);
    this.isDoubtful = false;
  }

  /** The entries of the current segment from an offset on. */
  private readBack(from: number): Buffer {
    const bytes = Buffer.alloc(this.written - from);
    const length = readSync(this.fd, bytes, 0, bytes.length, from);
    if (length < bytes.length)
      throw new AfterlogError('STATE_DIR_UNUSABLE', `${this.dir} lost the end of its last segment`);
    return bytes;
  }

  /**
   * Somebody may remove the folder of the spool, or mount a file system over it. Then entries go to a file
   * that no next agent finds: the current segment is written again, from the file that is still open. Older
   * ones are lost.
   * @throws AfterlogError, or the system's error
   */
  private keepInPlace(): void {
    if (this.fd < 0) return;
    const path = segmentPath(this.dir, this.segment);
    const there = statSync(path, { throwIfNoEntry: false });
    if (there !== undefined && there.ino === this.file.ino && there.dev === this.file.dev) return;
    makeOwnFolder(this.dir);
    const fd = openSync(`${path}.new`, 'w+', OWN_FILE);
    try {
      writeAll(fd, this.readBack(0), 0);
      fsyncSync(fd);
      this.file = fstatSync(fd);
      renameSync(`${path}.new`, path);
      syncPath(this.dir);
    } catch (error) {
      closeQuietly(fd);
      throw error;
    }
    closeQuietly(this.fd);
    this.fd = fd;
    this.synced = this.written;
    this.isDoubtful = false;
    this.outgoing.rewind();
    this.tellRemoved();
    this.cursor.save();
  }

  /** The folder of the spool was removed: says how much of it was not delivered yet. */
  private tellRemoved(): void {
    this.counts.damaged++;
    const first = listSegments(this.dir)[0]!;
    if (this.cursor.at.segment < first) this.cursor.at = { segment: first, offset: 0 };
    let left = 0;
    const { segment, offset } = this.cursor.at;
    const reader = new SegmentReader(this.dir, this.segment, segment === this.segment ? offset : 0);
    try {
      for (let entry = reader.next(); entry !== null; entry = reader.next())
        left += entry.payload?.length ?? 0;
    } finally {
      reader.close();
    }
    const lost = Math.max(0, this.undelivered_bytes - left);
    this.undelivered_bytes = left;
    const what = `${lost} bytes that were not delivered are lost, and their batches are missing at the receiver`;
    reportDamage(`${this.dir} was removed, and is made again: ${lost > 0 ? what : 'nothing of it is lost'}`);
  }

  isDurable(): boolean {
    return this.synced === this.written;
  }

  /**
   * The next durable payloads, at most `countMax` of them and `bytesMax` in total, but at least one if there
   * is any. None if the next one is damaged: `broken` then contains it, and reading continues when it has a
   * stand-in.
   */
  read(countMax: number, bytesMax: number): SpooledPayload[] {
    this.keepInPlace();
    const end: Cursor = { segment: this.segment, offset: this.synced };
    const { rotten_bytes } = this.outgoing;
    const found = this.outgoing.read(this.cursor.at, end, countMax, bytesMax);
    const rotten = this.outgoing.rotten_bytes - rotten_bytes;
    if (rotten > 0) this.counts.damaged++;
    // This subtracts also the bytes of states; delivered() corrects it when everything is delivered.
    this.undelivered_bytes = Math.max(0, this.undelivered_bytes - rotten);
    return found;
  }

  /**
   * Everything up to `after` is delivered: it is not read again, and complete segments of it are deleted.
   * @param bytes of the delivered payloads
   */
  delivered(after: Cursor, bytes: number): void {
    this.undelivered_bytes = Math.max(0, this.undelivered_bytes - bytes);
    const crossed = after.segment !== this.cursor.at.segment;
    this.cursor.at = after;
    if (after.segment === this.segment && after.offset === this.written) this.undelivered_bytes = 0;
    if (this.undelivered_bytes === 0) this.ages.clear();
    else this.ages.delivered(after);
    if (crossed) this.dropDelivered();
    this.cursor.saveSoon();
  }

  /** The next read starts again at the first undelivered payload. */
  rewind(): void {
    this.outgoing.rewind();
  }

  /** @param copies segments before the cursor's: the states of one are a second copy of the next snapshot */
  private dropDelivered(copies = 1): void {
    const keeps = Math.min(this.segment, this.cursor.at.segment) - copies;
    try {
      const done = listSegments(this.dir).filter((number) => number < keeps);
      if (done.length === 0) return;
      // Saves first: a saved cursor in a missing file would mean that the file was lost, not delivered.
      this.cursor.save();
      for (const number of done) {
        this.outgoing.leave(number);
        unlinkSync(segmentPath(this.dir, number));
        crashPoint('spool.segment_dropped');
      }
      this.dropping.ends();
    } catch (error) {
      this.dropping.begins(unwritable(`Delivered segments in ${this.dir} cannot be deleted now`, error));
    }
  }

  /** Number and total size of the segment files; as they were, if the folder cannot be read now. */
  onDisk(): { segments: number; bytes: number } {
    try {
      const paths = listSegments(this.dir).map((number) => segmentPath(this.dir, number));
      const sizes = paths.map((path) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
      this.disk = { segments: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
    return this.disk;
  }

  /** Age of the oldest undelivered payload, in seconds; 0 if there is none. */
  oldest_s(): number {
    return this.ages.oldest_s();
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
