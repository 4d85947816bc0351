import type { BigIntStats } from 'node:fs';
import type { OpenFolder } from '../base/open_folder.ts';
import type { FilePlace, Generation, StreamStart } from './generation.ts';
import type { WatchedFolder } from './last_sight.ts';
import type { FreshFile } from './log_files.ts';
import type { LogTail } from './log_tail.ts';
import { type ChainName, type FileIdentity, identityOf, type Pin, type Pins, sameFile } from './pins.ts';

interface Seen {
  age: number;
  file: FileIdentity;
  size: number;
  /** Set for a file that has no place in its log yet. */
  fresh: FreshFile | null;
}

export interface Folder {
  /** Null when there is no folder. */
  open: OpenFolder | null;
  /** Differs from that of any other folder at this path; null when there is no folder. */
  identity: string | null;
  /** Whether the folder at this path is still the same. */
  isStill: () => boolean;
  /** Its watch was in place before the look. */
  watched: WatchedFolder | null;
}

/** The chain may move during a look. Looks are repeated until two see the same, this often at most. */
const LOOKS_MAX = 5;

/**
 * Brings a tail up to date with the names in its folder: pins new files, tells each file where its name is
 * now, and releases files that are done with and have lost their name.
 * @param list reads this log's names in the folder, oldest first
 * @returns `isStill` false: the chain kept moving, look again soon; `hasNews`: there may be something to read
 */
export function lookAtChain(
  tail: LogTail,
  folder: Folder,
  list: () => ChainName[],
  pins: Pins,
): { isStill: boolean; hasNews: boolean } {
  // One look may see a rotation half done; two equal looks in a row did not.
  let last = tail.lastLook;
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const names = list();
    const seen = see(tail, folder.open, names, pins);
    tail.sights.saw(seen, names, folder.watched);
    const now = seen.map(({ age, file }) => `${age}:${file.inode}:${file.born}`).join();
    if (now === last) {
      if (looks === 0 && tail.files.fresh.length === 0)
        return { isStill: true, hasNews: hasNews(tail, seen) };
      if (!folder.isStill()) break;
      // All that the system may refuse comes first: what follows is done whole.
      const copies = copiesAmong(tail, seen);
      place(tail, seen);
      const isOther = isAnotherFolder(tail, folder);
      tail.foundIn(folder.identity ?? tail.folder);
      adopt(tail, seen, isOther, copies);
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

/**
 * The files of a chain, oldest first. Pins those that are new.
 * @throws the system's error about one of them, once the others are pinned
 */
function see(tail: LogTail, folder: OpenFolder | null, names: ChainName[], pins: Pins): Seen[] {
  const seen: Seen[] = [];
  let unknown = names;
  let failure: unknown = null;
  // A new log may be gone in a millisecond: its files are linked first, and identified afterwards.
  const { first, fresh } = tail.files;
  if (tail.stream !== null || first !== undefined || fresh.length > 0) {
    // Newest first: a rotation in the meantime moves a file to a name that is still to come, so the loop sees
    // each file that was there at its start.
    unknown = names.toReversed().filter(({ name, age }) => {
      let stats: BigIntStats | undefined;
      try {
        stats = folder?.lstat(name);
      } catch (error) {
        failure ??= error;
      }
      if (!stats?.isFile()) return false;
      const one = recognise(tail, identityOf(stats), age, Number(stats.size));
      if (one !== null) seen.push(one);
      return one === null;
    });
    unknown.reverse();
  }
  for (const one of unknown) {
    const { age } = one;
    let pin: Pin | null = null;
    try {
      pin = folder && pins.take(tail.sandbox, tail.log, folder, one);
    } catch (error) {
      failure ??= error;
    }
    if (pin === null) continue;
    const known = recognise(tail, pin, age, 0);
    if (known) pins.release(pin);
    seen.push(known ?? { age, file: pin, size: 0, fresh: tail.files.meet(pin, age) });
  }
  markFresh(
    tail,
    seen.sort((a, b) => b.age - a.age),
  );
  if (failure !== null) throw failure;
  return seen;
}

function recognise(tail: LogTail, file: FileIdentity, age: number, size: number): Seen | null {
  const fresh = tail.files.fresh.find(({ pin }) => sameFile(pin, file)) ?? null;
  return fresh !== null || tail.files.knows(file) ? { age, file, size, fresh } : null;
}

/**
 * Notes for new files which files the same look saw; a moment later some may be gone. A rotation gives a new
 * file a newer name than the known ones, so a new file with an older name than a known one is a copy.
 */
function markFresh(tail: LogTail, seen: Seen[]): void {
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

/**
 * New files without a name that are copies. If no look saw both names, only the content can tell. Consoles of
 * two lives may hold the same, but a copy has an older name from the start.
 */
function copiesAmong({ files }: LogTail, seen: Seen[]): Set<FreshFile> {
  const gone = files.fresh.filter((fresh) => !seen.some((one) => one.fresh === fresh));
  return new Set(gone.filter((one) => one.isCopy || (one.age > 0 && files.newest?.isCopiedBy(one.pin))));
}

/** Puts new files in their place: into the queue behind the known files, or among the copies. */
function adopt(tail: LogTail, seen: Seen[], isOther: boolean, copies: Set<FreshFile>): void {
  const { files } = tail;
  const { newest } = files;
  const hasNothing = newest === undefined && (tail.stream === null || tail.sealed !== null);
  const oldIsInChain = newest === undefined ? files.hasKept : newest.place !== 'gone';
  const hasChain = seen.some((one) => one.age > 0);
  const isAnotherFile = !oldIsInChain && !hasChain;
  // The folder may have been made again between its identification and its listing.
  const isNewFolder = isOther && seen.every((one) => one.fresh !== null);
  // The file that is read next decides: a copy beside its original proves nothing about a later file.
  const isLinked = oldIsInChain || files.fresh.find((fresh) => !fresh.isCopy)?.isLinked === true;
  let starts: StreamStart = null;
  if (hasNothing) starts = tail.stream === null ? 'first' : 'recreated';
  else if (!isLinked && (isNewFolder || isAnotherFile)) starts = 'recreated';
  let isAfterGap = starts === null && !isLinked;
  const enqueue = ({ pin, before }: FreshFile, where: FilePlace): void => {
    const isBehindAny = files.newest !== undefined && !(isLinked && files.newest === newest);
    tail.enqueue(pin, starts, where, { isAfterGap, before: isBehindAny ? before : null });
    starts = null;
    isAfterGap = false;
  };
  // Files that lost their name after they were pinned are older than those that have one now.
  let hasGone = false;
  for (const fresh of files.fresh) {
    if (seen.some((one) => one.fresh === fresh)) continue;
    if (copies.has(fresh)) {
      tail.keepCopy(fresh.pin, performance.now());
      continue;
    }
    enqueue(fresh, 'gone');
    hasGone = true;
  }
  // Without a chain they were not rotated away: the file that has their name now is another life.
  if (hasGone) starts = isNewFolder || !hasChain ? 'recreated' : null;
  for (const { fresh, age } of seen) {
    // Two names may be hard links to one file.
    if (fresh === null || files.knows(fresh.pin)) continue;
    if (fresh.isCopy) tail.keepCopy(fresh.pin, null);
    else enqueue(fresh, age === 0 ? 'live' : 'rotated');
  }
  files.placedFresh();
  if (files.newest !== newest) tail.changed();
}
