import { crashPoint } from '../base/crash_point.ts';
import { reasonOf } from '../base/errors.ts';
import { Aside } from './aside.ts';
import { FileCursor } from './file_cursor.ts';
import { type FilePlace, Generation, type StreamStart } from './generation.ts';
import type { LogTail } from './log_tail.ts';
import type { Pin } from './pins.ts';

/**
 * Copies aside what a log's files hold that cannot be read yet, from place `first` of its queue on.
 * @returns whether there is more to copy at once
 */
export function copyAside(tail: LogTail, chunk: Buffer, first: number): boolean {
  let more = false;
  for (const generation of tail.files.unread.slice(first)) {
    if (generation.place === 'live') more = follow(tail, generation, chunk) || more;
    else if (generation.aside !== null) more = leave(tail, generation, chunk) || more;
  }
  return more;
}

function follow(tail: LogTail, generation: Generation, chunk: Buffer): boolean {
  tail.beginIfOver();
  // The state must know what is copied: whose copy another copy is, and after which truncation.
  if (!tail.saveIfMust()) return false;
  generation.aside ??= new Aside(generation.cursor);
  const followed = generation.aside.follow(chunk, tail.owner.room, (from) =>
    tail.owner.makeAside(tail, generation, from),
  );
  return followed === 'cut' ? truncated(tail, generation) : followed === 'more';
}

/** It has lost its name: nobody truncates it any more. */
function leave(tail: LogTail, generation: Generation, chunk: Buffer): boolean {
  if (generation.aside!.isCut(chunk)) return truncated(tail, generation);
  tail.files.dropAside(generation);
  return false;
}

/**
 * A file of the queue lost its content: by a copy that was made first, or by a restart of the console.
 * @param mustGoOn even if the folder could not be looked at
 * @returns whether that is dealt with; else the next look or read finds it again
 */
export function truncated(tail: LogTail, generation: Generation, mustGoOn = false): boolean {
  const { files } = tail;
  const known = files.copyCount;
  tail.owner.look();
  // What a look pinned that could not be trusted has no place yet, and may be the copy: the next look tells.
  if (!mustGoOn && tail.lastLook === null && files.placeless.length > 0) return false;
  tail.beginIfOver();
  const { copies, stale } = files.takeCopiesOf(generation, known);
  for (const pin of stale) {
    // Its number says that it is done with.
    tail.rename({ pin, number: files.first!.number, isAfterGap: false }, tail.stream!.started);
    files.keep(pin);
  }
  if (copies.length > 0) {
    const copied = copies.map(({ pin, gone_at_ms }, index) => {
      const place = gone_at_ms === null ? 'rotated' : 'gone';
      const copy = index === 0 ? generation.copiedTo(pin, place) : fromHole(pin, null, place);
      copy.cursor.keepUnfinished(null);
      copy.isWhole = true;
      return copy;
    });
    files.dropAside(generation);
    replace(tail, generation, [...copied, againOf(generation, null)]);
    return true;
  }
  if (generation.pin.isAside) return giveUpRest(tail, generation);
  if (generation !== files.first || generation.aside?.isAheadOf(generation.cursor))
    return standIn(tail, generation);
  return endHere(tail, generation);
}

/** What its file holds now. */
function againOf({ pin, number, place, cuts }: Generation, starts: 'truncated' | null): Generation {
  const again = fromHole(pin, starts, place);
  again.number = number;
  again.cuts = cuts + 1;
  return again;
}

/** A file, or what a truncation left of it, from its start on: where there may be a hole. */
const fromHole = (pin: Pin, starts: StreamStart, place: FilePlace): Generation =>
  new Generation(new FileCursor(pin, { skips_hole: true }), 0, starts, place);

/** What was copied aside is read when its turn comes, then what the file holds now. */
function standIn(tail: LogTail, generation: Generation): boolean {
  const aside = generation.aside ?? new Aside(generation.cursor);
  try {
    aside.pin ??= tail.owner.makeAside(tail, generation, 0);
  } catch (error) {
    tail.owner.room.failed(reasonOf(error));
    return false;
  }
  const copy = generation.copiedTo(aside.pin, 'gone');
  const again = againOf(generation, 'truncated');
  again.uncopied_bytes = aside.uncopiedOf(generation.cursor);
  generation.aside = null;
  replace(tail, generation, [copy, again]);
  return true;
}

/** All that was seen of the first file of the queue is read. */
function endHere(tail: LogTail, generation: Generation): boolean {
  // Where not all can be taken now, the next read finds the truncation again.
  if (!tail.takeUnfinished(generation) || !tail.reserve()) return false;
  const again = againOf(generation, 'truncated');
  again.uncopied_bytes = generation.aside?.uncopiedOf(generation.cursor) ?? 0;
  tail.endTruncated(again);
  return true;
}

/** Puts others in the place of a generation. What is read after it stays behind them. */
function replace(tail: LogTail, generation: Generation, by: Generation[]): void {
  const at = tail.files.replace(generation, by);
  const isAhead = at > 0 || by[0]!.pin.isAside === true;
  tail.changed();
  tail.mustSave();
  // An agent that dies here finds the truncation again; but the names of pins must not tell of what no state knows.
  if (isAhead && !tail.save()) return;
  const { unread } = tail.files;
  let stream = tail.stream!.started;
  const names = unread.map(({ started }, index) => {
    if (index > 0 && started !== null) stream = started;
    return stream;
  });
  // The newest first: until its original has its new number, a copy is known by its name.
  for (const [index, next] of [...unread.entries()].toReversed()) {
    tail.rename(next, names[index]!);
    if (index >= at + by.length && next.aside?.pin) tail.owner.renumberAside(next.aside.pin, next.number);
  }
  crashPoint('tail.replaced');
}

/** What was copied aside holds less than it should: all is read that is left. */
function giveUpRest(tail: LogTail, generation: Generation): boolean {
  if (!tail.takeUnfinished(generation) || !tail.reserve()) return false;
  tail.close();
  return true;
}
