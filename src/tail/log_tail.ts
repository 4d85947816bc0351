import { crashPoint } from '../base/crash_point.ts';
import { reasonOf } from '../base/errors.ts';
import type { AsideRoom } from './aside.ts';
import { Copies } from './copies.ts';
import { type CursorPoint, FileCursor } from './file_cursor.ts';
import { type FilePlace, Generation, type StreamStart } from './generation.ts';
import { giveUp, type LetGo } from './let_go.ts';
import { type FileIdentity, type Pin, sameFile } from './pins.ts';
import { ReadFailure } from './read_failure.ts';
import type { Sink } from './sink.ts';
import { Stream, type StreamState, startAfter } from './stream.ts';
import { fileState, type TailState, unfinishedOf, waitingFile } from './tail_state.ts';
import { guard, TRUNCATED, truncated } from './truncation.ts';

/** A file that is pinned and has no place yet. */
export interface Fresh {
  pin: Pin;
  /** How many rotations old its name was when it was pinned; 0 is the log's own. */
  age: number;
  /** A look saw it behind a file that was known already. */
  isCopy: boolean;
  /** A look saw the newest known file in the same chain: no file between them is missing. */
  isLinked: boolean;
}

/** What a tail asks of its sandbox. */
export interface TailOwner {
  /** Looks at the folder again, so that a copy made before a truncation is known. */
  look(): void;
  /** Gives a generation's pin the name of its stream and place. */
  rename(tail: LogTail, of: Pick<Generation, 'pin' | 'number' | 'isAfterGap'>, stream: string): void;
  /** Makes an empty file for what is copied aside of a generation, from that offset on. */
  makeAside(tail: LogTail, of: Generation, from: number): Pin;
  renumberAside(pin: Pin, number: number): void;
  readonly room: AsideRoom;
}

/**
 * Follows one log of one sandbox through rotations, truncations and deletion: a queue of generations, the first of
 * which is being read. What the folder holds is told by `chain.ts`; here are the bytes, in order.
 */
export class LogTail {
  readonly sandbox: string;
  readonly log: string;
  readonly key: string;
  /** The stream being read; null before the first byte. */
  stream: Stream | null = null;
  sealed: string | null = null;
  queue: Generation[] = [];
  /** Files that are done with and still have a name in the folder: pinned, so that their inodes mean only them. */
  kept: Pin[] = [];
  readonly copies = new Copies();
  /** Files that are pinned and have no place yet, while their folder does not hold still. */
  fresh: Fresh[] = [];
  /** Done with, but perhaps not unlinked yet: a pin without a state would be read again by the next agent. */
  private released: Pin[] = [];
  /** The folder in which its files were seen last; null before the first look. */
  folder: string | null = null;
  /** What the last look saw; null when it could not be trusted. */
  lastLook: string | null = null;
  /** The last generation that was read, for the state while the queue is empty. */
  private lastFile: TailState['file'] | null = null;
  private failedWith = '';
  /** Whether the spool has a state that knows of this stream, and of the last truncation. */
  isSaved = true;
  readonly sink: Sink;
  readonly owner: TailOwner;

  constructor(sandbox: string, log: string, sink: Sink, owner: TailOwner) {
    this.sandbox = sandbox;
    this.log = log;
    this.key = `${sandbox}/${log}`;
    this.sink = sink;
    this.owner = owner;
  }

  rename(of: Pick<Generation, 'pin' | 'number' | 'isAfterGap'>, stream: string): void {
    this.owner.rename(this, of, stream);
  }

  /** Whether this tail knows the file, whatever it is to it. */
  knows(file: FileIdentity): boolean {
    const held = [...this.queue, ...this.copies.list].map(({ pin }) => pin);
    return [...held, ...this.kept].some((pin) => sameFile(pin, file));
  }

  /** Why the last read failed; empty when it did not. */
  get failure(): string {
    return this.failedWith;
  }

