import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, StreamStart } from './generation.ts';
import type { Fresh, LogTail, Sink } from './log_tail.ts';
import { type FileIdentity, identityOf, type Pin, type Pins, sameFile } from './pins.ts';

/** Names of one log in the folder, oldest first: `console.log.2`, `console.log.1`, `console.log`. */
export interface ChainName {
  name: string;
  age: number;
}

interface Seen {
  age: number;
  file: FileIdentity;
  size: number;
  /** Set for a file that has no place in the tail yet. */
  fresh: Fresh | null;
}

/** The chain may move while it is looked at; it is looked at again until nothing moved, this often at most. */
const LOOKS_MAX = 5;

/**
 * Brings a tail up to date with its names in the folder: pins what is new, tells each generation where it stands,
 * lets go of what lost its name and is done with.
 * @param list reads this log's names in the folder, oldest first
 * @param isNewFolder the folder was deleted and made again under the same id
 * @returns `isStill` false: the chain kept moving, look again soon; `hasNews`: there may be something to read
 */
export function lookAtChain(
  tail: LogTail,
  folder: string,
  list: () => ChainName[],
  isNewFolder: boolean,
  pins: Pins,
  sink: Sink,
): { isStill: boolean; hasNews: boolean } {
  // What two looks in a row see the same is how it is: a rotation between two names of one look shows.
  let last = isNewFolder ? null : tail.lastLook;
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const seen: Seen[] = [];
    for (const { name, age } of list()) {
      const one = see(tail, join(folder, name), age, pins);
      if (one) seen.push(one);
    }
    // Decided in the look that saw both: a moment later the folder may be gone.
    if (!isNewFolder) markCopies(seen);
    const now = seen.map(({ age, file }) => `${age}:${file.inode}:${file.born}`).join();
    if (now === last) {
      if (looks === 0 && tail.fresh.length === 0) return { isStill: true, hasNews: hasNews(tail, seen) };
      place(tail, seen, isNewFolder);
      adopt(tail, seen, isNewFolder, sink);
      tail.lastLook = now;
      return { isStill: true, hasNews: true };
    }
    last = now;
  }
  tail.lastLook = null;
  return { isStill: false, hasNews: true };
}

function hasNews(tail: LogTail, seen: Seen[]): boolean {
  const reading = tail.queue[0];
  return (
    reading !== undefined &&
    seen.some(({ file, size }) => sameFile(file, reading.pin) && size !== reading.size)
  );
}

function see(tail: LogTail, path: string, age: number, pins: Pins): Seen | null {
  // A log seen for the first time may be gone in a millisecond: link first, look afterwards.
  if (tail.stream !== null || tail.queue.length > 0 || tail.fresh.length > 0) {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stats?.isFile()) return null;
    const one = recognise(tail, identityOf(stats), age, Number(stats.size));
    if (one) return one;
  }
  const pin = pins.take(tail.sandbox, tail.log, path);
  if (pin === null) return null;
  const known = recognise(tail, pin, age, 0);
  if (known) {
    pins.release(pin);
    return known;
  }
  const fresh = { pin, isCopy: false, isFound: false };
  tail.fresh.push(fresh);
  return { age, file: pin, size: 0, fresh };
}

function recognise(tail: LogTail, file: FileIdentity, age: number, size: number): Seen | null {
  const fresh = tail.fresh.find(({ pin }) => sameFile(pin, file)) ?? null;
  return fresh !== null || tail.knows(file) ? { age, file, size, fresh } : null;
}

/** A rename puts what is new before what is known; what appears behind a known file was copied from one. */
function markCopies(seen: Seen[]): void {
  const newestKnown = Math.min(...seen.filter((one) => one.fresh === null).map((one) => one.age));
  for (const { fresh, age } of seen) if (fresh !== null && age > newestKnown) fresh.isCopy = true;
}

/** Tells the files that the tail knows where they stand now. */
function place(tail: LogTail, seen: Seen[], isNewFolder: boolean): void {
  const placeOf = (file: FileIdentity): Place => {
    const one = isNewFolder ? undefined : seen.find((other) => sameFile(other.file, file));
    return one === undefined ? 'gone' : one.age === 0 ? 'live' : 'rotated';
  };
  for (const generation of tail.queue) generation.stand(placeOf(generation.pin));
  for (const pin of tail.kept.filter((one) => placeOf(one) === 'gone')) {
    tail.kept.splice(tail.kept.indexOf(pin), 1);
    tail.release(pin);
  }
  for (const copy of tail.copies) {
    if (placeOf(copy.pin) !== 'gone') copy.gone_at_ms = null;
    else copy.gone_at_ms ??= performance.now();
  }
  tail.releaseCopies();
}

/** Puts the files that are new where they belong: behind what is being read, or aside as copies. */
function adopt(tail: LogTail, seen: Seen[], isNewFolder: boolean, sink: Sink): void {
  const newest = tail.queue.at(-1);
  const hasNothing = newest === undefined && (tail.stream === null || tail.sealed !== null);
  const oldIsInChain = newest === undefined ? tail.kept.length > 0 : newest.place !== 'gone';
  const hasChain = seen.some((one) => one.age > 0);
  const isAnotherFile = !oldIsInChain && !hasChain;
  let starts: StreamStart = null;
  if (hasNothing) starts = tail.stream === null ? 'first' : 'recreated';
  else if (isNewFolder || isAnotherFile) starts = 'recreated';
  let lost = starts === null && !oldIsInChain ? 1 : 0;
  const enqueue = (pin: Pin, where: Place): void => {
    tail.enqueue(pin, starts, where, tail.nextNumber() + lost);
    starts = null;
    lost = 0;
  };
  // Pinned, and gone again before its name was read: older than what has a name now.
  for (const fresh of tail.fresh) {
    if (seen.some((one) => one.fresh === fresh)) continue;
    const isCopy = fresh.isCopy || (fresh.isFound && tail.queue[0]?.isCopiedBy(fresh.pin));
    if (isCopy) {
      tail.keepCopy(fresh.pin, performance.now());
      continue;
    }
    enqueue(fresh.pin, 'gone');
    // It was not rotated away, for there is no chain: what has its name now is another life.
    if (!hasChain) starts = 'recreated';
  }
  for (const { fresh, age } of seen) {
    // Two names may be one file: a hard link.
    if (fresh === null || tail.knows(fresh.pin)) continue;
    if (fresh.isCopy) tail.keepCopy(fresh.pin, null);
    else enqueue(fresh.pin, age === 0 ? 'live' : 'rotated');
  }
  tail.fresh = [];
  if (tail.queue.at(-1) !== newest) sink.changed(tail);
}
