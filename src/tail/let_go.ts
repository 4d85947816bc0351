import type { Generation } from './generation.ts';
import type { LogTail } from './log_tail.ts';
import type { Pin } from './pins.ts';

/** Why a file is let go of before it is read. */
export interface LetGo {
  reason: string;
  /** Called when it is let go of. */
  done(pin: Pin, unread_bytes: number): void;
}

/**
 * Lets go of the first file to be read if only its pin keeps it: its unread bytes become a gap row of exactly
 * that length. Does nothing while that is not possible.
 */
export function giveUp(tail: LogTail, generation: Generation, { reason, done }: LetGo): void {
  const { cursor } = generation;
  // All bytes are known: once the file is quiet, it is closed without a loss.
  const mayGrow = cursor.size === cursor.seenTo && !generation.isQuiet(tail.files.second);
  if (generation.place !== 'gone' || mayGrow) return;
  if (!tail.tellHole(cursor) || !tail.takeUnfinished(generation) || !tail.reserve()) return;
  const bytes = Math.max(0, cursor.size - cursor.offset);
  if (bytes > 0) {
    tail.gap(bytes, reason);
    cursor.skip(bytes);
  }
  tail.close();
  done(generation.pin, bytes);
}