  /** Takes up where an earlier agent left off; the generations are queued by `recover.ts`. */
  restore(state: TailState): void {
    this.stream = this.open(state.stream.started, state.stream);
    this.sealed = state.sealed;
    this.lastFile = state.file;
    this.folder = state.folder ?? null;
  }

  private open(started: string, saved?: StreamState): Stream {
    const { sandbox, log } = this;
    return new Stream(started, this.sink.open({ sandbox, log, started }, saved ?? null), saved);
  }

  /**
   * Adds a file behind those to be read, and gives its pin its name at once: a pin without one says little after a crash.
   * @param known what its pin's name says; else the next number, and a start of its own if it starts a stream
   */
  enqueue(
    pin: Pin,
    starts: StreamStart,
    place: FilePlace,
    known: { number?: number; isAfterGap?: boolean; started?: string; point?: Partial<CursorPoint> } = {},
  ): Generation {
    const cursor = new FileCursor(pin, known.point);
    const generation = new Generation(cursor, known.number ?? this.nextNumber(), starts, place);
    generation.isAfterGap = known.isAfterGap ?? false;
    const before = this.queue.findLast(({ started }) => started !== null)?.started ?? this.stream?.started;
    if (starts !== null) generation.started = known.started ?? startAfter(before, pin.born);
    // Not pushed: that makes room for 17, of which thousands of quiet logs use one.
    this.queue = this.queue.concat(generation);
    const stream = generation.started ?? before;
    if (stream !== undefined) this.rename(generation, stream);
    return generation;
  }

  private nextNumber(): number {
    return (this.queue.at(-1)?.number ?? this.lastFile?.number ?? -1) + 1;
  }

  /**
   * Reads the next bytes into rows. One chunk at most, so that other logs get their turn.
   * @returns whether there is more to read at once
   */
  read(chunk: Buffer): boolean {
    return this.attempt(() => {
      const generation = this.queue[0];
      if (generation === undefined) return false;
      const more = this.step(generation, chunk);
      return guard(this, chunk, 1) || more;
    });
  }

  /**
   * For the time when nothing may be read: copies aside what a truncation would take away. One chunk at most.
   * @returns whether there is more to copy at once
   */
  guard(chunk: Buffer): boolean {
    return this.attempt(() => guard(this, chunk, 0));
  }

  private attempt(does: () => boolean): boolean {
    try {
      const more = does();
      this.failedWith = '';
      return more;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      const reason = reasonOf(error);
      const isNew = reason !== this.failedWith;
      this.failedWith = reason;
      throw new ReadFailure(this, reason, isNew);
    }
  }

  /** @param letGo instead of making rows, lets go of what only its pin keeps */
  step(generation: Generation, chunk: Buffer, letGo: LetGo | null = null): boolean {
    this.beginIfOver();
    const length = this.readInto(chunk, generation);
    if (length < 0) return truncated(this, generation, letGo !== null);
    const { cursor } = generation;
    if (cursor.skipsHole) {
      const skipped = cursor.skipHole(chunk, length);
      if (skipped === 'moved' || (skipped === 'hole' && length === chunk.length)) return true;
      if (skipped === 'hole')
        return letGo === null ? this.closeIfOver(generation) : giveUp(this, generation, letGo);
    }
    if (letGo !== null) return giveUp(this, generation, letGo);
    const { offset, unfinished, overlap_bytes: start } = cursor;
    const atEnd = length < chunk.length;
    const over = atEnd && this.isClosing && generation.isQuiet(this.queue[1]);
    const bytes = chunk.subarray(0, length);
    const tookAll = this.take(bytes, start, over);
    crashPoint('tail.read');
    const rest = bytes.subarray(start + cursor.offset - offset);
    cursor.keepUnfinished(atEnd && rest.length > 0 ? Buffer.from(rest) : null);
    if (!atEnd || !tookAll) return true;
    if (rest.length > 0 && unfinished?.equals(rest) !== true) this.sink.changed(this);
    generation.drained_at_ms = performance.now();
    if (rest.length === 0 && this.queue.length === 1) this.stream!.caughtUp();
    const goesOn = this.closeIfOver(generation);
    this.releaseCopies();
    return goesOn;
  }

