import { Copies, type Copy } from './copies.ts';
import { type DoneFile, DoneFiles } from './done_files.ts';
import { type FilePlace, type Generation, isInFolder } from './generation.ts';
import type { LastSight } from './last_sight.ts';
import { type FileIdentity, hasOtherName, isBefore, type Pin, refresh, sameFile } from './pins.ts';
import type { Sink, StateOwner } from './sink.ts';

/** A pinned file whose place in its log is not known yet. */
export interface FreshFile {
  pin: Pin;
  /** How many rotations old its name was when it was pinned; 0 is the log's own name. */
  age: number;
  /** A look saw it behind a file that was known already. */
  isCopy: boolean;
  /** A look saw it and the newest known file in the same chain: no file between them is missing. */
  isLinked: boolean;
  /** The last sight of the file before it, if no look saw both. */
  before: LastSight | null;
  /** The same, if a name between the two was missing when a look saw both. */
  hole: LastSight | null;
}

/** A file of a log without a name in the folder: only its pin keeps it. */
export interface NamelessFile {
  pin: Pin;
  /** Bytes that are in rows or in the state; 0 if another file must be read first. */
  known_bytes: number;
  /**
   * The file that this was copied aside of, and that is still there: letting go of the copy loses nothing.
   */
  asideOf: Generation | null;
}

/**
 * The pinned files of one log: a queue of those to be read, copies in reserve, and those that are done with.
 */
export class LogFiles {
  private queue: Generation[] = [];
  private readonly copies = new Copies();
  /** Without a place until two looks at their folder agree. */
  private freshFiles: FreshFile[] = [];
  /** Read, and perhaps not for the last time. */
  readonly done = new DoneFiles();
  /** Done with, and perhaps not unlinked yet: the next agent would read a pin without a state again. */
  private released: Pin[] = [];
  private readonly sink: Sink;
  private readonly owner: StateOwner;

  constructor(sink: Sink, owner: StateOwner) {
    this.sink = sink;
    this.owner = owner;
  }

  /** The file that is being read. */
  get first(): Generation | undefined {
    return this.queue[0];
  }

  /** The file that is read after it. */
  get second(): Generation | undefined {
    return this.queue[1];
  }

  get newest(): Generation | undefined {
    return this.queue.at(-1);
  }

  /** All files that are to be read, in order. */
  get unread(): readonly Generation[] {
    return this.queue;
  }

  /** The start of the last stream that a file to be read begins. */
  get lastStarted(): string | undefined {
    return this.queue.findLast(({ started }) => started !== null)?.started ?? undefined;
  }

  append(generation: Generation): void {
    // A push would make room for 17, of which thousands of quiet logs use one.
    this.queue = this.queue.concat(generation);
  }

  /** The first file is done with. */
  finishFirst(): void {
    const first = this.queue[0]!;
    const { pin, place } = first;
    this.dropAside(first);
    this.queue.shift();
    if (this.queue.some((other) => other.pin === pin)) return;
    if (place === 'gone' && !hasOtherName(pin)) {
      this.release(pin);
      return;
    }
    const { offset, overlap_bytes, overlap_crc32 } = first.cursor.pointAtEnd();
    const point = { offset, overlap_bytes, overlap_crc32 };
    this.done.add({ pin, number: first.number, point, isInFolder: isInFolder(place) });
  }

  /** @returns where in the queue the first one is that took the place of `generation` */
  replace(generation: Generation, by: Generation[]): number {
    const at = this.queue.indexOf(generation);
    for (const next of this.queue.slice(at + 1)) next.number += by.length - 1;
    for (const [index, next] of by.entries()) next.number = generation.number + index;
    this.queue = this.queue.toSpliced(at, 1, ...by);
    return at;
  }

  /** The pin of a file whose place the log knows. */
  find(file: FileIdentity): Pin | undefined {
    const unread = this.queue.find(({ pin }) => sameFile(pin, file))?.pin;
    return unread ?? this.copies.find(file) ?? this.done.find(file)?.pin;
  }

  /** Inode numbers may have changed where they do not last. @returns whether one did */
  refresh(): boolean {
    const pins = [
      ...this.queue.map(({ pin }) => pin),
      ...this.copies.pins,
      ...this.freshFiles.map(({ pin }) => pin),
      ...this.done.all.map(({ pin }) => pin),
    ];
    return pins.filter(refresh).length > 0;
  }

  /** Whether the log has this file pinned, and knows its place. */
  knows(file: FileIdentity): boolean {
    return this.find(file) !== undefined;
  }

  /** Whether the log has this file pinned. */
  holds(file: FileIdentity): boolean {
    return this.knows(file) || this.freshFiles.some(({ pin }) => sameFile(pin, file));
  }

  /** Of all files that have a place, and that may have names outside of the chain. */
  get pins(): Pin[] {
    return [...this.queue, ...this.done.all].map(({ pin }) => pin);
  }

  /** Whether some of its files have no name in the folder. */
  get isSomeOut(): boolean {
    return this.queue.some(({ place }) => !isInFolder(place)) || this.done.isSomeOut;
  }

  /** Gives up copies that nothing holds any more: their originals are still there, or are told as lost. */
  dropLost(isHeld: (pin: Pin) => boolean): void {
    for (const generation of this.queue) {
      const pin = generation.aside?.pin;
      if (pin && !isHeld(pin)) this.dropAside(generation);
    }
    for (const pin of this.copies.takeLost(isHeld)) this.release(pin);
  }

