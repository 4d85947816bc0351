import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError, isRefused } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { AsideRoom } from './aside.ts';
import type { DoneFile } from './done_files.ts';
import type { Span } from './event_queue.ts';
import type { Account } from './fair_shares.ts';
import { type CursorPoint, FileCursor } from './file_cursor.ts';
import { type FilePlace, Generation, type StreamStart } from './generation.ts';
import type { LastSight } from './last_sight.ts';
import { LogFiles } from './log_files.ts';
import { type FileIdentity, type Pin, sameFile } from './pins.ts';
import { Sights } from './sights.ts';
import type { Sink, StateOwner, Taken } from './sink.ts';
import { Stream, type StreamState, startAfter, startBetween } from './stream.ts';
import { doneText, fileState, type TailState, unfinishedOf, waitingFile } from './tail_state.ts';
import { UnfinishedLine } from './unfinished_line.ts';

/** The sandbox of a tail. */
export interface TailOwner {
  /**
   * Looks at the folder again, so that a copy from before a truncation is known.
   * @returns why this log could not be looked at; null if it could
   */
  lookFor(tail: LogTail): Error | null;
  /** So many files that could come back are not known any more. */
  forgot(tail: LogTail, files: number): void;
  /** Gives a pin the name of its stream and place. */
  rename(tail: LogTail, of: NamedPin, stream: string): void;
  /** Makes an empty file for the copy of a generation's bytes from this offset on. */
  makeAside(tail: LogTail, of: Generation, from: number): Pin;
  renumberAside(pin: Pin, number: number): void;
  /** Whether the file is still held. @throws the system's error */
  hasPin(pin: Pin): boolean;
  /** A pin is not there any more: the next look makes it again, if it can. */
  lookForPins(): void;
  readonly room: AsideRoom;
  /** What the sandbox has on its way. */
  readonly account: Account;
}

/** The reason of a gap row where a writer that started over ends. */
const UNSURE =
  'written over in place: which bytes at its end are new, and which are of the former content, is not known';

const TRUNCATED = 'truncated in place: bytes written since the last read, if any, are lost';

const NOTHING_DUE: readonly (() => void)[] = [];
const NOTHING_UNHELD: readonly FileIdentity[] = [];

/** The reason of the gap row of a file that only a descriptor held. */
const LOST = 'the file was gone when the agent came back, and no pin held it';

const NEVER_HELD =
  'it was seen, and deleted before a descriptor was free to hold it: nobody knows what was in it';

export type NamedPin = Pick<Generation, 'pin' | 'number' | 'isAfterGap'> & { copyOf?: Pin | null };

/** Facts about a file to be read, from the name of its pin or from a saved state. */
interface KnownFile {
  number?: number;
  isAfterGap?: boolean;
  before?: LastSight | null;
  unwatched?: Span | null;
  started?: string;
  point?: Partial<CursorPoint>;
}

/**
 * One log of one sandbox, through rotations, truncations and deletion: the stream that is being read, the
 * files that hold it and its successors, and the state of both. `chain.ts` finds the files, `log_reader.ts`
 * reads them.
 */
export class LogTail implements StateOwner {
  readonly sandbox: string;
  readonly log: string;
  readonly key: string;
  readonly files: LogFiles;
  readonly sights = new Sights();
  readonly owner: TailOwner;
  /** Bytes that must be copied aside could not be: no event may come before a truncation takes them. */
  lacksCopy = false;
  /** When the next piece of its last line is due. */
  readonly unfinished = new UnfinishedLine();
  private readonly sink: Sink;
  private current: Stream | null = null;
  private sealedWith: string | null = null;
  /** The file that was read last: part of the state while no file is being read. */
  private lastFile: TailState['file'] | null = null;
  private folderSeen: string | null = null;
  private look: string | null = null;
  private looked_at_ms = Number.NEGATIVE_INFINITY;
  private failedWith = '';
  private isSaved = true;
  private due: readonly (() => void)[] = NOTHING_DUE;
  private recover: (() => void) | null = null;
  /** Why a file behind the queued ones is lost; null if none is. */
  private lostBehind: string | null = null;
  /** Seen, and no descriptor was free to hold them. */
  private unheld: readonly FileIdentity[] = NOTHING_UNHELD;

  constructor(sandbox: string, log: string, sink: Sink, owner: TailOwner) {
    this.sandbox = sandbox;
    this.log = log;
    this.key = `${sandbox}/${log}`;
    this.sink = sink;
    this.owner = owner;
    this.files = new LogFiles(sink, this);
  }