  /** @returns as `FileCursor.read`: -1 when the file was truncated since it was read, copied, or copied aside */
  private readInto(chunk: Buffer, generation: Generation): number {
    const { aside } = generation;
    if (aside !== null) {
      if (aside.isCut(chunk)) return -1;
      if (generation.place !== 'live' || !aside.isAheadOf(generation.cursor)) this.dropAside(generation);
    }
    const copy = generation === this.queue.at(-1) ? this.copies.firstOf(generation.pin) : undefined;
    return copy && generation.isTruncatedSince(copy.pin) ? -1 : generation.cursor.read(chunk);
  }

  /** Makes rows of the lines in bytes[start…], as `StreamSink.lines`. @returns whether all of them are taken */
  private take(bytes: Buffer, start: number, final: boolean): boolean {
    const read_ms = Date.now();
    for (let at = start; ; ) {
      const taken = this.stream!.take(bytes, at, final, read_ms);
      if (taken.bytes > 0) {
        // There is no generation when all that is left of a lost file is what was saved of its last line.
        this.queue[0]?.cursor.advance(bytes, at, at + taken.bytes);
        this.sink.changed(this);
      }
      if (!taken.isFull) return true;
      if (!this.sink.flush()) return false;
      at += taken.bytes;
    }
  }

  /** Begins the stream of the next generation, if there is none or the last one is sealed. */
  beginIfOver(): void {
    if (this.stream !== null && this.sealed === null) return;
    const generation = this.queue[0]!;
    const born = generation.starts === 'truncated' ? '0' : (generation.started ?? generation.pin.born);
    const started = startAfter(this.stream?.started, born);
    this.stream = this.open(started);
    this.sealed = null;
    for (const [index, next] of this.queue.entries()) {
      if (index > 0 && next.starts !== null) break;
      this.rename(next, this.stream.started);
    }
    this.isSaved = false;
    this.sink.changed(this);
  }

  /** @returns whether the spool has the state as it is now */
  save(): boolean {
    this.sink.changed(this);
    this.isSaved = this.sink.flush();
    return this.isSaved;
  }

  /** Makes rows of what was seen of an unfinished line. @returns whether all of it was taken */
  takeUnfinished({ cursor }: Generation): boolean {
    const { offset, unfinished } = cursor;
    if (unfinished === null || this.take(unfinished, 0, true)) return true;
    cursor.keepUnfinished(unfinished.subarray(cursor.offset - offset));
    return false;
  }

  /** As `Stream.gap`. */
  gap(bytes: number | null, reason: string): void {
    this.stream!.gap(bytes, reason);
    this.sink.changed(this);
  }

  private seal(reason: string, last: TailState['file']): void {
    this.stream!.seal(reason);
    this.sealed = reason;
    this.lastFile = last;
    this.sink.changed(this);
    crashPoint('tail.sealed');
  }

  /** @param next what its file holds now @param last where reading of it ended */
  sealTruncated(next: Generation, last: TailState['file']): void {
    if (next.uncopied_bytes > 0)
      this.gap(
        next.uncopied_bytes,
        'truncated before it could be read, and there was no room to copy it aside',
      );
    this.gap(null, TRUNCATED);
    this.seal('truncated', last);
  }

  /** The file that was being read is not there any more, and no pin holds it. */
  sealLost(file: TailState['file']): void {
    const rest = unfinishedOf(file);
    if (rest !== null) this.take(rest, 0, true);
    this.gap(null, 'the file was gone when the agent came back, and no pin held it');
    this.seal('deleted', file);
  }

  /** Goes on to the next generation, or ends the stream, once this one can grow no more. */
  private closeIfOver(generation: Generation): boolean {
    if (!this.isClosing || !generation.isQuiet(this.queue[1]) || generation.cursor.unfinished !== null)
      return false;
    if (!this.sink.reserve()) return true;
    return this.close(generation);
  }

