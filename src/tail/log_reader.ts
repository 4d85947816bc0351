import { crashPoint } from '../base/crash_point.ts';
import { isRefused, reasonOf } from '../base/errors.ts';
import type { Generation } from './generation.ts';
import { giveUp, type LetGo } from './let_go.ts';
import type { LogTail } from './log_tail.ts';
import { ReadFailure } from './read_failure.ts';
import { copyAside, truncated } from './truncation.ts';

/** A file that is let go of may begin with a long hole; one call reads at most so many chunks of it. */
const CHUNKS_MAX = 1_000;

/**
 * Reads the next bytes of a log into rows: one chunk at most, so that other logs get their turn.
 * @returns whether there is more to read at once
 * @throws ReadFailure
 */
export function read(tail: LogTail, chunk: Buffer): boolean {
  return attempt(tail, () => {
    const { first } = tail.files;
    if (first === undefined) return false;
    const more = step(tail, first, chunk);
    return copyAside(tail, chunk, 1) || more;
  });
}

/**
 * Used while nothing may be read: copies aside the bytes that a truncation would destroy, one chunk at most.
 * @returns whether there is more to copy at once
 * @throws ReadFailure
 */
export function guard(tail: LogTail, chunk: Buffer): boolean {
  return attempt(tail, () => copyAside(tail, chunk, 0));
}

function attempt(tail: LogTail, does: () => boolean): boolean {
  try {
    tail.mustBeRecovered();
    tail.doWhatIsDue();
    const more = does();
    tail.failed('');
    return more;
  } catch (error) {
    if (!isRefused(error)) throw error;
    const reason = reasonOf(error);
    throw new ReadFailure(tail.key, reason, tail.failed(reason));
  }
}

/**
 * Lets go of the first file, as `giveUp`, once its size and its truncations are known. A file that cannot be
 * read is let go of as well.
 */
export function letGo(tail: LogTail, chunk: Buffer, why: LetGo): void {
  try {
    tail.doWhatIsDue();
    for (let chunks = 0; chunks < CHUNKS_MAX; chunks++) {
      const { first } = tail.files;
      if (first === undefined || !step(tail, first, chunk, why)) return;
    }
  } catch (error) {
    if (!isRefused(error)) throw error;
    const first = tail.files.first!;
    if (tail.hasDue || !first.cursor.measure()) return;
    giveUp(tail, first, { ...why, reason: `${why.reason}; it could not be read: ${reasonOf(error)}` });
  }
}

/**
 * @param why if given, the file is let go of, and its bytes become no rows
 * @returns whether there is more to do at once
 */
function step(tail: LogTail, generation: Generation, chunk: Buffer, why: LetGo | null = null): boolean {
  tail.beginIfOver();
  const { cursor } = generation;
  if (!cursor.skipsHole && !tail.tellHole(cursor)) return true;
  const length = readInto(chunk, tail, generation);
  if (length < 0) return truncated(tail, generation, why !== null);
  const atEnd = length < chunk.length;
  const isHole = cursor.skipsHole || (!atEnd && cursor.meetsHole(chunk));
  const skipped = isHole ? cursor.skipHole(chunk, length) : 'none';
  if (skipped === 'moved' || (skipped === 'hole' && !atEnd)) return true;
  if (why !== null) {
    giveUp(tail, generation, why);
    return false;
  }
  if (skipped === 'hole') {
    generation.drained_at_ms = performance.now();
    if (cursor.hole_bytes > 0) tail.changed();
    return closeIfOver(tail, generation);
  }
  const { offset, unfinished, overlap_bytes: start } = cursor;
  const over = atEnd && tail.isClosing && generation.isQuiet(tail.files.second);
  const bytes = chunk.subarray(0, length);
  const tookAll = tail.take(bytes, start, over);
  crashPoint('tail.read');
  if (cursor.offset > offset) tail.unfinished.begins();
  const at = start + cursor.offset - offset;
  const tookPiece = atEnd && tookAll && !over ? takePiece(tail, bytes, at, unfinished) : true;
  const rest = bytes.subarray(start + cursor.offset - offset);
  cursor.keepUnfinished(atEnd && rest.length > 0 ? Buffer.from(rest) : null);
  if (!atEnd || !tookAll || !tookPiece) return true;
  if (rest.length > 0 && unfinished?.equals(rest) !== true) tail.changed();
  generation.drained_at_ms = performance.now();
  if (rest.length === 0 && tail.files.second === undefined) tail.stream!.caughtUp();
  const goesOn = closeIfOver(tail, generation);
  tail.files.releaseCopies();
  return goesOn;
}

/**
 * Makes a row of bytes[at…], which are no whole line, once they have waited long enough for its end.
 * @param before the bytes that waited at the last read
 * @returns false if the spool takes nothing now
 */
function takePiece(tail: LogTail, bytes: Buffer, at: number, before: Buffer | null): boolean {
  const { unfinished } = tail;
  if (at === bytes.length) {
    unfinished.rests();
    return true;
  }
  if (!unfinished.waits(before?.equals(bytes.subarray(at)) !== true)) return true;
  if (!tail.takePiece(bytes, at)) return false;
  unfinished.offered();
  return true;
}

/**
 * @returns as `FileCursor.read`: -1 when the file was truncated since it was read, copied, or copied aside
 */
function readInto(chunk: Buffer, { files }: LogTail, generation: Generation): number {
  const { aside, cursor } = generation;
  if (aside !== null) {
    if (aside.isCut(chunk)) return -1;
    if (generation.place !== 'live' || !aside.isAheadOf(cursor)) files.dropAside(generation);
  }
  const copy = files.firstCopyOf(generation);
  return copy && generation.isTruncatedSince(copy.pin) ? -1 : cursor.read(chunk);
}

/** Continues with the next file, or ends the stream, once this one can grow no more. */
function closeIfOver(tail: LogTail, generation: Generation): boolean {
  const { cursor } = generation;
  const isOver = tail.isClosing && (generation.isLate || generation.isQuiet(tail.files.second));
  if (!isOver || cursor.unfinished !== null) return false;
  return !tail.tellHole(cursor) || !tail.reserve() || tail.close();
}
