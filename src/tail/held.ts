import { statfsSync } from 'node:fs';
import { AfterlogError, isRefused } from '../base/errors.ts';
import { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { AsideRoom } from './aside.ts';
import type { Generation } from './generation.ts';
import { letGo } from './log_reader.ts';
import type { LogTail } from './log_tail.ts';
import { namesIn, ownNames, type Pin, statOf } from './pins.ts';

interface HeldFile {
  tail: LogTail;
  disk_bytes: number;
  written_ms: number;
  /** All of it is in rows or in the state: letting go of it loses nothing. */
  isRead: boolean;
  /** The file that this was copied aside of, and that is still there. */
  asideOf: Generation | null;
}

/**
 * Bounds the disk space of files that only our pins keep: deleted or rotated files that cannot be read yet,
 * and copies aside of live ones. Past the limit the sandbox that holds most loses its oldest, but for the
 * last bytes of each log, and gap rows count each unread byte.
 */
export class HeldFiles {
  /** As of the last check. */
  bytes = 0;
  files = 0;
  /** Of them, copies aside of files that are still there. */
  aside_bytes = 0;
  /** What may be copied aside until the next check. */
  readonly room: AsideRoom;
  /** Since the start. */
  readonly letGo = { bytes: 0, files: 0 };
  /** A folder on the same file system. */
  private readonly folder: string;
  private readonly bytesMax: number;
  /** The share of the free space, as of the last check that could measure it. */
  private share_bytes = Number.POSITIVE_INFINITY;
  /** Let go of; unlinked as soon as their gap rows are durable. */
  private leaving: Pin[] = [];
  private readonly trouble = new Trouble('Files that wait to be read are well within their limit again.');

  constructor(folder: string, bytesMax: number = limits.held.bytes_max) {
    this.folder = folder;
    this.bytesMax = bytesMax;
    this.room = new AsideRoom(this.max());
  }

  /**
   * Measures held files, and lets go of as many as the limit demands.
   * @param tails those that may have files without a name; quiet ones have none
   * @returns tails whose queue advanced
   */
  check(tails: Iterable<LogTail>, chunk: Buffer): Set<LogTail> {
    const held = heldBy(tails);
    this.files = held.length;
    this.bytes = held.reduce((sum, { disk_bytes }) => sum + disk_bytes, 0);
    this.aside_bytes = held.reduce((sum, one) => sum + (one.asideOf === null ? 0 : one.disk_bytes), 0);
    const max = this.max();
    if (this.bytes <= max / 2) this.trouble.ends();
    this.room.set(Math.max(0, max - this.bytes), this.bytes <= max / 2);
    // A file that was let go of takes its space until its gap rows are durable.
    this.leaving = this.leaving.filter(({ path, fd }) => path !== null || fd !== null);
    if (this.bytes <= max || this.leaving.length > 0) return new Set();
    return this.shrink(held, max, chunk);
  }

  /** What is read goes first: that loses nothing. Then the sandbox that holds most pays, again and again. */
  private shrink(held: HeldFile[], max: number, chunk: Buffer): Set<LogTail> {
    const until = performance.now() + limits.held.turn_ms;
    const moved = new Set<LogTail>();
    const letGo = this.letGoOf(held, max, chunk, moved);
    let left = this.bytes;
    for (const file of held.filter(({ isRead }) => isRead)) {
      if (left <= max || performance.now() > until) return moved;
      left -= letGo(file);
    }
    const holders = holdersOf(held.filter(({ isRead }) => !isRead));
    while (left > max && holders.length > 0 && performance.now() <= until) {
      const most = holders.reduce((one, other) => (paysBefore(other, one) ? other : one));
      const freed = letGo(most.files.pop()!);
      left -= freed;
      most.bytes -= freed;
      if (most.files.length === 0) holders.splice(holders.indexOf(most), 1);
    }
    return moved;
  }

  /** @returns a function that lets go of a file, and returns how much of the disk that frees */
  private letGoOf(held: HeldFile[], max: number, chunk: Buffer, moved: Set<LogTail>) {
    const what = `Deleted and rotated files that wait to be read take ${this.bytes} bytes of disk; ${max} are allowed. The sandboxes that hold most lose their oldest files.`;
    const reason = `let go at the limit of held bytes: deleted or rotated files took over ${max} bytes before they could be read`;
    // With half of the room, all of them can keep theirs.
    const share = Math.floor(max / 2 / new Set(held.map(({ tail }) => tail)).size);
    const kept_bytes = Math.min(limits.held.kept_bytes, share);
    return ({ tail, disk_bytes, isRead, asideOf }: HeldFile): number => {
      if (asideOf !== null) {
        tail.files.dropAside(asideOf);
        return disk_bytes;
      }
      // A file that is read is released by itself as soon as it is quiet.
      let freed = isRead ? disk_bytes : 0;
      const done = (pin: Pin, lost_bytes: number, kept: number): void => {
        freed = disk_bytes - kept;
        this.leaving.push(pin);
        moved.add(tail);
        if (lost_bytes === 0) return;
        this.trouble.begins(new AfterlogError('HELD_FULL', what));
        this.letGo.bytes += lost_bytes;
        this.letGo.files++;
      };
      letGo(tail, chunk, { reason, kept_bytes, done });
      return freed;
    };
  }

  /**
   * The share counts held bytes as free, so it does not depend on them, and shrinks before the disk is full.
   */
  private max(): number {
    try {
      const { bavail, bsize } = statfsSync(this.folder);
      this.share_bytes = Math.floor(limits.held.free_disk_share * (bavail * bsize + this.bytes));
    } catch (error) {
      // The share as it was: the tailer reports that the folder cannot be seen.
      if (!isRefused(error)) throw error;
    }
    return Math.min(this.bytesMax, this.share_bytes);
  }
}

/** What one sandbox holds; of its files, the last one goes first. */
interface Holder {
  bytes: number;
  files: HeldFile[];
}

/** A copy aside goes before the only file with its bytes, and an old file before a younger one. */
function holdersOf(held: HeldFile[]): Holder[] {
  const goesLater = (a: HeldFile, b: HeldFile): number =>
    Number(a.asideOf !== null) - Number(b.asideOf !== null) || b.written_ms - a.written_ms;
  return [...Map.groupBy(held, ({ tail }) => tail.sandbox).values()].map((files) => ({
    bytes: files.reduce((sum, { disk_bytes }) => sum + disk_bytes, 0),
    files: files.sort(goesLater),
  }));
}

const paysBefore = (a: Holder, b: Holder): boolean =>
  a.bytes > b.bytes || (a.bytes === b.bytes && a.files.at(-1)!.written_ms < b.files.at(-1)!.written_ms);

/** Files without another name or link. */
function heldBy(tails: Iterable<LogTail>): HeldFile[] {
  const held: HeldFile[] = [];
  for (const tail of tails) {
    for (const { pin, known_bytes, asideOf } of tail.files.nameless) {
      try {
        const stats = statOf(pin);
        if (namesIn(pin, stats) > ownNames(pin)) continue;
        const { blocks, mtimeMs, size } = stats;
        const isRead = asideOf === null && size <= known_bytes;
        held.push({ tail, disk_bytes: blocks * 512, written_ms: mtimeMs, isRead, asideOf });
      } catch (error) {
        // Somebody removed the pin, or its file system fails; the next read reports it.
        if (!isRefused(error)) throw error;
      }
    }
  }
  return held;
}