  /** The stream being read, or sealed last; null before the first byte. */
  get stream(): Stream | null {
    return this.current;
  }

  /** Why that stream is over; null while it goes on. */
  get sealed(): string | null {
    return this.sealedWith;
  }

  /** Continues where an earlier agent ended; `recover.ts` finds the files. */
  restore(state: TailState): void {
    this.current = this.open(state.stream.started, state.stream);
    this.sealedWith = state.sealed;
    this.lastFile = state.file;
    this.folderSeen = state.folder ?? null;
  }

  private open(started: string, saved?: StreamState): Stream {
    const { sandbox, log } = this;
    return new Stream(started, this.sink.open({ sandbox, log, started }, saved ?? null), saved);
  }

  /** Identity of the folder in which its files were seen last; null before the first look. */
  get folder(): string | null {
    return this.folderSeen;
  }

  foundIn(folder: string | null): void {
    this.folderSeen = folder;
  }

  /** The files that the last look saw, as text; null if it could not be trusted. */
  get lastLook(): string | null {
    return this.look;
  }

  looked(saw: string | null): void {
    this.look = saw;
    if (saw !== null) this.looked_at_ms = performance.now();
  }

  /** How long ago the folder was looked at last. */
  get sinceLook_ms(): number {
    return performance.now() - this.looked_at_ms;
  }

  /**
   * Gives a pin its name, or later if the system refuses it now: nothing is read before all pins have theirs,
   * because the next agent finds the place of a file by it. A file that only a descriptor holds it finds by
   * the state: without that, the name of a later one would say that nothing is between.
   */
  rename(of: NamedPin, stream: string): void {
    this.doBeforeRead(() => {
      // What an earlier agent left is in the state of that agent.
      const isKnown = of.pin.path === null || !this.hasDescriptors || !this.isRecovered;
      if (!isKnown && !this.saveIfMust())
        throw new AfterlogError('SPOOL_FULL', 'the spool takes no state now');
      this.owner.rename(this, of, stream);
    });
  }

  private get hasDescriptors(): boolean {
    return this.files.unread.some(({ pin }) => pin.path === null);
  }

  /** The original of this copy aside has another number now. */
  renumberAside(pin: Pin, number: number): void {
    this.doBeforeRead(() => this.owner.renumberAside(pin, number));
  }

  /** Does it at once, or before the next read if the system refuses it now. It is done in order. */
  doBeforeRead(does: () => void): void {
    this.due = [...this.due, does];
    try {
      this.doWhatIsDue();
    } catch (error) {
      if (!isRefused(error)) throw error;
    }
  }

  /** @throws the system's error: then nothing may be read */
  doWhatIsDue(): void {
    while (this.due.length > 0) {
      this.due[0]!();
      this.due = this.due.slice(1);
    }
  }

  /** Whether something must be done before the next read. */
  get hasDue(): boolean {
    return this.due.length > 0;
  }

  /**
   * An earlier agent left files, and a fault keeps this one from finding out about them: until then the log
   * is not looked at, read or forgotten.
   */
  recoverLater(recover: () => void): void {
    this.recover = recover;
  }

  get isRecovered(): boolean {
    return this.recover === null;
  }

  /** @throws the system's error while the fault lasts */
  mustBeRecovered(): void {
    if (this.recover === null) return;
    this.recover();
    this.recover = null;
  }

  /**
   * Adds a file to the end of the queue, and names its pin at once: an unnamed pin says little after a crash.
   * @param known without it: the next number, read from offset 0, and a new start if it begins a stream
   */
  enqueue(pin: Pin, starts: StreamStart, place: FilePlace, known: KnownFile = {}): Generation {
    const cursor = new FileCursor(pin, known.point);
    const generation = new Generation(cursor, known.number ?? this.nextNumber(), starts, place);
    const { before: sight = null } = known;
    generation.before = sight;
    // Events may be on their way: should this agent end before they come, the next one must be in doubt.
    generation.unwatched = known.unwatched ?? (starts === null ? null : sight?.span) ?? null;
    generation.isAfterGap = (known.isAfterGap ?? false) || generation.unwatched !== null;
    if (starts === null && this.lostBehind !== null) generation.isAfterGap = true;
    this.lostBehind = null;
    const before = this.files.lastStarted ?? this.stream?.started;
    if (starts !== null) generation.started = known.started ?? startAfter(before, pin.born);
    this.files.append(generation);
    if (pin.path === null) this.mustSave();
    const stream = generation.started ?? before;
    // No state comes before the first stream, which names all of them.
    const isEarly = this.stream === null && this.hasDescriptors;
    if (stream !== undefined && !isEarly) this.rename(generation, stream);
    return generation;
  }

