import { reasonOf } from '../errors.ts';
import { Generation, type Place, type StreamStart } from './generation.ts';
import { type FileIdentity, type Pin, sameFile } from './pins.ts';
import type { Sink } from './sink.ts';
import { Stream, startAfter } from './stream.ts';
import { fileState, type TailState, unfinishedOf, waitingFile } from './tail_state.ts';

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

export interface Copy {
  pin: Pin;
  /** When it lost its name, milliseconds of the monotonic clock; its original may be truncated only now. */
  gone_at_ms: number | null;
}

/** Why a file is let go of before it is read, and who is to know of it. */
export interface LetGo {
  reason: string;
  done(pin: Pin, unread_bytes: number): void;
}

/** A truncation or the hole behind it may come before what is to be let go of: looks at so many chunks in one go. */
const LET_GO_CHUNKS_MAX = 1_000;

/** What a tail asks of its sandbox. */
export interface TailOwner {
  /** Looks at the folder again, so that a copy made before a truncation is known. */
  look(): void;
  /** Gives a generation's pin the name of its stream and place. */
  rename(tail: LogTail, of: Pick<Generation, 'pin' | 'number' | 'isAfterGap'>, stream: string): void;
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
  /** Files that appeared behind a live file which is still the same: copies, in case it gets truncated. */
  copies: Copy[] = [];
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
  private readonly sink: Sink;
  private readonly owner: TailOwner;

  constructor(sandbox: string, log: string, sink: Sink, owner: TailOwner) {
    this.sandbox = sandbox;
    this.log = log;
    this.key = `${sandbox}/${log}`;
    this.sink = sink;
    this.owner = owner;
  }

  private rename(of: Pick<Generation, 'pin' | 'number' | 'isAfterGap'>, stream: string): void {
    this.owner.rename(this, of, stream);
  }

  /** Whether this tail knows the file, whatever it is to it. */
  knows(file: FileIdentity): boolean {
    const queued = [...this.queue, ...this.copies].map(({ pin }) => pin);
    return [...queued, ...this.kept].some((pin) => sameFile(pin, file));
  }

  /** Why the last read failed; empty when it did not. */
  get failure(): string {
    return this.failedWith;
  }

  /** Takes up where an earlier agent left off; the generations are queued by `recover.ts`. */
  restore(state: TailState): void {
    this.stream = new Stream(this.sandbox, this.log, state.stream.started, state.stream);
    this.sealed = state.sealed;
    this.lastFile = state.file;
    this.folder = state.folder ?? null;
  }

  /**
   * Adds a file behind those to be read, and gives its pin its name at once: a pin without one says little after a crash.
   * @param known what its pin's name says; else the next number, and a start of its own if it starts a stream
   */
  enqueue(
    pin: Pin,
    starts: StreamStart,
    place: Place,
    known: { number?: number; isAfterGap?: boolean; started?: string } = {},
  ): void {
    const generation = new Generation(pin, known.number ?? this.nextNumber(), starts);
    generation.isAfterGap = known.isAfterGap ?? false;
    generation.stand(place);
    const before = this.queue.findLast(({ started }) => started !== null)?.started ?? this.stream?.started;
    if (starts !== null) generation.started = known.started ?? startAfter(before, pin.born);
    // Not pushed: that makes room for 17, of which thousands of quiet logs use one.
    this.queue = this.queue.concat(generation);
    const stream = generation.started ?? before;
    if (stream !== undefined) this.rename(generation, stream);
  }

  private nextNumber(): number {
    return (this.queue.at(-1)?.number ?? this.lastFile?.number ?? -1) + 1;
  }

