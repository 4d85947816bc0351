import { Aside } from './aside.ts';
import { FileCursor, type ReadPoint } from './file_cursor.ts';
import { Generation } from './generation.ts';
import type { LogTail } from './log_tail.ts';
import { byTime, compare, inOrder } from './pin_order.ts';
import { type FileIdentity, type FoundPin, type Pin, sameFile, statOf } from './pins.ts';
import { doneFrom, pointOf, type TailState } from './tail_state.ts';

/** Pins that were made for files of a state, by their identity there. */
export type Sought = Map<string, Pin>;

/** @param isSeenIn whether a file holds what was read of this one */
export type Seek = (file: FileIdentity, isSeenIn: (pin: Pin) => boolean, isDone: boolean) => Pin | null;

/**
 * Queues the files that an earlier agent left of one log: the one it was reading, from the offset where it
 * stopped, and those after it. The look that follows finds out which of them still have names in the folder.
 * @param found this log's pins
 * @param seek pins a file that still has a name in the folder: a descriptor that held it ended with the agent
 * @param sought gets the pins that `seek` makes: after an error, the next call needs them
 * @throws the system's error, before anything else is changed
 */
export function recoverTail(
  tail: LogTail,
  state: TailState | null,
  found: FoundPin[],
  seek: Seek,
  sought: Sought = new Map(),
): void {
  const [asides, links] = [
    found.filter(({ aside }) => aside !== null),
    found.filter(({ aside }) => aside === null),
  ];
  seekUnheld(state, found, seek, sought);
  recoverQueue(tail, state, links, asides, sought);
  for (const one of asides) tail.doBeforeRead(() => recoverAside(tail, one));
}

/** Pins the files of the state that no pin holds. */
function seekUnheld(state: TailState | null, found: FoundPin[], seek: Seek, sought: Sought): void {
  if (state === null) return;
  const seekOne = (file: FileIdentity, isSeenIn: (pin: Pin) => boolean, isDone: boolean): void => {
    // After a truncation, the same file waits again.
    if (sought.has(keyOf(file)) || found.some(({ pin }) => sameFile(pin, file))) return;
    const pin = seek(file, isSeenIn, isDone);
    if (pin !== null) sought.set(keyOf(file), pin);
  };
  seekOne(state.file, isReadIn(state), state.sealed !== null);
  for (const file of state.waiting ?? []) seekOne(file, () => false, false);
  for (const { point, ...file } of (state.done ?? []).map(doneFrom))
    seekOne(file, (pin) => new FileCursor(pin, point).isSeenIn(pin), true);
}

/**
 * Whether another file may have the identity of the one that was read last. That one is done with, so its pin
 * may be gone, and without birth times the next file may get its inode.
 */
const mayBeAnother = ({ sealed, file }: TailState): boolean => sealed !== null && file.born === '0';

/** Whether a file holds what was read of the last one. */
const isReadIn =
  ({ file }: TailState) =>
  (pin: Pin | undefined): boolean =>
    pin !== undefined && new FileCursor(pin, pointOf(file)).isSeenIn(pin);

const keyOf = ({ inode, born }: FileIdentity): string => `${inode}:${born}`;

/** A copy aside of a file that may still exist. The next read finds out whether that was truncated since. */
function recoverAside(tail: LogTail, { aside, pin, generation }: FoundPin): void {
  if (tail.files.knows(pin)) return;
  // Another number, or another count of cuts: the copy is from before a truncation that is dealt with.
  const { of, cuts, from } = aside!;
  const original = tail.files.unread.find(
    (one) => one.number === generation && one.cuts === cuts && sameFile(one.pin, of),
  );
  const found = original && original.aside === null ? Aside.found(original.cursor, pin, from) : null;
  if (found === null) tail.files.release(pin);
  else original!.aside = found;
}