  /**
   * A file that was read to its end has more: its writer still has it open, or somebody brought it back. It
   * is read on behind what was read: in this stream, or in a new one if this is sealed.
   */
  goOn(done: DoneFile, place: FilePlace): void {
    const { first } = this.files;
    // The next stream must begin before one of its files can wait.
    if (this.sealed !== null && first !== undefined) return;
    const isNewest = place === 'live' || first === undefined;
    const starts = this.sealed === null ? null : 'recreated';
    const number = isNewest ? this.nextNumber() : done.number;
    const generation = new Generation(new FileCursor(done.pin, done.point!), number, starts, place);
    if (starts === null && !isNewest) first.goesOn();
    generation.isLate = !isNewest;
    if (starts !== null) generation.started = startAfter(this.stream?.started, done.pin.born);
    this.files.goOn(done, generation, isNewest);
    if (isNewest) this.rename(generation, generation.started ?? this.stream!.started);
    this.changed();
  }

  /** A file that was queued behind the others is gone, and nothing holds it. */
  lostNewest(why = LOST): void {
    this.lostBehind = why;
  }

  /** A file was seen that no descriptor is free for. */
  cannotHold(file: FileIdentity): void {
    if (!this.unheld.some((other) => sameFile(other, file))) this.unheld = [...this.unheld, file];
  }

  /** The log has no names any more: what of it was never held is lost. */
  loseUnheld(): void {
    const lost = this.unheld.find((file) => !this.files.holds(file));
    this.unheld = NOTHING_UNHELD;
    if (lost === undefined) return;
    if (this.files.unread.length + this.files.fresh.length > 0) this.lostNewest(NEVER_HELD);
    else this.doBeforeRead(() => this.tellUnheld(lost));
  }

  /** A stream of its own tells of files that were never read. */
  private tellUnheld({ inode, born }: FileIdentity): void {
    if (!this.reserve()) throw new AfterlogError('SPOOL_FULL', 'the spool takes no rows now');
    const number = this.nextNumber();
    this.current = this.open(startAfter(this.stream?.started, born));
    this.gap(null, NEVER_HELD);
    this.seal('deleted', { inode, born, number, offset: 0, skips_hole: false, tail_crc32: 0, tail_bytes: 0 });
  }

  private nextNumber(): number {
    return (this.files.newest?.number ?? this.lastFile?.number ?? -1) + 1;
  }

  /** Adds a copy. Its pin's name says so, because later nobody can tell it from a rotated file. */
  keepCopy(pin: Pin, gone_at_ms: number | null): void {
    const of = this.files.newest?.pin ?? null;
    this.rename({ pin, number: 0, isAfterGap: false, copyOf: of }, 'copy');
    this.files.addCopy({ pin, of, gone_at_ms });
  }

  /** Begins the stream of the first file, if there is no stream or the last one is sealed. */
  beginIfOver(): void {
    if (this.stream !== null && this.sealed === null) return;
    const { unread } = this.files;
    const { starts, started: known, pin } = unread[0]!;
    const before = this.stream?.started;
    // The name of its pin has the start that is known: it stays, whatever the clock shows by now.
    const isLater = known !== null && (before === undefined || BigInt(known) > BigInt(before));
    const next = unread.find((one, index) => index > 0 && one.started !== null)?.started ?? null;
    const started = isLater ? known : startBetween(before, next, starts === 'truncated' ? '0' : pin.born);
    this.current = this.open(started);
    this.sealedWith = null;
    this.mustSave();
    this.nameAll(started);
    this.changed();
  }

  /**
   * Gives the files of the first stream its start. The starts of later streams stay, if they are later: after
   * a crash, a file whose stream began before the one that is read would count as read.
   */
  private nameAll(started: string): void {
    let last = started;
    let isOther = true;
    for (const [index, one] of this.files.unread.entries()) {
      if (index > 0 && one.starts !== null) {
        isOther = one.started !== null && BigInt(one.started) <= BigInt(last);
        if (isOther) one.started = startAfter(last, one.pin.born);
        last = one.started ?? last;
      }
      if (isOther || this.hasDescriptors) this.rename(one, last);
    }
  }

