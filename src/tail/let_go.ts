import { reasonOf } from '../base/errors.ts';
import type { Generation } from './generation.ts';
import type { LogTail } from './log_tail.ts';
import type { Pin } from './pins.ts';

/** Why a file is let go of before it is read, and who is to know of it. */
export interface LetGo {
  reason: string;
  done(pin: Pin, unread_bytes: number): void;
}

/** A truncation or the hole behind it may come before what is to be let go of: looks at so many chunks in one go. */
const CHUNKS_MAX = 1_000;

/**
 * Lets go of the first file to be read if only its pin keeps it: what is unread of it becomes a gap row of exactly
 * that length. Does nothing while that is not possible.
 */
export function letGo(tail: LogTail, chunk: Buffer, why: LetGo): void {
  try {
    for (let chunks = 0; chunks < CHUNKS_MAX; chunks++) {
      const generation = tail.queue[0];
      if (generation === undefined || !tail.step(generation, chunk, why)) return;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
    // What cannot be read is not kept for ever either.
    const generation = tail.queue[0]!;
    generation.cursor.measure();
    giveUp(tail, generation, { ...why, reason: `${why.reason}; it could not be read: ${reasonOf(error)}` });
  }
}

/** @returns false: there is nothing to go on with at once */
export function giveUp(tail: LogTail, generation: Generation, { reason, done }: LetGo): boolean {
  const { cursor } = generation;
  const unseen = cursor.size - cursor.seenTo;
  // All of it is known; once it is quiet nothing is lost with it.
  const mayGrow = unseen === 0 && !generation.isQuiet(tail.queue[1]);
  if (generation.place !== 'gone' || mayGrow) return false;
  if (!tail.takeUnfinished(generation) || !tail.sink.reserve()) return false;
  const bytes = Math.max(0, cursor.size - cursor.offset);
  if (bytes > 0) {
    tail.gap(bytes, reason);
    cursor.skip(bytes);
  }
  tail.close(generation);
  done(generation.pin, bytes);
  return false;
}

/** A file of a log that has no name in the folder any more, or never had one. */
export interface Nameless {
  pin: Pin;
  /** How much of it is in rows or in the state, where nothing else has to be read before. */
  known_bytes: number;
  /** What it was copied aside of, which is there still: letting go of it loses nothing. */
  asideOf: Generation | null;
}

/** Those of a log, in the order in which they are read; copies last. */
export function namelessOf({ queue, copies }: LogTail): Nameless[] {
  const nameless: Nameless[] = [];
  for (const [index, generation] of queue.entries()) {
    const { pin, place, cursor, aside } = generation;
    if (aside?.pin) nameless.push({ pin: aside.pin, known_bytes: 0, asideOf: generation });
    const known_bytes = index > 0 ? 0 : cursor.seenTo;
    if (place === 'gone') nameless.push({ pin, known_bytes, asideOf: null });
  }
  for (const { pin, gone_at_ms } of copies.list) {
    if (gone_at_ms !== null) nameless.push({ pin, known_bytes: 0, asideOf: null });
  }
  return nameless;
}
