import { crashPoint } from '../base/crash_point.ts';
import { isRefused, reasonOf } from '../base/errors.ts';
import { BUSY, CUT } from './file_cursor.ts';
import type { Generation } from './generation.ts';
import { giveUp, type LetGo } from './let_go.ts';
import type { LogTail } from './log_tail.ts';
import { firstRun, isLongRun, skipNuls } from './nuls.ts';
import { notSeen, ReadFailure } from './read_failure.ts';
import { copyAside, findsTruncationBehindCopy, truncated } from './truncation.ts';

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

/** Reasons of the gap row of a file that can never be read again. */
const UNPINNED = 'its pin was removed, and it had no other name: nobody knows what was not read of it';
const TAKEN_AWAY =
  'it was deleted, and its file system takes deleted files away from an open descriptor: nobody knows what was not read of it';

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
    throw new ReadFailure(reason, tail.failed(reason), error);
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
    const reason = `${why.reason}; it could not be read: ${reasonOf(error)}`;
    giveUp(tail, first, { ...why, reason, kept_bytes: 0 });
  }
}

/**
 * @param why if given, the file is let go of, and its bytes become no rows
 * @returns whether there is more to do at once
 */
function step(tail: LogTail, generation: Generation, chunk: Buffer, why: LetGo | null = null): boolean {
  try {
    return advance(tail, generation, chunk, why);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    return lost(tail, generation, error);
  }
}

function advance(tail: LogTail, generation: Generation, chunk: Buffer, why: LetGo | null): boolean {
  tail.beginIfOver();
  const { cursor } = generation;
  const isHole = cursor.skipsHole;
  const mayRest = generation.aside === null && cursor.unfinished === null;
  if (mayRest && cursor.isUntouched() && !isOver(tail, generation)) return atFileEnd(tail, generation);
  const searches = cursor.nuls.isAmid && (why === null || isHole);
  const to = searches ? chunk.subarray(0, cursor.nuls.recheck_bytes) : chunk;
  const length = readInto(to, tail, generation, why !== null);
  if (length === BUSY) return true;
  if (length === CUT) return truncated(tail, generation, why !== null);
  if (searches) {
    cursor.nuls.search(chunk, length);
    return behindNuls(tail, generation);
  }
  const atEnd = length < chunk.length;
  const { offset, unfinished, overlap_bytes: start } = cursor;
  if (isHole) return passHole(tail, generation, chunk.subarray(start, length), atEnd);
  if (why !== null) {
    giveUp(tail, generation, why);
    return false;
  }
  const run = firstRun(chunk, start, length);
  const isLast = atEnd && isOver(tail, generation);
  // NULs at the end of a file that may grow are no content yet. One that is away may come back and grow.
  const isOpen = run?.to === length && (!isLast || tail.isAway);
  const isLong = run !== null && isLongRun(run.to - run.from);
  const ownRow = isLong && !isOpen ? run.to - run.from : 0;
  const bytes = chunk.subarray(0, isOpen || isLong ? run!.from : length);
  const tookAll = tail.take(bytes, start, isLast || ownRow > 0);
  crashPoint('tail.read');
  if (ownRow > 0) {
    if (tookAll && tail.reserve()) tail.nuls(cursor, ownRow);
    return true;
  }
  if (cursor.offset > offset) tail.unfinished.begins();
  const at = start + cursor.offset - offset;
  const isAll = tookAll && (atEnd || (isOpen && cursor.offset === offset));
  const tookPiece = isAll && !isLast ? takePiece(tail, bytes, at, unfinished) : true;
  const rest = bytes.subarray(start + cursor.offset - offset);
  cursor.keepUnfinished(isAll && rest.length > 0 ? Buffer.from(rest) : null);
  if (!isAll || !tookPiece) return true;
  if (rest.length > 0 && unfinished?.equals(rest) !== true) tail.changed();
  cursor.nuls.saw(isOpen ? run.to - run.from : 0, atEnd);
  return atEnd ? atFileEnd(tail, generation) : behindNuls(tail, generation);
}

