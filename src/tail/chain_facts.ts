import type { Stats } from 'node:fs';
import type { OpenFolder } from '../base/open_folder.ts';
import { isCopyOf } from './copies.ts';
import type { FreshFile } from './log_files.ts';
import type { LogTail } from './log_tail.ts';
import { type FileIdentity, HIDDEN_NAME, identityOf, namesIn, type Pin, sameFile, statOf } from './pins.ts';

/** A file that a look saw under a name of the chain. */
export interface Seen {
  age: number;
  file: FileIdentity;
  /** NaN if it is not known. */
  size: number;
  /** When it was written last, milliseconds since 1970. */
  written_ms: number;
  /** Set for a file that has no place in its log yet. */
  fresh: FreshFile | null;
}

/** A file of the log that has no name in its chain. */
interface Outside {
  /** How many names it has, our pin included. */
  names: number;
  size: number;
  written_ms: number;
}

export interface Facts {
  outside: Map<Pin, Outside>;
}

/** The same for a look that met new files. */
export interface FreshFacts extends Facts {
  /** New files that are copies of a file that is known. */
  copies: Set<FreshFile>;
  /** The newest known file is compressed now, and no later one is: a new live file follows it. */
  isArchived: boolean;
}

/** @throws the system's error */
export function factsOf(tail: LogTail, seen: Seen[], folder: OpenFolder | null): Facts {
  const outside = new Map<Pin, Outside>();
  for (const pin of tail.files.pins) {
    if (seen.some(({ file }) => sameFile(file, pin))) continue;
    let stats: Stats;
    try {
      stats = statOf(pin);
    } catch (error) {
      // Somebody removed the pin; the next read reports it.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      continue;
    }
    if (pin.fd !== null && stats.nlink > 0 && folder !== null) pin.hidden = hiddenNames(pin, folder);
    outside.set(pin, { names: namesIn(pin, stats), size: stats.size, written_ms: stats.mtimeMs });
  }
  return { outside };
}

function hiddenNames(pin: Pin, folder: OpenFolder): number {
  const hidden = folder.list().filter(({ name }) => HIDDEN_NAME.test(name));
  return hidden.filter(({ name }) => {
    const stats = folder.lstat(name);
    return stats !== undefined && sameFile(identityOf(stats), pin);
  }).length;
}

/**
 * @param isOther the folder is another one than that of the known files
 * @throws the system's error
 */
export function factsOfFresh(
  tail: LogTail,
  seen: Seen[],
  folder: OpenFolder | null,
  isOther: boolean,
  archives: string[],
): FreshFacts {
  const { outside } = factsOf(tail, seen, folder);
  if (tail.files.fresh.length === 0) return { outside, copies: new Set(), isArchived: false };
  const { newest } = tail.files;
  const left = newest && outside.get(newest.pin);
  return {
    outside,
    copies: copiesAmong(tail, seen, left !== undefined && !isOther),
    isArchived: left !== undefined && folder !== null && isArchived(left, folder, archives),
  };
}

/**
 * If no look saw a new file behind its original, only the content can tell that it is a copy. Consoles of two
 * lives may hold the same, but a copy has an older name from the start, in the folder of its original.
 */
function copiesAmong({ files }: LogTail, seen: Seen[], hasLeft: boolean): Set<FreshFile> {
  const { newest } = files;
  return new Set(
    files.fresh.filter((fresh) => {
      const hasName = seen.some((one) => one.fresh === fresh);
      if (fresh.isCopy) return !hasName;
      if (fresh.age === 0 || newest === undefined) return false;
      if (!hasName && newest.isCopiedBy(fresh.pin)) return true;
      // A rotator gave the original a strange name for a moment, copied it, and deleted it.
      return hasLeft && isCopyOf(fresh.pin, newest.pin);
    }),
  );
}

/** Rotators keep the time of the last write. */
function isArchived({ written_ms }: Outside, folder: OpenFolder, archives: string[]): boolean {
  const times = archives.map((name) => Number((folder.lstat(name)?.mtimeNs ?? 0n) / 1_000_000n));
  return times.length > 0 && Math.max(...times) <= written_ms;
}