  /**
   * Tells each file where its name is now, and releases those that are done with and cannot come back.
   * @param placeOf `before`: where a file was that is still to be read
   * @param isNameless whether a file had no name when it was looked for
   * @returns how many files it forgot that could have come back
   */
  place(
    placeOf: (pin: Pin, before: FilePlace | null) => FilePlace,
    isNameless: (pin: Pin) => boolean,
  ): number {
    for (const generation of this.queue) generation.moveTo(placeOf(generation.pin, generation.place));
    const { nowhere, forgotten } = this.done.place((pin) => placeOf(pin, null), isNameless);
    for (const pin of [...nowhere, ...forgotten]) this.release(pin);
    this.copies.place((pin) => placeOf(pin, null));
    this.releaseCopies();
    return forgotten.length;
  }

  /** A file that is done with has more to read: after all others, or before them. */
  goOn(done: DoneFile, generation: Generation, isNewest: boolean): void {
    this.done.remove(done);
    this.queue = isNewest ? [...this.queue, generation] : [generation, ...this.queue];
  }

  /** Files without a place, the oldest first as far as that is known. */
  get fresh(): readonly FreshFile[] {
    return this.freshFiles;
  }

  meet(pin: Pin, age: number): FreshFile {
    const fresh = { pin, age, isCopy: false, isLinked: false, before: null, hole: null };
    this.freshFiles.push(fresh);
    return fresh;
  }

  /** The same for one that an earlier look linked, and could not identify: others may have come after it. */
  meetLate(pin: Pin, age: number): void {
    const fresh = this.meet(pin, age);
    const at = this.freshFiles.findIndex((other) => isBefore(pin, other.pin));
    if (at >= 0) this.freshFiles.splice(at, 0, ...this.freshFiles.splice(this.freshFiles.indexOf(fresh), 1));
  }

  /**
   * These have a name now, oldest first.
   * @param isAll whether the others have none: they lost theirs since they were pinned, and are older
   */
  sawFresh(now: FreshFile[], isAll: boolean): void {
    const seen = new Set(now);
    const order = [...seen];
    this.freshFiles = isAll
      ? [...this.freshFiles.filter((one) => !seen.has(one)), ...order]
      : this.freshFiles.map((one) => (seen.has(one) ? order.shift()! : one));
  }

  /** All of them have found their place. */
  placedFresh(): void {
    this.freshFiles = [];
  }

  addCopy(copy: Copy): void {
    this.copies.add(copy);
  }

  get copyCount(): number {
    return this.copies.count;
  }

  /** Whether a file is a copy of the newest one. */
  isCopyOfNewest(file: FileIdentity): boolean {
    return this.newest !== undefined && this.copies.isCopy(file, this.newest.pin);
  }

  /** The oldest file that may be a copy of this one. */
  firstCopyOf(generation: Generation): Copy | undefined {
    return this.copies.firstOf(generation.pin, generation === this.newest);
  }

  /** As `Copies.takeFor`. */
  takeCopiesOf(original: Generation, known: number): { copies: Copy[]; stale: Pin[] } {
    return this.copies.takeFor(original, original === this.newest, known);
  }

  /** Releases copies whose original was read to its end since. */
  releaseCopies(): void {
    for (const pin of this.copies.takeNeedless(this.newest)) {
      if (hasOtherName(pin)) this.keep(pin);
      else this.release(pin);
    }
  }

  /** Forgets the files that are done with, although they may come back. */
  forget(): void {
    for (const done of [...this.done.all]) {
      this.done.remove(done);
      this.release(done.pin);
    }
  }

  /** A copy of what another file held: nothing of it is to be read. */
  keep(pin: Pin): void {
    this.done.add({ pin, number: -1, point: null, isInFolder: true });
  }

  /** The copy aside of this file is no longer needed. */
  dropAside(generation: Generation): void {
    const pin = generation.aside?.pin;
    generation.aside = null;
    if (pin) this.release(pin);
  }

  /**
   * Gives a pin up. The log's state stays longer than the pin, so that no crash leaves a pin without a state.
   */
  release(pin: Pin): void {
    this.released.push(pin);
    this.sink.release(pin);
    this.sink.changed(this.owner);
  }

  /** Forgets released pins that are unlinked by now. @returns whether there were any */
  settle(): boolean {
    const left = this.released.filter((pin) => pin.path !== null || pin.fd !== null);
    if (left.length === this.released.length) return false;
    this.released = left;
    this.sink.changed(this.owner);
    return true;
  }

  /** Whether a pin that was released is still there. */
  get isSettling(): boolean {
    return this.released.length > 0;
  }

  /** Whether the log has no pins left, apart from files without a place. */
  get isEmpty(): boolean {
    return this.queue.length + this.done.all.length + this.copies.count + this.released.length === 0;
  }

  /** Files that only their pins keep, in the order in which they are read; copies last. */
  get nameless(): NamelessFile[] {
    const nameless: NamelessFile[] = [];
    for (const [index, generation] of this.queue.entries()) {
      const { pin, place, cursor, aside } = generation;
      if (aside?.pin) nameless.push({ pin: aside.pin, known_bytes: 0, asideOf: generation });
      const isRead = cursor.end < cursor.size && cursor.seenTo >= cursor.end;
      const known_bytes = index > 0 ? 0 : isRead ? cursor.size : cursor.seenTo;
      if (place === 'gone') nameless.push({ pin, known_bytes, asideOf: null });
    }
    for (const pin of this.copies.nameless) nameless.push({ pin, known_bytes: 0, asideOf: null });
    return nameless;
  }
}