  /**
   * Makes rows of the whole lines in bytes[start…], and of all bytes there if `final`. They are the bytes of
   * the first file from its offset on.
   * @returns false if the spool takes nothing now, or others have their turn: then the rest is read again
   */
  take(bytes: Buffer, start: number, final: boolean): boolean {
    const read_ms = Date.now();
    return this.takeAll(bytes, start, final, (at) => this.stream!.take(bytes, at, final, read_ms));
  }

  /** Makes a row of bytes[start…], an unfinished line. Otherwise as `take`. */
  takePiece(bytes: Buffer, start: number): boolean {
    return this.takeAll(bytes, start, false, (at) => this.stream!.takePiece(bytes, at, Date.now()));
  }

  private takeAll(bytes: Buffer, start: number, final: boolean, take: (at: number) => Taken): boolean {
    let lines = 0;
    for (let at = start; ; ) {
      const taken = take(at);
      if (taken.bytes > 0) {
        // No file: it is lost, and these bytes are the part of its last line that the state saved.
        this.files.first?.cursor.advance(bytes, at, at + taken.bytes);
        this.sink.took(this.owner.account, taken.bytes, taken.lines);
        this.changed();
      }
      if (!taken.isFull) return true;
      if (!this.sink.flush()) return false;
      lines += taken.lines;
      if (!final && lines >= limits.fair.turn_rows) return false;
      at += taken.bytes;
    }
  }

  /** Makes rows of the part of an unfinished line that was seen. @returns as `take` */
  takeUnfinished({ cursor }: Generation): boolean {
    const { offset, unfinished } = cursor;
    if (unfinished === null || this.take(unfinished, 0, true)) return true;
    cursor.keepUnfinished(unfinished.subarray(cursor.offset - offset));
    return false;
  }

  /** As `Sink.reserve`. */
  reserve(): boolean {
    return this.sink.reserve();
  }

  /** As `Stream.gap`. */
  gap(bytes: number | null, reason: string): void {
    this.stream!.gap(bytes, reason);
    this.changed();
  }

  /** Adds the row of NULs behind what is read, and steps over them; there is room for it. */
  nuls(cursor: FileCursor, bytes: number): void {
    this.stream!.nuls(bytes);
    cursor.skipNuls(bytes);
    this.unfinished.begins();
    this.changed();
  }

  private seal(reason: string, last: TailState['file']): void {
    this.stream!.seal(reason);
    this.sealedWith = reason;
    this.lastFile = last;
    this.changed();
    crashPoint('tail.sealed');
  }

  /** @param last as it was read @param uncopied_bytes were seen, and neither read nor copied */
  private sealTruncated(last: Generation, uncopied_bytes: number): void {
    if (uncopied_bytes > 0)
      this.gap(uncopied_bytes, 'truncated before it could be read, and there was no room to copy it aside');
    // Gaps at one position are one row.
    this.gap(null, last.cursor.isDoubtful ? `${UNSURE}; ${TRUNCATED}` : TRUNCATED);
    this.seal('truncated', fileState(last));
  }

  /** The file that was being read cannot be read any more. */
  sealLost(file: TailState['file'], why: string): void {
    const rest = unfinishedOf(file);
    if (file.hole_bytes !== undefined) this.stream!.nuls(file.hole_bytes);
    if (rest !== null) this.take(rest, 0, true);
    this.gap(null, why);
    this.seal('deleted', file);
  }

  /** The first file is gone, with all of it that was not read. @returns as `close` */
  closeLost(why: string): boolean {
    this.gap(null, why);
    return this.close();
  }

  /** Ends the first file; there is room for its gap and seal rows. @returns whether another file follows */
  close(): boolean {
    const { first, second: next } = this.files;
    const last = fileState(first!);
    const gaps = first!.cursor.isDoubtful && next?.starts !== 'truncated' ? [UNSURE] : [];
    const missing = this.sights.missingBehind(first!, next);
    if (missing !== null) gaps.push(missing);
    else if (next === undefined && this.lostBehind !== null) gaps.push(this.lostBehind);
    if (gaps.length > 0) this.gap(null, gaps.join('; '));
    if (next === undefined) this.lostBehind = null;
    if (next === undefined) this.seal('deleted', last);
    else if (next.starts === 'truncated') this.sealTruncated(first!, next.uncopied_bytes);
    else if (next.starts !== null) this.seal(next.starts, last);
    this.files.finishFirst();
    this.lastFile = last;
    this.changed();
    return next !== undefined;
  }

