import { crashPoint } from '../base/crash_point.ts';
import { isRefused, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { Aside } from './aside.ts';
import { BUSY, CUT, FileCursor } from './file_cursor.ts';
import { type FilePlace, Generation, type StreamStart } from './generation.ts';
import type { LogTail } from './log_tail.ts';
import { type Pin, statOf } from './pins.ts';
import { notSeen } from './read_failure.ts';
import type { Remains } from './remains.ts';

/**
 * Copies aside the new bytes of a log's files that cannot be read yet.
 * @param first where they begin in the queue
 * @returns whether there is more to copy at once
 */
export function copyAside(tail: LogTail, chunk: Buffer, first: number): boolean {
  let more = false;
  tail.lacksCopy = false;
  for (const generation of tail.files.unread.slice(first)) {
    if (generation.place === 'live') more = follow(tail, generation, chunk) || more;
    else if (generation.aside !== null) more = leave(tail, generation, chunk) || more;
  }
  return more;
}

function follow(tail: LogTail, generation: Generation, chunk: Buffer): boolean {
  tail.beginIfOver();
  // The next agent must know what a copy is a copy of, and after which truncation it was made.
  if (!tail.saveIfMust()) {
    tail.lacksCopy = true;
    return false;
  }
  // Else the copy aside would begin with new content, and hide that the older one is in a copy only.
  let isCut: boolean;
  try {
    isCut = findsTruncationBehindCopy(tail, generation);
  } catch (error) {
    if (!isRefused(error)) throw error;
    tail.lacksCopy = true;
    return false;
  }
  if (isCut) return truncated(tail, generation);
  generation.aside ??= new Aside(generation.cursor);
  const { aside } = generation;
  if (aside.copied_bytes >= tail.owner.room.share) {
    const some = chunk.subarray(0, limits.parse.line_bytes_max + limits.tail.overlap_bytes);
    const length = aside.look(some);
    return length === BUSY || (length === CUT && truncated(tail, generation));
  }
  const followed = aside.follow(chunk, tail.owner.room, (from) =>
    tail.owner.makeAside(tail, generation, from),
  );
  if (followed === 'cut') return truncated(tail, generation);
  if (followed === 'all' && aside.uncopiedOf(generation.cursor) > 0) tail.lacksCopy = true;
  return followed === 'more';
}

/** Hardly a file is copied, truncated and written again so soon after a look that saw no copy. */
const FRESH_LOOK_MS = 20;

/**
 * Whether a file of which nothing is known was truncated after somebody had copied it. The copy may have come
 * since the last look at the folder: that is looked at again before anything of the file is read.
 * @param mustGoOn even if the folder could not be looked at
 * @throws why the folder could not be looked at
 */
export function findsTruncationBehindCopy(tail: LogTail, generation: Generation, mustGoOn = false): boolean {
  if (!generation.isUnread) return false;
  if (tail.sinceLook_ms > FRESH_LOOK_MS && statOf(generation.pin).size > 0) {
    const failure = tail.owner.lookFor(tail);
    if (!mustGoOn && failure !== null && mayBeCopied(tail, generation)) throw notSeen(failure);
  }
  const copy = tail.files.firstCopyOf(generation);
  return copy !== undefined && generation.isTruncatedSince(copy.pin);
}

/**
 * Whether a look that failed may have missed a copy, or has seen one and not given it its place. A file that
 * cannot be looked for does not keep another one from being read for long.
 */
function mayBeCopied({ files }: LogTail, generation: Generation): boolean {
  if (generation.placed_for_ms < limits.tail.quiet_ms) return true;
  return files.fresh.some(({ pin, age }) => age > 0 && generation.isTruncatedSince(pin));
}

/** The file has lost its name: nobody truncates it any more. */
function leave(tail: LogTail, generation: Generation, chunk: Buffer): boolean {
  const length = generation.aside!.look(chunk);
  if (length < 0) return length === BUSY || truncated(tail, generation);
  tail.files.dropAside(generation);
  return false;
}

/**
 * Handles a file of the queue that lost its content: to a copy that was made first, or to a restart of the
 * console, which truncates the file or writes over it.
 * @param mustGoOn even if the folder could not be looked at
 * @returns whether that is done; else the next look or read finds the truncation again
 * @throws why the folder could not be looked at
 */
export function truncated(tail: LogTail, generation: Generation, mustGoOn = false): boolean {
  const { files } = tail;
  const known = files.copyCount;
  const failure = tail.owner.lookFor(tail);
  // The folder may hold a copy of what the file held: only a look can tell.
  if (!mustGoOn && failure !== null) throw notSeen(failure);
  // A file that a doubtful look pinned has no place yet, and may be the copy: the next look decides.
  if (!mustGoOn && tail.lastLook === null && files.fresh.length > 0) return false;
  tail.beginIfOver();
  const { copies, stale } = files.takeCopiesOf(generation, known);
  for (const pin of stale) {
    // The number marks the pin as completely read for the next agent.
    tail.rename({ pin, number: files.first!.number, isAfterGap: false }, tail.stream!.started);
    files.keep(pin);
  }
  if (copies.length > 0) {
    const copied = copies.map(({ pin, gone_at_ms }, index) => {
      const place = gone_at_ms === null ? 'rotated' : 'gone';
      const copy = index === 0 ? generation.copiedTo(pin, place) : fromHole(generation, pin, null, place);
      copy.cursor.keepUnfinished(null);
      copy.isWhole = true;
      return copy;
    });
    // Nothing of the former content is left behind the new one, which is as long: it was truncated.
    const left = remainsOf(generation);
    const remains = left?.isUnsureTo(left.size) ? null : left;
    const again = againOf(generation, remains, remains && 'truncated');
    files.dropAside(generation);
    replace(tail, generation, [...copied, again]);
    return true;
  }
  if (generation.pin.isAside) return giveUpRest(tail, generation);
  if (generation !== files.first || generation.aside?.isAheadOf(generation.cursor))
    return standIn(tail, generation);
  return endHere(tail, generation);
}

/** The content of its file after the truncation, or from a writer that started over without one. */
function againOf(generation: Generation, remains: Remains | null, starts: 'truncated' | null): Generation {
  const { pin, number, place, cuts } = generation;
  const again =
    remains === null
      ? fromHole(generation, pin, starts, place)
      : new Generation(new FileCursor(pin, { content: remains }), 0, starts, place);
  again.number = number;
  again.cuts = cuts + 1;
  return again;
}

const remainsOf = ({ aside, cursor }: Generation): Remains | null => aside?.cursor.remains ?? cursor.remains;

/**
 * A file from its start on, which may be a hole: that of the writer who wrote what is known of `before`. So
 * it is not shorter than that.
 */
function fromHole(before: Generation, pin: Pin, starts: StreamStart, place: FilePlace): Generation {
  const hole_from = before.known.writtenTo;
  return new Generation(new FileCursor(pin, { skips_hole: true, hole_from }), 0, starts, place);
}

/** The copy aside is read when its turn comes, then the file's new content. */
function standIn(tail: LogTail, generation: Generation): boolean {
  const aside = generation.aside ?? new Aside(generation.cursor);
  try {
    aside.pin ??= tail.owner.makeAside(tail, generation, 0);
  } catch (error) {
    tail.owner.room.failed(reasonOf(error));
    tail.lacksCopy = true;
    return false;
  }
  const copy = generation.copiedTo(aside.pin, 'gone');
  const again = againOf(generation, remainsOf(generation), 'truncated');
  again.uncopied_bytes = aside.uncopiedOf(generation.cursor);
  generation.aside = null;
  replace(tail, generation, [copy, again]);
  return true;
}

/** The first file was truncated, and all that was seen of it is read: its stream ends. */
function endHere(tail: LogTail, generation: Generation): boolean {
  // If not all can be taken now, the next read finds the truncation again.
  if (!tail.takeUnfinished(generation) || !tail.reserve()) return false;
  const again = againOf(generation, remainsOf(generation), 'truncated');
  again.uncopied_bytes = generation.aside?.uncopiedOf(generation.cursor) ?? 0;
  tail.endTruncated(again);
  return true;
}

/** Puts others in the place of a file in the queue. */
export function replace(tail: LogTail, generation: Generation, by: Generation[]): void {
  const at = tail.files.replace(generation, by);
  const isAhead = at > 0 || by[0]!.pin.isAside === true;
  tail.changed();
  tail.mustSave();
  // The next agent would find the truncation again; but pins must not have names that no state explains.
  if (isAhead && !tail.save()) return;
  const { unread } = tail.files;
  let stream = tail.stream!.started;
  const names = unread.map(({ started }, index) => {
    if (index > 0 && started !== null) stream = started;
    return stream;
  });
  // The newest first: a copy is known by its name until its original has its new number.
  for (const [index, next] of [...unread.entries()].toReversed()) {
    tail.rename(next, names[index]!);
    if (index >= at + by.length && next.aside?.pin) tail.renumberAside(next.aside.pin, next.number);
  }
  crashPoint('tail.replaced');
}

/** The copy aside holds less than it should, and all that is left of it is read. */
function giveUpRest(tail: LogTail, generation: Generation): boolean {
  if (!tail.takeUnfinished(generation) || !tail.reserve()) return false;
  tail.close();
  return true;
}
