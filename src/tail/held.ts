import { statfsSync } from 'node:fs';
import { AfterlogError, isRefused } from '../base/errors.ts';
import { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { AsideRoom } from './aside.ts';
import type { Generation } from './generation.ts';
import { letGo } from './log_reader.ts';
import type { LogTail } from './log_tail.ts';
import { type Pin, statOf } from './pins.ts';

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
 * and copies aside of live ones. Past the limit the oldest are let go, and gap rows count each unread byte.
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

  private shrink(held: HeldFile[], max: number, chunk: Buffer): Set<LogTail> {
    const until = performance.now() + limits.held.turn_ms;
    const moved = new Set<LogTail>();
    const what = `Files that only wait to be read take ${this.bytes} bytes of disk; ${max} are allowed: the oldest are let go.`;
    const reason = `let go at the limit of held bytes: deleted or rotated files took over ${max} bytes before they could be read`;
    held.sort((a, b) => Number(b.isRead) - Number(a.isRead) || a.written_ms - b.written_ms);
    let left = this.bytes;
    for (const { tail, disk_bytes, isRead, asideOf } of held) {
      if (left <= max || performance.now() > until) break;
      left -= disk_bytes;
      if (asideOf !== null) {
        tail.files.dropAside(asideOf);
        continue;
      }
      let isGone = false;
      letGo(tail, chunk, {
        reason,
        done: (pin, bytes) => {
          isGone = true;
          this.leaving.push(pin);
          moved.add(tail);
          if (bytes === 0) return;
          this.trouble.begins(new AfterlogError('HELD_FULL', what));
          this.letGo.bytes += bytes;
          this.letGo.files++;
        },
      });
      // A file that is read is released by itself as soon as it is quiet.
      if (!isGone && !isRead) left += disk_bytes;
    }
    return moved;
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

/** Files without another name or link. */
function heldBy(tails: Iterable<LogTail>): HeldFile[] {
  const held: HeldFile[] = [];
  for (const tail of tails) {
    for (const { pin, known_bytes, asideOf } of tail.files.nameless) {
      try {
        const { nlink, blocks, mtimeMs, size } = statOf(pin);
        if (nlink > (pin.path === null ? 0 : 1)) continue;
        const isRead = asideOf !== null || size <= known_bytes;
        held.push({ tail, disk_bytes: blocks * 512, written_ms: mtimeMs, isRead, asideOf });
      } catch (error) {
        // Somebody removed the pin, or its file system fails; the next read reports it.
        if (!isRefused(error)) throw error;
      }
    }
  }
  return held;
}
