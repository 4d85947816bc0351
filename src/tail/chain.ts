import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import type { Place, StreamStart } from './generation.ts';
import type { LogTail, Sink } from './log_tail.ts';
import { type FileIdentity, identityOf, type Pin, type Pins, sameFile } from './pins.ts';

/** Names of one log in the folder, oldest first: `console.log.2`, `console.log.1`, `console.log`. */
export interface ChainName {
  name: string;
  age: number;
}

interface Seen {
  age: number;
  file: FileIdentity;
  /** Set for a file that the tail does not know yet. */
  fresh: Pin | null;
}

/** The chain may move while it is looked at; it is looked at again until nothing moved, this often at most. */
const LOOKS_MAX = 5;

/**
 * Brings a tail up to date with its names in the folder: pins what is new, tells each generation where it stands,
 * lets go of what lost its name and is done with.
 * @param isNewFolder the folder was deleted and made again under the same id
 * @param found pins that an earlier agent made and could not name
 * @returns false when the chain did not hold still: look again soon
 */
export function lookAtChain(
  tail: LogTail,
  folder: string,
  names: ChainName[],
  isNewFolder: boolean,
  pins: Pins,
  sink: Sink,
  found: Pin[] = [],
): boolean {
  const fresh = [...found];
  let seen: Seen[] = [];
  let isStill = false;
  for (let looks = 0; looks < LOOKS_MAX && !isStill; looks++) {
    const before = fresh.length;
    seen = [];
    for (const { name, age } of names) {
      const one = see(tail, join(folder, name), age, pins, fresh);
      if (one) seen.push(one);
    }
    // Names that were all known when read cannot have been mixed up with new ones.
    isStill = fresh.length === before && new Set(seen.map((one) => one.file.inode)).size === seen.length;
  }
  place(tail, seen, isNewFolder, sink);
  adopt(tail, seen, fresh, isNewFolder, sink);
  return isStill;
}

function see(tail: LogTail, path: string, age: number, pins: Pins, fresh: Pin[]): Seen | null {
  // A log seen for the first time may be gone in a millisecond: link first, look afterwards.
  if (tail.stream !== null || tail.queue.length > 0 || fresh.length > 0) {
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    if (!stats?.isFile()) return null;
    const file = identityOf(stats);
    if (tail.knows(file)) return { age, file, fresh: null };
    const again = fresh.find((pin) => sameFile(pin, file));
    if (again) return { age, file, fresh: again };
  }
  const pin = pins.take(tail.sandbox, tail.log, path);
  if (pin === null) return null;
  const known = tail.knows(pin) ? pin : fresh.find((other) => sameFile(other, pin));
  if (known === undefined) {
    fresh.push(pin);
    return { age, file: pin, fresh: pin };
  }
  pins.release(pin);
  return { age, file: known, fresh: known === pin ? null : (known as Pin) };
}

/** Tells the files that the tail knows where they stand now. */
function place(tail: LogTail, seen: Seen[], isNewFolder: boolean, sink: Sink): void {
  const placeOf = (file: FileIdentity): Place => {
    const one = isNewFolder ? undefined : seen.find((other) => sameFile(other.file, file));
    return one === undefined ? 'gone' : one.age === 0 ? 'live' : 'rotated';
  };
  for (const generation of tail.queue) generation.stand(placeOf(generation.pin));
  for (const list of [tail.kept, tail.copies]) {
    for (const pin of list.filter((one) => placeOf(one) === 'gone')) {
      list.splice(list.indexOf(pin), 1);
      sink.release(pin);
      sink.changed(tail);
    }
  }
}

/** Puts the files that are new where they belong: behind what is being read, or aside as copies. */
function adopt(tail: LogTail, seen: Seen[], fresh: Pin[], isNewFolder: boolean, sink: Sink): void {
  const newest = tail.queue.at(-1);
  const hasNothing = newest === undefined && (tail.stream === null || tail.sealed !== null);
  const liveIsKnown = seen.some((one) => one.age === 0 && one.fresh === null) && !isNewFolder;
  const oldIsInChain = newest === undefined ? tail.kept.length > 0 : newest.place !== 'gone';
  const isAnotherFile = !oldIsInChain && !seen.some((one) => one.age > 0);
  let starts: StreamStart = null;
  if (hasNothing) starts = tail.stream === null ? 'first' : 'recreated';
  else if (isNewFolder || isAnotherFile) starts = 'recreated';
  let lostSome = starts === null && !oldIsInChain;
  // Pinned, and gone again before its name was read: older than what has a name now.
  for (const pin of fresh.filter((one) => !seen.some((other) => other.fresh === one))) {
    tail.enqueue(pin, starts, 'gone').follows_loss = lostSome;
    starts = null;
    lostSome = false;
  }
  for (const one of seen) {
    if (one.fresh === null || tail.knows(one.fresh)) continue;
    if (one.age > 0 && liveIsKnown) {
      tail.copies.push(one.fresh);
      continue;
    }
    tail.enqueue(one.fresh, starts, one.age === 0 ? 'live' : 'rotated').follows_loss = lostSome;
    starts = null;
    lostSome = false;
  }
  if (tail.queue.at(-1) !== newest) sink.changed(tail);
}
