import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { crashPoint } from '../base/crash_point.ts';
import type { Generation } from './generation.ts';
import type { LogTail } from './log_tail.ts';
import { type Pin, readAt } from './pins.ts';
import { replace } from './truncation.ts';

/** Why a file is let go of before it is read. */
export interface LetGo {
  reason: string;
  /** How many of the log's last bytes stay, in a file of their own. */
  kept_bytes: number;
  /** Called when it is let go of. @param kept_bytes the part of its unread bytes that stays */
  done(pin: Pin, lost_bytes: number, kept_bytes: number): void;
}

/** Less than a block of the disk is not worth a gap row. */
const LEAST_BYTES = 4_096;

/**
 * Lets go of the first file to be read if only its pin keeps it: a gap row has the exact length of its unread
 * bytes, apart from those that stay. Does nothing while that is not possible.
 */
export function giveUp(tail: LogTail, generation: Generation, why: LetGo): void {
  const { cursor } = generation;
  // All bytes are known: once the file is quiet, it is closed without a loss.
  const mayGrow = cursor.isSeenWhole && !generation.isQuiet(tail.files.second);
  if (generation.place !== 'gone' || mayGrow) return;
  const areNuls = cursor.isSeenWhole && !cursor.nuls.areStale();
  const unread = areNuls ? 0 : cursor.end - cursor.seenTo;
  const keep = unread > 0 ? keptOf(tail, generation, why.kept_bytes) : 0;
  if (keep > 0 && unread - keep < LEAST_BYTES) return;
  if (!tail.takeUnfinished(generation) || !tail.reserve()) return;
  if (keep > 0 && keepEnd(tail, generation, keep, why)) return;
  if (areNuls && cursor.nuls.bytes > 0) tail.nuls(cursor, cursor.nuls.bytes);
  const bytes = Math.max(0, cursor.end - cursor.offset);
  skip(tail, generation, bytes, why.reason);
  tail.close();
  why.done(generation.pin, bytes, 0);
}

function skip(tail: LogTail, { cursor }: Generation, bytes: number, reason: string): void {
  if (bytes === 0) return;
  tail.gap(bytes, reason);
  cursor.skip(bytes);
}

/** The part of `bytes` that the files behind this one do not hold. */
function keptOf(tail: LogTail, generation: Generation, bytes: number): number {
  let left = bytes;
  for (const { cursor } of tail.files.unread) {
    if (cursor === generation.cursor) continue;
    cursor.measure();
    left -= Math.max(0, cursor.end - cursor.offset);
  }
  return Math.max(0, left);
}

/**
 * Copies the last bytes of a file, which then stand for it in the queue.
 * @returns false if they cannot be copied
 */
function keepEnd(tail: LogTail, generation: Generation, bytes: number, { reason, done }: LetGo): boolean {
  const { cursor, pin } = generation;
  const end = readAt(pin, cursor.end - bytes, bytes);
  // A line of which only a part is left says less than its gap.
  const kept = end.subarray(end.indexOf(10) + 1);
  const from = cursor.end - bytes + (end.length - kept.length);
  if (kept.length === 0) return false;
  const copy = copyOf(tail, generation, kept, from);
  if (copy === null) return false;
  crashPoint('tail.kept');
  const lost = from - cursor.offset;
  skip(tail, generation, lost, reason);
  replace(tail, generation, [generation.copiedTo(copy, 'gone')]);
  tail.files.release(pin);
  done(pin, lost, kept.length);
  return true;
}

/** A file of our own with these bytes at the same offset. @returns null if there is no room for it */
function copyOf(tail: LogTail, generation: Generation, bytes: Buffer, from: number): Pin | null {
  let pin: Pin | null = null;
  try {
    pin = tail.owner.makeAside(tail, generation, from);
    const fd = openSync(pin.path!, constants.O_WRONLY | constants.O_NOFOLLOW);
    try {
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at, bytes.length - at, from + at);
    } finally {
      closeSync(fd);
    }
    return pin;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    if (pin !== null) tail.files.release(pin);
    return null;
  }
}
