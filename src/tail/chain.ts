import type { BigIntStats } from 'node:fs';
import { isRefused } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { OpenFolder } from '../base/open_folder.ts';
import { type Facts, type FreshFacts, factsOf, factsOfFresh, type Seen } from './chain_facts.ts';
import { NoDescriptor } from './descriptors.ts';
import { FileCursor, type ReadPoint } from './file_cursor.ts';
import { type FilePlace, type Generation, isInFolder, type StreamStart } from './generation.ts';
import type { WatchedFolder } from './last_sight.ts';
import type { FreshFile } from './log_files.ts';
import type { LogTail } from './log_tail.ts';
import { withoutNulsAtEnd } from './nuls.ts';
import {
  type ChainName,
  type FileIdentity,
  hasOtherName,
  identityOf,
  ownNames,
  type Pin,
  type Pins,
  readAt,
  sameFile,
} from './pins.ts';

export interface Folder {
  /** Null when there is no folder. */
  open: OpenFolder | null;
  /** Differs from that of any other folder at this path; null when there is no folder. */
  identity: string | null;
  /** Whether the folder at this path is still the same. */
  isStill: () => boolean;
  /** Its watch was in place before the look. */
  watched: WatchedFolder | null;
  /** Whether names of logs came or went since the last look at a folder that was there. */
  hasLostNames: boolean;
  /** Each pin must be looked for: the folder of pins was removed or replaced. */
  mayHaveLostPins: boolean;
}