  /** Ends the stream of the first file, which is read as far as it was seen before its truncation. */
  endTruncated(next: Generation): void {
    const { first } = this.files;
    this.files.dropAside(first!);
    this.sealTruncated(first!, next.uncopied_bytes);
    this.files.replace(first!, [next]);
    this.mustSave();
  }

  changed(): void {
    this.sink.changed(this);
  }

  /** A stream began, or a truncation was found: the spool must know of it before anything is copied aside. */
  mustSave(): void {
    this.isSaved = false;
  }

  /** @returns whether the spool has a state from after the last `mustSave` */
  saveIfMust(): boolean {
    return this.isSaved || this.save();
  }

  /** Saves the state at once. @returns false if the spool takes nothing now */
  save(): boolean {
    this.changed();
    this.isSaved = this.sink.flush();
    return this.isSaved;
  }

  /** Why the last read failed; empty if it did not. */
  get failure(): string {
    return this.failedWith;
  }

  /** Notes how a read ended; an empty reason is a success. @returns whether the reason is a new one */
  failed(reason: string): boolean {
    const isNew = reason !== this.failedWith;
    this.failedWith = reason;
    return isNew;
  }

  /** Forgets released pins that are unlinked by now. @returns whether there were any */
  settle(): boolean {
    if (!this.files.settle()) return false;
    crashPoint('tail.settled');
    return true;
  }

  /** Whether all bytes from before `since_ms` (monotonic clock) are read, and no file waits for its turn. */
  isDrained(since_ms: number): boolean {
    const { first, second, fresh } = this.files;
    // A look that could not be trusted may have missed a file.
    if (second !== undefined || fresh.length > 0 || this.lastLook === null || !this.isRecovered) return false;
    return first === undefined || (first.place !== 'gone' && first.drained_at_ms > since_ms);
  }

  /** Whether the first file will be closed once it has been quiet long enough. */
  get isClosing(): boolean {
    const { first, second } = this.files;
    if (first === undefined || first.place === 'live') return false;
    return first.place === 'gone' || second !== undefined || this.isAwayForGood;
  }

  /** Whether the last file has left with its folder, which may come back: that is waited for. */
  get isAway(): boolean {
    const { first, second } = this.files;
    return first?.place === 'away' && second === undefined;
  }

  private get isAwayForGood(): boolean {
    return this.isAway && this.files.first!.placed_for_ms >= limits.tail.away_ms;
  }

  /** Whether the next read only goes through more NULs: of the file, or of one that is copied aside. */
  get isAmidNuls(): boolean {
    return this.files.unread.some(({ cursor, known }) => cursor.nuls.isAmid || known.nuls.isAmid);
  }

  /** Whether looks are due even if nobody says that a file changed. */
  get isWatched(): boolean {
    return this.files.unread.some(({ cursor, known }) => cursor.isWatched || known.isWatched);
  }

  /** Keeps sums of what its files hold in so many bytes of memory. */
  shrinkTo(bytes: number): void {
    for (const { cursor } of this.files.unread) cursor.shrinkTo(bytes);
  }

  /** Whether nothing is left of the log: no bytes to read, no pin, no state to keep. */
  get isOver(): boolean {
    const { unread, fresh } = this.files;
    if (!this.isRecovered || this.hasDue || this.unheld.length > 0) return false;
    return unread.length === 0 && fresh.length === 0 && !this.isRemembered;
  }

  /** Whether nothing is kept but what its files held that may come back. */
  get isMemory(): boolean {
    const { unread, fresh, done, copyCount } = this.files;
    return this.sealed !== null && unread.length + fresh.length + copyCount === 0 && done.all.length > 0;
  }

  private get isRemembered(): boolean {
    if (this.stream === null || this.sealed === null) return this.stream !== null;
    return !this.files.isEmpty;
  }

  /** @returns null if nothing of this log is left to remember */
  state(): TailState | null {
    if (this.stream === null || !this.isRemembered) return null;
    const { first, unread } = this.files;
    const isReading = this.sealed === null && first !== undefined;
    const state: TailState = {
      sandbox: this.sandbox,
      log: this.log,
      sealed: this.sealed,
      stream: this.stream.state(),
      file: isReading ? fileState(first) : this.lastFile!,
    };
    const waiting = isReading ? unread.slice(1) : unread;
    if (this.folder !== null) state.folder = this.folder;
    if (waiting.length > 0) state.waiting = waiting.map(waitingFile);
    const done = this.files.done.all.filter(({ point }) => point !== null);
    if (done.length > 0) state.done = done.slice(-limits.tail.files_remembered_max).map(doneText);
    return state;
  }
}