  /** The first generation is done with; there is room for its marks. @returns whether another one follows */
  close(generation: Generation): boolean {
    const next = this.queue[1];
    if (next === undefined) this.seal('deleted', fileState(generation));
    else if (next.starts === 'truncated') this.sealTruncated(next, fileState(generation));
    else if (next.starts !== null) this.seal(next.starts, fileState(generation));
    this.dropAside(generation);
    this.queue.shift();
    this.lastFile = fileState(generation);
    if (generation.place === 'gone') this.release(generation.pin);
    else if (!this.queue.some((other) => other.pin === generation.pin)) this.kept.push(generation.pin);
    if (next?.starts === null && next.isAfterGap) {
      this.gap(null, 'rotated away before it was seen: the chain moved on by more than it keeps');
    }
    this.sink.changed(this);
    return next !== undefined;
  }

  /** Adds a copy. Its pin says so, because later nobody can tell it from a file that was rotated away. */
  keepCopy(pin: Pin, gone_at_ms: number | null): void {
    this.rename({ pin, number: 0, isAfterGap: false }, 'copy');
    this.copies.list.push({ pin, of: this.queue.at(-1)?.pin ?? null, gone_at_ms });
  }

  releaseCopies(): void {
    for (const pin of this.copies.takeNeedless(this.queue.at(-1))) this.release(pin);
  }

  /** What was copied of it is not needed any more. */
  dropAside(generation: Generation): void {
    const pin = generation.aside?.pin;
    generation.aside = null;
    if (pin) this.release(pin);
  }

  /** The pin is done with. The state goes only after it, so that no crash leaves a pin that nobody knows. */
  release(pin: Pin): void {
    this.released.push(pin);
    this.sink.release(pin);
    this.sink.changed(this);
  }

  /** Forgets pins that are unlinked by now. @returns whether there were some */
  settle(): boolean {
    const left = this.released.filter((pin) => pin.path !== null || pin.fd !== null);
    if (left.length === this.released.length) return false;
    this.released = left;
    this.sink.changed(this);
    crashPoint('tail.settled');
    return true;
  }

  /** Whether all that was written before `since_ms` (monotonic clock) has been read, and no file waits for its turn. */
  isDrained(since_ms: number): boolean {
    const [reading, next] = this.queue;
    // A look that could not be trusted may have missed a file.
    if (next !== undefined || this.fresh.length > 0 || this.lastLook === null) return false;
    return reading === undefined || (reading.place !== 'gone' && reading.drained_at_ms > since_ms);
  }

  /** Whether a pin that it let go of is still there. */
  get isSettling(): boolean {
    return this.released.length > 0;
  }

  /** Whether a generation waits to be closed once it has been quiet long enough. */
  get isClosing(): boolean {
    const generation = this.queue[0];
    return (
      generation !== undefined &&
      generation.place !== 'live' &&
      (generation.place === 'gone' || this.queue.length > 1)
    );
  }

  /** Whether nothing of it is left: no bytes to read, no pin, no state to keep. */
  get isOver(): boolean {
    return this.queue.length === 0 && this.fresh.length === 0 && !this.isRemembered;
  }

  private get isRemembered(): boolean {
    if (this.stream === null || this.sealed === null) return this.stream !== null;
    return this.queue.length + this.kept.length + this.copies.list.length + this.released.length > 0;
  }

  /** @returns null when nothing of this log is left to remember */
  state(): TailState | null {
    if (this.stream === null || !this.isRemembered) return null;
    const generation = this.queue[0];
    const isReading = this.sealed === null && generation !== undefined;
    const state: TailState = {
      sandbox: this.sandbox,
      log: this.log,
      sealed: this.sealed,
      stream: this.stream.state(),
      file: isReading ? fileState(generation) : this.lastFile!,
    };
    const waiting = isReading ? this.queue.slice(1) : this.queue;
    if (this.folder !== null) state.folder = this.folder;
    if (waiting.length > 0) state.waiting = waiting.map(waitingFile);
    return state;
  }
}