  /**
   * Reads the next bytes into rows. One chunk at most, so that other logs get their turn.
   * @returns whether there is more to read at once
   */
  read(chunk: Buffer): boolean {
    const generation = this.queue[0];
    if (generation === undefined) return false;
    try {
      const last = this.queue.at(-1)!;
      if (last !== generation && last.place === 'live' && last.peek()) this.sink.changed(this);
      const more = this.readFrom(generation, chunk);
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
  private readFrom(generation: Generation, chunk: Buffer, letGo: LetGo | null = null): boolean {
    if (this.stream === null || this.sealed !== null) this.begin(generation);
    const copy = generation === this.queue.at(-1) ? this.copies[0] : undefined;
    const length = copy && generation.isTruncatedSince(copy.pin) ? -1 : generation.read(chunk);
    if (length < 0) {
      const known = this.copies.length;
      this.owner.look();
      // Of a look that could not be trusted, what it pinned has no place yet, and may be the copy: the next one tells.
      if (letGo === null && this.lastLook === null && this.fresh.length > 0) return false;
      this.truncated(generation, known);
      return true;
    }
    let start = generation.tail_bytes;
    if (generation.skips_hole) {
      const content = contentAfterHole(chunk, start, length);
      generation.skip(content - start);
      if (content === length) {
        if (length === chunk.length) return true;
        return letGo === null ? this.closeIfOver(generation) : this.giveUp(generation, letGo);
      }
      generation.skips_hole = false;
      start = content;
      if (start > 0) return true; // read again, so that the chunk starts where the content does
    }
    if (letGo !== null) return this.giveUp(generation, letGo);
    const { offset, unfinished } = generation;
    const atEnd = length < chunk.length;
    const over = atEnd && this.isClosing && generation.isQuiet(this.queue[1]);
    const bytes = chunk.subarray(0, length);
    const tookAll = this.sink.lines(this, bytes, start, over);
    const rest = bytes.subarray(start + generation.offset - offset);
    generation.unfinished = atEnd && rest.length > 0 ? Buffer.from(rest) : null;
    if (!atEnd || !tookAll) return true;
    if (rest.length > 0 && unfinished?.equals(rest) !== true) this.sink.changed(this);
    generation.drained_at_ms = performance.now();
    if (rest.length === 0 && this.queue.length === 1) this.stream!.parser.caughtUp(Date.now() / 1000);
    const goesOn = this.closeIfOver(generation);
    this.releaseCopies();
    return goesOn;
  }

  /** bytes[from, to) of the chunk that is being read are in rows now, as `shown` has them. */
  advance(bytes: Buffer, from: number, to: number, shown: Buffer = bytes): void {
    if (from === to) return;
    this.stream!.advance(shown, from, to);
    // There is none when all that is left of a lost file is what was saved of its last line.
    this.queue[0]?.advance(bytes, from, to);
    this.sink.changed(this);
  }

  private begin(generation: Generation): void {
    const born = generation.starts === 'truncated' ? '0' : (generation.started ?? generation.pin.born);
    const started = startAfter(this.stream?.started, born);
    this.stream = new Stream(this.sandbox, this.log, started);
    this.sealed = null;
    for (const [index, next] of this.queue.entries()) {
      if (index > 0 && next.starts !== null) break;
      this.rename(next, this.stream.started);
    }
    this.sink.changed(this);
  }

  /**
   * The file lost its content: by a copy that was made first, or by a restart of the console.
   * @param known how many copies there were before the folder was looked at again
   */
  private truncated(generation: Generation, known: number): void {
    const { isUnread } = generation;
    const first = this.copies.findIndex(({ pin }) => isUnread || generation.isCopiedBy(pin));
    // Those before it, or of which none is its copy, were made of something else: they must not be taken for copies of
    // what the file holds now.
    for (const { pin } of this.copies.splice(0, first < 0 ? known : first)) {
      this.rename({ pin, number: generation.number, isAfterGap: false }, this.stream!.started);
      this.kept.push(pin);
    }
    const again = new Generation(generation.pin, generation.number, null, 0, true);
    again.stand(generation.place);
    if (first >= 0) {
      const copied = this.copies.splice(0).map(({ pin, gone_at_ms }, index) => {
        const isFirst = index === 0;
        const skipsHole = !isFirst || generation.skips_hole;
        const copy = new Generation(pin, 0, null, isFirst ? generation.offset : 0, skipsHole);
        copy.tail_bytes = isFirst ? generation.tail_bytes : 0;
        copy.tail_crc32 = isFirst ? generation.tail_crc32 : 0;
        copy.stand(gone_at_ms === null ? 'rotated' : 'gone');
        copy.isWhole = true;
        return copy;
      });
      this.queue.shift();
      for (const next of this.queue) next.number += copied.length;
      [...copied, again].forEach((next, index) => {
        next.number = generation.number + index;
      });
      this.queue.unshift(...copied, again);
      // The newest first: until its original has its new number, a copy is known by its name.
      for (const next of this.queue.toReversed()) this.rename(next, this.stream!.started);
      this.sink.changed(this);
      return;
    }
    // Where not all can be taken now, the next read finds the truncation again.
    if (!this.takeUnfinished(generation) || !this.sink.reserve()) return;
    this.queue.shift();
    this.gap(null, 'truncated in place: bytes written since the last read, if any, are lost');
    this.seal('truncated', fileState(generation));
    const restarted = new Generation(generation.pin, generation.number, 'truncated', 0, true);
    restarted.stand(generation.place);
    this.queue.unshift(restarted);
  }

  /** Makes rows of what was seen of an unfinished line. @returns whether all of it was taken */
  private takeUnfinished(generation: Generation): boolean {
    const { offset, unfinished } = generation;
    if (unfinished === null || this.sink.lines(this, unfinished, 0, true)) return true;
    generation.unfinished = unfinished.subarray(generation.offset - offset);
    return false;
  }

  /**
   * Lets go of the first file to be read if only its pin keeps it: what is unread of it becomes a gap row of exactly
   * that length. Does nothing while that is not possible.
   */
  letGo(chunk: Buffer, why: LetGo): void {
    try {
      for (let chunks = 0; chunks < LET_GO_CHUNKS_MAX; chunks++) {
        const generation = this.queue[0];
        if (generation === undefined || !this.readFrom(generation, chunk, why)) return;
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      // What cannot be read is not kept for ever either.
      const generation = this.queue[0]!;
      generation.measure();
      this.giveUp(generation, { ...why, reason: `${why.reason}; it could not be read: ${reasonOf(error)}` });
    }
  }

  /** @returns false: there is nothing to go on with at once */
  private giveUp(generation: Generation, { reason, done }: LetGo): boolean {
    const unseen = generation.size - generation.offset - (generation.unfinished?.length ?? 0);
    // All of it is known; once it is quiet nothing is lost with it.
    const mayGrow = unseen === 0 && !generation.isQuiet(this.queue[1]);
    if (generation.place !== 'gone' || mayGrow) return false;
    if (!this.takeUnfinished(generation) || !this.sink.reserve()) return false;
    const bytes = Math.max(0, generation.size - generation.offset);
    if (bytes > 0) {
      this.gap(bytes, reason);
      generation.skip(bytes);
    }
    this.close(generation);
    done(generation.pin, bytes);
    return false;
  }

  /**
   * Files that have no name in the folder any more, in the order in which they are read; copies last. `known_bytes`: how
   * much of it is in rows or in the state, where nothing else has to be read before.
   */
  nameless(): { pin: Pin; known_bytes: number }[] {
    const queued = this.queue.map(({ pin, place, offset, unfinished }, index) => {
      const known_bytes = index > 0 ? 0 : offset + (unfinished?.length ?? 0);
      return { pin, isGone: place === 'gone', known_bytes };
    });
    const copies = this.copies.map(({ pin, gone_at_ms }) => {
      return { pin, isGone: gone_at_ms !== null, known_bytes: 0 };
    });
    return [...queued, ...copies].filter(({ isGone }) => isGone);
  }

  /** A row that says what could not be read; `bytes` null: nobody knows how many. */
  gap(bytes: number | null, reason: string): void {
    const stream = this.stream!;
    // Two gaps at one place have one key: they are one row, whose reason is both.
    const before = stream.last_gap?.position === stream.position ? stream.last_gap : null;
    const both = before === null ? reason : `${before.reason}; ${reason}`;
    this.sink.mark(this, 'gap', { bytes, reason: both });
    if (before === null) stream.gaps++;
    stream.last_gap = { position: stream.position, reason: both };
    stream.position += bytes ?? 0;
    this.sink.changed(this);
  }

  private seal(reason: string, last: TailState['file']): void {
    const totals = this.stream!.totals();
    this.sink.mark(this, 'seal', { ...totals, complete: totals.gaps === 0, reason });
    this.sealed = reason;
    this.lastFile = last;
    this.sink.changed(this);
  }

  /** The file that was being read is not there any more, and no pin holds it. */
  sealLost(file: TailState['file']): void {
    const rest = unfinishedOf(file);
    if (rest !== null) this.sink.lines(this, rest, 0, true);
    this.gap(null, 'the file was gone when the agent came back, and no pin held it');
    this.seal('deleted', file);
  }

  /** Goes on to the next generation, or ends the stream, once this one can grow no more. */
  private closeIfOver(generation: Generation): boolean {
    if (!this.isClosing || !generation.isQuiet(this.queue[1]) || generation.unfinished !== null) return false;
    if (!this.sink.reserve()) return true;
    return this.close(generation);
  }

  /** The first generation is done with; there is room for two marks. @returns whether another one follows */
  private close(generation: Generation): boolean {
    const next = this.queue[1];
    if (next === undefined) this.seal('deleted', fileState(generation));
    else if (next.starts !== null) this.seal(next.starts, fileState(generation));
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
    this.copies.push({ pin, gone_at_ms });
  }

  /** Lets go of copies without a name once their original was read to its end since, and was not truncated. */
  releaseCopies(): void {
    const original = this.queue.at(-1);
    const read_at_ms = original === undefined ? Number.POSITIVE_INFINITY : original.drained_at_ms;
    for (const copy of this.copies.filter(
      ({ gone_at_ms }) => gone_at_ms !== null && gone_at_ms < read_at_ms,
    )) {
      this.copies.splice(this.copies.indexOf(copy), 1);
      this.release(copy.pin);
    }
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
    return this.queue.length + this.kept.length + this.copies.length + this.released.length > 0;
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

/** A read that the system refused; `isNew` when it failed differently, or not at all, before. */
export class ReadFailure extends Error {
  readonly isNew: boolean;
  constructor(tail: LogTail, reason: string, isNew: boolean) {
    super(`${tail.key}: ${reason}`);
    this.isNew = isNew;
  }
}

function contentAfterHole(chunk: Buffer, start: number, end: number): number {
  while (start < end && chunk[start] === 0) start++;
  return start;
}
