import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { FilePlace, Generation, StreamStart } from './generation.ts';
import type { FreshFile } from './log_files.ts';
import type { LogTail } from './log_tail.ts';
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
  fresh: FreshFile | null;
}

export interface Folder {
  path: string;
  /** What tells it from another folder of that path; null when there is none. */
  identity: string | null;
  /** Whether it is still the one that was identified. */
  isStill: () => boolean;
}

/** The chain may move while it is looked at; it is looked at again until nothing moved, this often at most. */
const LOOKS_MAX = 5;

/**
 * Brings a tail up to date with its names in the folder: pins what is new, tells each generation where it stands,
 * lets go of what lost its name and is done with.
 * @param list reads this log's names in the folder, oldest first
 * @returns `isStill` false: the chain kept moving, look again soon; `hasNews`: there may be something to read
 */
export function lookAtChain(
  tail: LogTail,
  folder: Folder,
  list: () => ChainName[],
  pins: Pins,
): { isStill: boolean; hasNews: boolean } {
  // What two looks in a row see the same is how it is: a rotation between two names of one look shows.
  let last = tail.lastLook;
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const seen = see(tail, folder.path, list(), pins);
    const now = seen.map(({ age, file }) => `${age}:${file.inode}:${file.born}`).join();
    if (now === last) {
      if (looks === 0 && tail.files.placeless.length === 0)
        return { isStill: true, hasNews: hasNews(tail, seen) };
      if (!folder.isStill()) break;
      place(tail, seen);
      const isOther = isAnotherFolder(tail, folder);
      tail.foundIn(folder.identity ?? tail.folder);
      adopt(tail, seen, isOther);
      tail.looked(now);
      return { isStill: true, hasNews: true };
    }
    last = now;
  }
  tail.looked(null);
  return { isStill: false, hasNews: true };
}

function hasNews(tail: LogTail, seen: Seen[]): boolean {
  const { first, newest } = tail.files;
  const isNews = (of: Generation | undefined, { file, size }: Seen): boolean =>
    of !== undefined && sameFile(file, of.pin) && size !== of.known.size;
  return seen.some((one) => isNews(first, one) || isNews(newest, one));
}

/** What of a chain is there, oldest first; what is not known yet is pinned. */
function see(tail: LogTail, folder: string, names: ChainName[], pins: Pins): Seen[] {
  const seen: Seen[] = [];
  let unknown = names;
  // A log that is seen for the first time may be gone in a millisecond: link first, look afterwards.
  const { first, placeless } = tail.files;
  if (tail.stream !== null || first !== undefined || placeless.length > 0) {
    // The newest first: what is known has lost its name by the time that something older is pinned, or it has not.
    unknown = names.toReversed().filter(({ name, age }) => {
      const stats = lstatSync(join(folder, name), { bigint: true, throwIfNoEntry: false });
      if (!stats?.isFile()) return false;
      const one = recognise(tail, identityOf(stats), age, Number(stats.size));
      if (one !== null) seen.push(one);
      return one === null;
    });
    unknown.reverse();
  }
  for (const { name, age } of unknown) {
    const pin = pins.take(tail.sandbox, tail.log, join(folder, name), age);
    if (pin === null) continue;
    const known = recognise(tail, pin, age, 0);
    if (known) pins.release(pin);
    seen.push(known ?? { age, file: pin, size: 0, fresh: tail.files.meet(pin, age) });
  }
  return markFresh(
    tail,
    seen.sort((a, b) => b.age - a.age),
  );
}

function recognise(tail: LogTail, file: FileIdentity, age: number, size: number): Seen | null {
  const fresh = tail.files.placeless.find(({ pin }) => sameFile(pin, file)) ?? null;
  return fresh !== null || tail.files.knows(file) ? { age, file, size, fresh } : null;
}

/**
 * What a look sees together says how files belong together; a moment later some may be gone. A rename puts what is new
 * before what is known, so what appears behind a known file was copied from one.
 */
function markFresh(tail: LogTail, seen: Seen[]): Seen[] {
  const newestKnown = Math.min(...seen.filter((one) => one.fresh === null).map((one) => one.age));
  const newest = tail.files.newest?.pin;
  const isLinked = seen.some(({ file, fresh }) => fresh?.isLinked || (newest && sameFile(file, newest)));
  for (const { fresh, age } of seen) {
    if (fresh === null) continue;
    fresh.isCopy = age > newestKnown;
    fresh.isLinked ||= isLinked;
  }
  // They were pinned as their names were read, while the chain moved.
  tail.files.sawFresh(seen.flatMap(({ fresh }) => fresh ?? []));
  return seen;
}

const isAnotherFolder = (tail: LogTail, { identity }: Folder): boolean =>
  tail.folder !== null && identity !== null && tail.folder !== identity;

/** Tells the files that the tail knows where their names are now. */
function place({ files }: LogTail, seen: Seen[]): void {
  files.place((file) => {
    const one = seen.find((other) => sameFile(other.file, file));
    return one === undefined ? 'gone' : one.age === 0 ? 'live' : 'rotated';
  });
}

/** Puts the files that are new where they belong: behind what is being read, or aside as copies. */
function adopt(tail: LogTail, seen: Seen[], isOther: boolean): void {
  const { files } = tail;
  const { newest, placeless } = files;
  const hasNothing = newest === undefined && (tail.stream === null || tail.sealed !== null);
  const oldIsInChain = newest === undefined ? files.hasKept : newest.place !== 'gone';
  const hasChain = seen.some((one) => one.age > 0);
  const isAnotherFile = !oldIsInChain && !hasChain;
  // It may have been made again after it was identified, and before it was listed.
  const isNewFolder = isOther && seen.every((one) => one.fresh !== null);
  // What is read next decides: a copy that was seen beside its original says nothing of a file that came later.
  const isLinked = oldIsInChain || placeless.find((fresh) => !fresh.isCopy)?.isLinked === true;
  let starts: StreamStart = null;
  if (hasNothing) starts = tail.stream === null ? 'first' : 'recreated';
  else if (!isLinked && (isNewFolder || isAnotherFile)) starts = 'recreated';
  let isAfterGap = starts === null && !isLinked;
  const enqueue = (pin: Pin, where: FilePlace): void => {
    tail.enqueue(pin, starts, where, { isAfterGap });
    starts = null;
    isAfterGap = false;
  };
  // Pinned, and gone again before its name was read: older than what has a name now.
  let hasGone = false;
  for (const fresh of placeless) {
    if (seen.some((one) => one.fresh === fresh)) continue;
    // Where no look saw both names, only the content is left to tell; consoles of two lives may be the same, but a copy
    // has an older name from the start.
    if (fresh.isCopy || (fresh.age > 0 && newest?.isCopiedBy(fresh.pin))) {
      tail.keepCopy(fresh.pin, performance.now());
      continue;
    }
    enqueue(fresh.pin, 'gone');
    hasGone = true;
  }
  // Without a chain they were not rotated away: what has their name now is another life.
  if (hasGone) starts = isNewFolder || !hasChain ? 'recreated' : null;
  for (const { fresh, age } of seen) {
    // Two names may be one file: a hard link.
    if (fresh === null || files.knows(fresh.pin)) continue;
    if (fresh.isCopy) tail.keepCopy(fresh.pin, null);
    else enqueue(fresh.pin, age === 0 ? 'live' : 'rotated');
  }
  files.placedFresh();
  if (files.newest !== newest) tail.changed();
}