function recoverQueue(
  tail: LogTail,
  state: TailState | null,
  found: FoundPin[],
  asides: FoundPin[],
  sought: Sought,
): void {
  const named = found.filter((one) => one.stream !== null && !one.isCopy).sort(byAge);
  if (state === null) {
    // The spool knows nothing of this log: its pinned files are read again.
    let stream: string | null = null;
    for (const one of named) {
      const starts = one.stream === stream ? null : stream === null ? 'first' : 'recreated';
      // A position must always mean the same byte: only the first file of a stream keeps the stream's start.
      const started = one.generation === 0 ? { started: one.stream! } : {};
      tail.foundIn(one.folder);
      tail.enqueue(one.pin, starts, 'gone', { ...placeOf(one), ...started });
      stream = one.stream;
    }
    // If nobody knows the original of a copy, its name in the folder decides its place.
    const others = found.filter((one) => one.stream === null);
    const copies = others.filter((one) => originalOf(tail, one) !== null);
    keepCopies(tail, copies);
    meet(
      tail,
      others.filter((one) => !copies.includes(one)),
    );
    return;
  }
  tail.restore(state);
  const unnamed = new Map([...sought].map(([key, pin]) => [key, foundAs(tail, pin)]));
  const held = (file: FileIdentity): FoundPin | undefined =>
    [...found, ...asides].find(({ pin }) => sameFile(pin, file)) ?? unnamed.get(keyOf(file));
  const current =
    mayBeAnother(state) && !isReadIn(state)(held(state.file)?.pin) ? undefined : held(state.file);
  const waiting = (state.waiting ?? []).map((file) => ({ file, one: held(file) }));
  const isWaiting = (one: FoundPin | undefined): boolean => waiting.some((other) => other.one === one);
  const copies = found.filter((one) => one.isCopy && one !== current && !isWaiting(one));
  // After a truncation, a copy takes the number of its original. The pins may have their new names before the
  // state that says so is durable.
  const done = (state.done ?? []).map(doneFrom);
  const doneAs = (file: FileIdentity) => done.find((one) => sameFile(one, file));
  const keep = (pin: Pin, number: number, pointIn = endOf): void => {
    const point = doneAs(pin)?.point ?? pointIn(pin);
    tail.files.done.add({ pin, number, point, isInFolder: true });
  };
  // Files before the next one of the stream are done with, also if one of them is read on now.
  const [next] = state.waiting ?? [];
  const doneTo = state.sealed === null && next?.starts === null ? next.number - 1 : state.file.number;
  const copiesUpTo = current?.stream === state.stream.started ? current.generation : -1;
  const later: FoundPin[] = [];
  for (const one of named) {
    if (one === current || isWaiting(one)) continue;
    if (
      state.sealed === null &&
      one.stream === state.stream.started &&
      one.generation >= state.file.number &&
      one.generation < copiesUpTo
    ) {
      copies.push({ ...one, copyOf: current!.pin });
      continue;
    }
    const isLater = compare(one.stream!, state.stream.started) || one.generation - doneTo;
    if (isLater <= 0 || doneAs(one.pin) !== undefined) keep(one.pin, one.generation);
    else later.push(one);
  }
  if (state.sealed !== null) {
    // After a truncation the same file waits with the next stream; after any other end it is done with.
    if (current && !isWaiting(current)) keep(current.pin, state.file.number, () => readTo(state.file));
  } else if (current) {
    const { number, cuts } = state.file;
    const cursor = new FileCursor(current.pin, pointOf(state.file));
    const generation = new Generation(cursor, number, null, 'gone');
    generation.cuts = cuts ?? 0;
    tail.files.append(generation);
  } else {
    tail.sealLost(state.file, 'the file was gone when the agent came back, and no pin held it');
  }
  for (const { file, one } of waiting) {
    if (one === undefined) {
      // Only a descriptor held it, and it has no name any more.
      if (file.starts === null) tail.lostNewest();
      continue;
    }
    // A stream that a truncation begins has no start yet, and its file still has its former name.
    const started = file.starts === 'truncated' || one.stream === null ? {} : { started: one.stream };
    const isAfterGap = file.is_after_gap ?? false;
    const { unwatched = null } = file;
    const known = { number: file.number, isAfterGap, unwatched, point: pointOf(file), ...started };
    const generation = tail.enqueue(one.pin, file.starts, 'gone', known);
    generation.cuts = file.cuts ?? 0;
    generation.uncopied_bytes = file.uncopied_bytes ?? 0;
  }
  const last = waiting.findLast(({ one }) => one !== undefined)?.one;
  let stream = last?.stream ?? state.stream.started;
  for (const one of later) {
    const continues = one.stream === stream && (tail.sealed === null || last !== undefined);
    tail.enqueue(one.pin, continues ? null : 'recreated', 'gone', { ...placeOf(one), started: one.stream! });
    stream = one.stream!;
  }
  for (const file of done) {
    if (tail.files.knows(file)) continue;
    const pin = held(file)?.pin;
    if (pin === undefined) continue;
    keep(pin, file.number);
    tail.rename({ pin, number: file.number, isAfterGap: false }, state.stream.started);
  }
  keepCopies(tail, copies);
  tail.changed();
  meet(
    tail,
    found.filter((one) => one.stream === null && !one.isCopy && !tail.files.knows(one.pin)),
  );
}

/** The pin of a copy's original, if the log still has that. */
const originalOf = ({ files }: LogTail, { copyOf }: FoundPin): Pin | null =>
  (copyOf && files.find(copyOf)) ?? null;

function keepCopies(tail: LogTail, copies: FoundPin[]): void {
  for (const one of copies.toSorted(byTime)) {
    // It may have been read meanwhile.
    if (tail.files.knows(one.pin)) continue;
    tail.files.addCopy({ pin: one.pin, of: originalOf(tail, one), gone_at_ms: null });
  }
}

/**
 * Where a file that was read to its end would go on: behind what is left of its former content, too, which
 * nobody may read again.
 */
function readTo({ offset, tail_bytes, tail_crc32, content }: TailState['file']): ReadPoint {
  const end = content?.remains?.end ?? offset;
  if (end > offset) return { offset: end, overlap_bytes: 0, overlap_crc32: 0 };
  return { offset, overlap_bytes: tail_bytes, overlap_crc32: tail_crc32 };
}

/** Only the newest files are in the state: who wrote to an older one while no agent ran is not known. */
function endOf(pin: Pin): ReadPoint {
  return { offset: statOf(pin).size, overlap_bytes: 0, overlap_crc32: 0 };
}

/** A pin whose name tells nothing of its stream: that of a descriptor. */
function foundAs({ sandbox, log }: LogTail, pin: Pin): FoundPin {
  const name = { sandbox, log, stream: null, generation: -1, age: 0, isAfterGap: false, folder: null };
  return { ...name, life: '', isCopy: false, copyOf: null, aside: null, written_ns: 0n, pin };
}

const placeOf = ({ generation, isAfterGap }: FoundPin) => ({ number: generation, isAfterGap });

function byAge(a: FoundPin, b: FoundPin): number {
  return compare(a.stream!, b.stream!) || a.generation - b.generation;
}

/**
 * Pins that an earlier agent made and did not name, oldest first: the look at the folder finds their place.
 */
function meet({ files }: LogTail, found: FoundPin[]): void {
  for (const { pin, age } of inOrder(found)) files.meet(pin, age);
}