/** The names of one log in its folder. */
export interface Listed {
  /** Oldest first. */
  chain: ChainName[];
  /** Compressed old files. */
  archives: string[];
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
  list: () => Listed,
  pins: Pins,
): { isStill: boolean; hasNews: boolean } {
  // One look may see a rotation half done; two equal looks in a row did not.
  let last = tail.lastLook;
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const { chain, archives } = list();
    const seen = see(tail, folder, chain, pins);
    tail.sights.saw(seen, chain, folder.watched);
    const now = seen.map(({ age, file }) => `${age}:${file.inode}:${file.born}`).join();
    if (now === last) {
      if (looks === 0 && tail.files.fresh.length === 0) {
        const facts = factsOf(tail, seen, folder.open);
        if (tail.files.isSomeOut) place(tail, seen, folder, facts);
        const goesOn = goOn(tail, seen, facts);
        tail.looked(now);
        // The state goes with the pins that `place` released.
        return { isStill: true, hasNews: goesOn || tail.files.isSettling || hasNews(tail, seen) };
      }
      if (!folder.isStill()) break;
      // All that the system may refuse comes first: what follows is done whole.
      const isOther = isAnotherFolder(tail, folder);
      const facts = factsOfFresh(tail, seen, folder.open, isOther, archives);
      place(tail, seen, folder, facts);
      tail.foundIn(folder.identity ?? tail.folder);
      // A file that came back after the end is read before those that have followed it since.
      if (tail.sealed !== null) goOn(tail, seen, facts);
      adopt(tail, seen, isOther, facts);
      goOn(tail, seen, facts);
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
  const isNews = (of: Generation | undefined, { file, size, written_ms }: Seen): boolean =>
    of !== undefined && sameFile(file, of.pin) && of.known.isNews(size, written_ms);
  // No event tells what becomes of a file outside of the folder.
  if (first !== undefined && !isInFolder(first.place)) return true;
  return seen.some((one) => isNews(first, one) || isNews(newest, one));
}

/**
 * The files of a chain, oldest first. Pins those that are new.
 * @throws the system's error about one of them, once the others are pinned
 */
function see(
  tail: LogTail,
  { open: folder, mayHaveLostPins }: Folder,
  names: ChainName[],
  pins: Pins,
): Seen[] {
  const seen: Seen[] = [];
  let unknown = names;
  let failure: unknown = null;
  if (pins.descriptors > 0 && tail.files.refresh()) tail.changed();
  for (const { pin, age } of pins.identified(tail.sandbox, tail.log)) {
    if (recognise(tail, pin, age, Number.NaN, Number.NaN)) pins.release(pin);
    else {
      tail.files.meetLate(pin, age);
      tail.sights.met(pin);
    }
  }
  // A new log may be gone in a millisecond: its files are linked first, and identified afterwards.
  const { first, fresh } = tail.files;
  if (tail.stream !== null || first !== undefined || fresh.length > 0) {
    // Newest first: a rotation in the meantime moves a file to a name that is still to come, so the loop sees
    // each file that was there at its start.
    unknown = names.toReversed().filter(({ name, age }) => {
      let stats: BigIntStats | undefined;
      try {
        stats = folder?.lstat(name);
        // Our pin is a name, too.
        if (stats?.nlink === 1n || (stats !== undefined && mayHaveLostPins))
          holdAgain(tail, identityOf(stats), folder!, name, pins);
      } catch (error) {
        failure ??= error;
      }
      if (!stats?.isFile()) return false;
      const file = identityOf(stats);
      const one = recognise(tail, file, age, Number(stats.size), Number(stats.mtimeNs) / 1e6);
      if (one !== null) {
        seen.push(one);
        (one.fresh?.pin ?? tail.files.find(file)!).names = Number(stats.nlink);
      }
      // A copy that is made now tells by its content what it is: there is none yet.
      return one === null && (age === 0 || stats.size > 0n);
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
      if (error instanceof NoDescriptor) noteUnheld(tail, folder!, one);
    }
    if (pin === null) continue;
    const known = recognise(tail, pin, age, Number.NaN, 0);
    if (known) pins.release(pin);
    seen.push(known ?? { age, file: pin, size: 0, written_ms: 0, fresh: tail.files.meet(pin, age) });
  }
  if (names.length === 0) tail.loseUnheld();
  markFresh(
    tail,
    seen.sort((a, b) => b.age - a.age),
    failure === null,
  );
  if (failure !== null) throw failure;
  return seen;
}

/** Nothing holds this file: once it is gone, that is told. */
function noteUnheld(tail: LogTail, folder: OpenFolder, { name }: ChainName): void {
  const stats = folder.lstat(name);
  if (stats?.isFile()) tail.cannotHold(identityOf(stats));
}

/** Pins a file again if somebody removed its pin. */
function holdAgain(
  { files }: LogTail,
  file: FileIdentity,
  folder: OpenFolder,
  name: string,
  pins: Pins,
): void {
  const pin = files.find(file) ?? files.fresh.find((fresh) => sameFile(fresh.pin, file))?.pin;
  if (pin !== undefined) pins.again(pin, folder, name);
}

function recognise(
  tail: LogTail,
  file: FileIdentity,
  age: number,
  size: number,
  written_ms: number,
): Seen | null {
  const fresh = tail.files.fresh.find(({ pin }) => sameFile(pin, file)) ?? null;
  return fresh !== null || tail.files.knows(file) ? { age, file, size, written_ms, fresh } : null;
}

/**
 * Notes for new files which files the same look saw; a moment later some may be gone. A rotation gives a new
 * file a newer name than the known ones, so a new file with an older name than a known one is a copy.
 */
function markFresh(tail: LogTail, seen: Seen[], isAll: boolean): void {
  const newestKnown = Math.min(...seen.filter((one) => one.fresh === null).map((one) => one.age));
  const newest = tail.files.newest?.pin;
  const seesNewest = seen.some(({ file }) => newest !== undefined && sameFile(file, newest));
  const isLinked = seesNewest || seen.some(({ fresh }) => fresh?.isLinked);
  for (const { fresh, age } of seen) {
    if (fresh === null) continue;
    // A look that failed may have missed the newest one.
    if (isAll || seesNewest) fresh.isCopy = age > newestKnown;
    fresh.isLinked ||= isLinked;
  }
  // They were pinned as their names were read, while the chain moved.
  const fresh = seen.flatMap((one) => one.fresh ?? []);
  tail.files.sawFresh(fresh, isAll);
}

const isAnotherFolder = (tail: LogTail, { identity }: Folder): boolean =>
  tail.folder !== null && identity !== null && tail.folder !== identity;

/** Tells the known files where their names are now, and reads on in those that have lost their last one. */
function place(tail: LogTail, seen: Seen[], folder: Folder, { outside }: Facts): void {
  readRestOfGone(tail, outside);
  const isOther = isAnotherFolder(tail, folder);
  const forgotten = tail.files.place(
    (pin, before) => {
      const one = seen.find((other) => sameFile(other.file, pin));
      if (one !== undefined) return one.age === 0 ? 'live' : 'rotated';
      const { names = 0 } = outside.get(pin) ?? {};
      return isOther ? 'gone' : placeOutside(pin, names, before, folder);
    },
    (pin) => isNameless(pin, outside),
  );
  if (forgotten > 0) tail.owner.forgot(tail, forgotten);
}

/** Files that were done with, were written to since, and have no name any more: only pins keep the rest. */
function readRestOfGone(tail: LogTail, outside: Facts['outside']): void {
  const { all } = tail.files.done;
  // Each comes before what is queued. Of a sealed log, one begins a stream, and the others wait for its end.
  for (const one of tail.sealed === null ? all.toReversed() : all) {
    const isGrown = one.point !== null && (outside.get(one.pin)?.size ?? 0) > one.point.offset;
    const goesOn = isGrown && isNameless(one.pin, outside) && mayGoOn(one.pin, one.point!);
    one.hasRest = goesOn !== false;
    if (goesOn === true) tail.goOn(one, 'gone');
  }
}

/** As of this look: a name that goes during it is the matter of the next one. */
function isNameless(pin: Pin, outside: Facts['outside']): boolean {
  const facts = outside.get(pin);
  return facts === undefined ? !hasOtherName(pin) : facts.names <= ownNames(pin);
}

/**
 * Whether what is behind is neither what somebody destroyed before the deletion, nor room for more. Null if
 * the file cannot be read now: others do not wait for it.
 */
function mayGoOn(pin: Pin, point: ReadPoint): boolean | null {
  try {
    if (point.offset > 0 && !new FileCursor(pin, point).isSeenIn(pin)) return false;
    return withoutNulsAtEnd(readAt(pin, point.offset, limits.parse.line_bytes_max)).length > 0;
  } catch (error) {
    if (!isRefused(error)) throw error;
    return null;
  }
}

/** Where a file without a name in the chain is. */
function placeOutside(pin: Pin, names: number, before: FilePlace | null, folder: Folder): FilePlace {
  // A name less than it had: the one in the folder was deleted, and what is left are links of somebody else.
  if (names <= ownNames(pin) || names < (pin.names ?? 0)) return 'gone';
  if (folder.open !== null) return 'elsewhere';
  // It had left the folder before that was deleted, or was deleted in it.
  return before === 'elsewhere' || folder.hasLostNames ? 'gone' : 'away';
}

/**
 * Reads on in files that were done with, and have grown or have the log's own name again.
 * @returns whether there are some
 */
function goOn(tail: LogTail, seen: Seen[], { outside }: Facts): boolean {
  const { done, unread } = tail.files;
  let hasSome = false;
  for (const one of done.all) {
    const { pin, point } = one;
    const now = seen.find(({ file }) => sameFile(file, pin));
    // After the end of a log, only a return of its file counts.
    if (point === null || one.hasRest || (now === undefined && tail.sealed !== null)) continue;
    const size = now?.size ?? outside.get(pin)?.size;
    // Nothing is known of a file whose pin was removed.
    if (size === undefined) continue;
    // The next read finds that a live file was truncated; of others, what is left was read.
    if (size < point.offset && now?.age !== 0)
      one.point = { offset: size, overlap_bytes: 0, overlap_crc32: 0 };
    const isLive = now?.age === 0 && (tail.sealed !== null || unread.length > 0);
    if (!(size > point.offset) && !isLive) continue;
    hasSome = true;
    tail.goOn(one, now === undefined ? 'elsewhere' : now.age === 0 ? 'live' : 'rotated');
  }
  return hasSome;
}

/**
 * A look that missed the newest file may have seen a later one first: the sight of the newest file belongs
 * to the first file behind it.
 */
function moveSight(newest: Pin | undefined, next: FreshFile, others: FreshFile[]): void {
  const seenFirst = others.find(({ before }) => newest !== undefined && before?.isOf(newest));
  if (seenFirst === undefined || seenFirst === next) return;
  next.before = seenFirst.before;
  seenFirst.before = null;
}

/** Puts new files in their place: into the queue behind the known files, or among the copies. */
function adopt(tail: LogTail, seen: Seen[], isOther: boolean, { copies, isArchived }: FreshFacts): void {
  const { files } = tail;
  if (files.fresh.length === 0) return;
  const { newest } = files;
  const hasNothing = newest === undefined && (tail.stream === null || tail.sealed !== null);
  // A copy of the newest file stands for it, after the file itself was deleted.
  const isCopied = seen.some(({ file, fresh }) => (fresh ? copies.has(fresh) : files.isCopyOfNewest(file)));
  // One that has left the folder was rotated, too: the events tell whether others followed it meanwhile.
  const hasLeft = newest?.place === 'elsewhere' || isCopied;
  const isNext =
    newest !== undefined && (isInFolder(newest.place) || (newest.place === 'gone' && isArchived));
  const oldIsInChain = isNext || hasLeft;
  const hasChain = seen.some((one) => one.age > 0);
  const isAnotherFile = !oldIsInChain && !hasChain;
  // The folder may have been made again between its identification and its listing.
  const isNewFolder = isOther && seen.every((one) => one.fresh !== null);
  // The file that is read next decides: a copy beside its original proves nothing about a later file.
  const isLinked =
    oldIsInChain || files.fresh.find((fresh) => !fresh.isCopy && !copies.has(fresh))?.isLinked === true;
  let starts: StreamStart = null;
  if (hasNothing) starts = tail.stream === null ? 'first' : 'recreated';
  else if (!isLinked && (isNewFolder || isAnotherFile)) starts = 'recreated';
  let isAfterGap = starts === null && !isLinked;
  const followers = files.fresh.filter((fresh) => !fresh.isCopy && !copies.has(fresh));
  const isSeen = (pin: Pin): boolean => seen.some(({ file }) => sameFile(file, pin));
  const enqueue = (fresh: FreshFile, where: FilePlace): void => {
    moveSight(files.newest?.pin, fresh, followers);
    const { pin, before, hole } = fresh;
    const isSeenBeside =
      files.newest === newest ? isLinked && !hasLeft : isSeen(files.newest!.pin) && isSeen(pin);
    const isBehindAny = files.newest !== undefined && !isSeenBeside;
    tail.enqueue(pin, starts, where, { isAfterGap, before: hole ?? (isBehindAny ? before : null) });
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
    if (fresh.isCopy || copies.has(fresh)) tail.keepCopy(fresh.pin, null);
    else enqueue(fresh, age === 0 ? 'live' : 'rotated');
  }
  files.placedFresh();
  if (files.newest !== newest) tail.changed();
}