/** A file that was truncated begins with these bytes: they may be a hole, and content behind it. */
function passHole(tail: LogTail, generation: Generation, bytes: Buffer, atEnd: boolean): boolean {
  const { cursor } = generation;
  const nuls = skipNuls(bytes, 0, bytes.length);
  if (nuls < bytes.length) {
    cursor.endHole(nuls);
    return true;
  }
  cursor.nuls.saw(nuls, atEnd);
  // An empty file has no hole yet.
  return nuls === 0 ? atFileEnd(tail, generation) : behindNuls(tail, generation);
}

/** Deals with the NULs behind the content, unless their end is still searched for. */
function behindNuls(tail: LogTail, generation: Generation): boolean {
  const { cursor } = generation;
  if (cursor.nuls.end === null) return true;
  if (cursor.nuls.end === 'file') {
    if (cursor.nuls.areStale()) {
      // What came before the search began was found, if it was content.
      generation.drained_at_ms = cursor.nuls.seen_at_ms;
      cursor.nuls.forget();
      return true;
    }
    if (tail.isAway || !isOver(tail, generation)) return atFileEnd(tail, generation, cursor.nuls.seen_at_ms);
  }
  if (cursor.skipsHole) cursor.endHole(cursor.nuls.bytes);
  else if (tail.takeUnfinished(generation) && tail.reserve()) tail.nuls(cursor, cursor.nuls.bytes);
  return true;
}

/** All of the content that the file had then is read. @param at_ms on the monotonic clock */
function atFileEnd(tail: LogTail, generation: Generation, at_ms = performance.now()): boolean {
  generation.drained_at_ms = at_ms;
  if (generation.cursor.unfinished === null && tail.files.second === undefined) tail.stream!.caughtUp();
  const goesOn = closeIfOver(tail, generation);
  tail.files.releaseCopies();
  return goesOn;
}

/** Whether no more of the file is waited for. */
const isOver = (tail: LogTail, generation: Generation): boolean =>
  tail.isClosing && (generation.isLate || generation.isQuiet(tail.files.second));

/**
 * A pin is not there any more. The look makes it again if the file still has a name; else nothing keeps it.
 * @returns whether there is more to do at once
 */
function lost(tail: LogTail, generation: Generation, error: unknown): boolean {
  // Else it is a copy's: the look gives that up.
  const isIt = !tail.owner.hasPin(generation.pin);
  tail.owner.lookForPins();
  const failure = tail.owner.lookFor(tail);
  if (failure !== null) throw notSeen(failure);
  if (!isIt) throw error;
  if (tail.files.first !== generation || tail.owner.hasPin(generation.pin)) return true;
  if (generation.place !== 'gone' && !generation.isWhole) throw error;
  if (!tail.takeUnfinished(generation) || !tail.reserve()) return false;
  return tail.closeLost(generation.pin.fd === null ? UNPINNED : TAKEN_AWAY);
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
 * @returns as `FileCursor.read`: `CUT` if the file was truncated since it was read, copied, or copied aside
 */
function readInto(chunk: Buffer, tail: LogTail, generation: Generation, mustGoOn: boolean): number {
  const { files } = tail;
  const { aside, cursor } = generation;
  if (aside !== null) {
    const length = aside.look(chunk);
    if (length < 0) return length;
    if (generation.place !== 'live' || !aside.isAheadOf(cursor)) files.dropAside(generation);
  }
  if (findsTruncationBehindCopy(tail, generation, mustGoOn)) return CUT;
  // The look found a file that goes on, and is read before this one.
  return files.first === generation ? cursor.read(chunk, isOver(tail, generation)) : BUSY;
}

/** Continues with the next file, or ends the stream, once this one can grow no more. */
function closeIfOver(tail: LogTail, generation: Generation): boolean {
  const { cursor } = generation;
  if (!isOver(tail, generation) || cursor.unfinished !== null) return false;
  if (cursor.nuls.bytes > 0 && !tail.isAway) return false;
  return !tail.reserve() || tail.close();
}
