import { fstatSync, readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { addFrom, areBlocks, BlockSums, byteAt, contentEnd, readBlocks, scratch } from './block_sums.ts';
import { commonLinesTo } from './common_lines.ts';
import type { FileTimes } from './content_check.ts';
import { sameTime_ms } from './file_sight.ts';

/** So many bytes behind the front are kept: within them it is known to the byte. */
const WINDOW_BYTES = 65_536;
/** The same, once the writer has paused: most logs that were written over rest so. */
const PAUSED_WINDOW_BYTES = 4_096;
/** A look compares so much behind a change, for the same bytes may be in between. */
const AHEAD_BYTES = 65_536;
const [NEW_LINE, RETURN] = [10, 13];
const NOTHING = Buffer.alloc(0);

/** How far a writer that started over got, as far as that is known. */
interface Front {
  /** All bytes before this offset are new. */
  at: number;
  /** Bytes behind it may be new, up to this offset at most; equal to `at` if it is known to the byte. */
  atMost: number;
  /** What the file held from `at` on at the last look, up to the end of a block. */
  window: Buffer;
  /** The writer is behind the byte at `at`: if that changes again, another one started over. */
  isInside?: true;
  /** The end of the former line that has the place of the one which begins at `at`; absent if none has. */
  lineTo?: number;
}

/** What a saved state keeps of the former content behind the front. */
export interface SavedRemains {
  /** Bytes up to this offset may be new; absent if it is known to the byte how far the writer got. */
  at_most?: number;
  /** The CRC-32 of what is between the front and the first block. */
  crc32: number;
  /** That is the rest of one line. */
  is_line?: true;
  /** The blocks behind it, as `BlockSums` writes them. */
  sums: string;
}

/**
 * What is left of a file's former content, behind a writer that started over at its beginning. The size of
 * the file stays the same until the writer passes its end, so each look compares what was there before.
 */
export class Remains {
  /** Size of the file: all behind it will be new. */
  readonly size: number;
  private front: Front;
  /** As of the last look after which the content before it was as it had been. */
  private trusted: Front;
  /** Of the whole file, as of the look that noticed the writer. */
  private readonly sums: BlockSums;
  private changed_ms: number;
  private touched_ms = performance.now();
  private looked_ms = 0;
  private hasPaused = false;
  private isOverAgain = false;
  /** Nobody saw what was written behind the front before an agent came. */
  private isResumed = false;
  /** Whether bytes that were written while no agent ran may have been written over before they were read. */
  mayHaveLost = false;
  private readonly first: Front;
  /** A state is saved more often than the front moves. */
  private savedOf: { front: Front; saved: SavedRemains | null } | null = null;
  /** From here on, the lines of `sums` are those of the former content. */
  private readonly formerFrom: number;

  /** Behind it the file had nothing but spare NULs. */
  private readonly contentTo: number;

  private constructor(
    fd: number,
    { size, changed_ms }: FileTimes,
    sums: BlockSums,
    front: Front,
    formerFrom: number,
  ) {
    this.size = size;
    this.contentTo = contentEnd(fd, size);
    this.formerFrom = formerFrom;
    this.changed_ms = changed_ms;
    this.sums = sums;
    this.front = front;
    this.trusted = front;
    this.first = front;
  }

  /**
   * @param former the sums of what the file held before; null if only the sum of the whole was known
   * @param end where that content ended
   * @returns null if the file is shorter by now: it was truncated, and nothing of that content is left
   */
  static find(fd: number, times: FileTimes, former: BlockSums | null, end: number): Remains | null {
    // Made first: what is behind the writer when it is found was behind it at this time, too.
    const sums = sumsOf(fd, times.size);
    if (sums.end < times.size && !sums.isPartial) return null;
    const front = former === null ? null : lastChange(fd, former, 0, Number.POSITIVE_INFINITY);
    // What was read may be younger than the times.
    const now = { ...times, changed_ms: fstatSync(fd).mtimeMs };
    if (front === null) return new Remains(fd, now, sums, unsure(fd, sums, 0), times.size).resumed();
    const { atMost } = front;
    // Of bytes that nobody had read, nothing is known.
    if (front.atMost === former!.end) front.atMost = end;
    return new Remains(fd, now, sums, fitted(fd, sums, front), atMost);
  }

  /**
   * Goes on after a restart.
   * @param isSure nothing was written meanwhile
   * @param saved what is written meanwhile shows by it; null: it is known as soon as the writer writes more
   */
  static resume(
    fd: number,
    times: FileTimes,
    at: number,
    isSure: boolean,
    saved: SavedRemains | null,
  ): Remains {
    const sums = sumsOf(fd, times.size);
    if (isSure) {
      const front = { ...unsure(fd, sums, at), atMost: at };
      return new Remains(fd, times, sums, front, sums.endOf(sums.blockAt(at)));
    }
    if (saved === null) return new Remains(fd, times, sums, unsure(fd, sums, at), times.size).resumed();
    // What was read may be younger than the times.
    const now = { ...times, changed_ms: fstatSync(fd).mtimeMs };
    const front = changeBehind(fd, at, saved);
    return new Remains(fd, now, sums, fitted(fd, sums, front), front.atMost);
  }

  private resumed(): this {
    this.isResumed = true;
    return this;
  }

  /** What was new before a second writer started over, which has passed it, is new. */
  passed(fd: number, { newTo, isUnsure }: Remains): void {
    if (newTo <= this.front.at) return;
    const front = unsure(fd, this.sums, newTo);
    this.front = isUnsure ? front : { ...front, atMost: newTo };
  }

  /** All bytes before this offset are new. */
  get newTo(): number {
    return this.front.at;
  }

  /** So many bytes behind that offset may be new. */
  get unsure_bytes(): number {
    return Math.max(0, this.front.atMost - this.front.at);
  }

  get isUnsure(): boolean {
    return this.unsure_bytes > 0;
  }

  /** Whether the writer has passed the former content, and all that is behind is room for more. */
  get isPast(): boolean {
    return !this.isUnsure && this.front.at >= this.contentTo;
  }

  /** Whether nothing is known of how far the writer got within a file of this size. */
  isUnsureTo(size: number): boolean {
    return this.front.atMost >= size;
  }

  /** Whether a writer started over before it was known how far the one before it got. */
  get hasRestarted(): boolean {
    return this.isOverAgain;
  }

  /** Sums of what that one left; null if only those from before it wrote more are known. */
  get left(): BlockSums | null {
    return this.front === this.first ? this.sums : null;
  }

  /** Whether all that is new is before this offset. */
  isBefore(offset: number): boolean {
    return this.front.atMost <= offset;
  }

  /** Whether a look after a pause of the writer is done: an event tells if it goes on. */
  get isPaused(): boolean {
    return this.hasPaused;
  }

  /** How long the writer has paused. */
  get quiet_ms(): number {
    return performance.now() - this.touched_ms;
  }

  /** Null if nothing is known of what is behind the front. */
  get saved(): SavedRemains | null {
    if (this.savedOf?.front !== this.front) this.savedOf = { front: this.front, saved: this.save() };
    return this.savedOf.saved;
  }

  private save(): SavedRemains | null {
    const { at, atMost, window } = this.front;
    const { sums } = this;
    if (this.isUnsureTo(this.size) || sums.isPartial) return null;
    const block = sums.blockFrom(atMost);
    const before = (block < sums.count ? sums.startOf(block) : this.size) - at;
    if (before > window.length) return null;
    const most = this.isUnsure && { at_most: atMost };
    const isLine = before === 0 || (sums.blockAt(at) === block - 1 && sums.isLine(block - 1));
    return {
      ...most,
      ...(isLine && { is_line: true as const }),
      crc32: crc32(window.subarray(0, before)),
      sums: sums.textFrom(block),
    };
  }

  /** Finds out how far the writer got. */
  look(fd: number, { changed_ms }: FileTimes): void {
    const now_ms = performance.now();
    const isTouched = changed_ms !== this.changed_ms;
    if (!isTouched && this.looked_ms - this.touched_ms >= sameTime_ms(changed_ms)) return;
    if (isTouched) {
      this.touched_ms = now_ms;
      this.hasPaused = false;
    }
    this.looked_ms = now_ms;
    this.changed_ms = changed_ms;
    const { sums } = this;
    const { at, atMost, window } = this.front;
    // One read: the writer may go on at any moment, and each part must be from before that.
    const length = readSync(fd, scratch, 0, Math.min(scratch.length, window.length + AHEAD_BYTES), at);
    // The read may have got a write that came after these times.
    this.changed_ms = fstatSync(fd).mtimeMs;
    if (this.changed_ms !== changed_ms) this.touched_ms = now_ms;
    if (length < window.length) return;
    if (this.front.isInside && scratch[0] !== window[0]) {
      this.isOverAgain = true;
      return;
    }
    const different = lastDifference(scratch, window);
    if (this.isResumed) this.doubt(fd, different);
    const first = sums.blockFrom(at + window.length);
    const last = sums.blockAt(at + length) - 1;
    const isAll = first > last;
    const behind = isAll ? NOTHING : scratch.subarray(sums.startOf(first) - at, sums.endOf(last) - at);
    let front = isAll ? null : changeIn(sums, first, last, behind);
    if (front === null) front = this.moved(different, behind);
    if (front.atMost > front.at || different < 0)
      front = lastChange(fd, sums, isAll ? first : last + 1, AHEAD_BYTES) ?? front;
    // Somebody wrote what was there before: nobody can tell how much.
    const isAlike = isTouched && front.at <= at && front.atMost <= atMost;
    if (isAlike) this.front = { ...this.front, atMost: this.size };
    else if (front.at > at || front.atMost > atMost) {
      this.front = withoutFalseLine(fd, front);
    } else if (front.window.length > window.length) {
      this.front = { ...this.front, window: front.window };
    }
  }

  /**
   * The first change after a resume. Who goes on writing begins behind what was written meanwhile, and mostly
   * with a line. Else another one may have started over: its boot differs within a line.
   */
  private doubt(fd: number, different: number): void {
    const { at, window } = this.front;
    if (different < 0) return;
    this.isResumed = false;
    const first = firstDifference(scratch, window);
    this.mayHaveLost = first === 0 || !isLineStart(fd, at + first);
  }

  /** All that is known is right. */
  trust(): void {
    this.trusted = this.front;
  }

  /** What was found since `trust` is of another content. */
  takeBack(): void {
    this.front = this.trusted;
  }

  /** @param different where the last different byte of the window is @param behind more old content */
  private moved(different: number, behind: Buffer): Front {
    const { at, atMost, window } = this.front;
    const left = window.subarray(different + 1);
    const isEnough = left.length >= WINDOW_BYTES / 2 || behind.length === 0;
    const end = isEnough ? 0 : this.blockEnd(at + window.length, at + window.length + behind.length);
    return {
      at: at + different + 1,
      atMost: different < 0 ? atMost : at + different + 1,
      window: end === 0 ? left : Buffer.concat([left, behind.subarray(0, end - at - window.length)]),
    };
  }

  /** The end of the blocks from `from` on that a window takes; all up to `to` are known. */
  private blockEnd(from: number, to: number): number {
    const block = this.sums.blockAt(from);
    return Math.min(to, this.sums.endOf(this.sums.lastWithin(block, WINDOW_BYTES)));
  }

  /**
   * The writer pauses: an end of a line right behind the front is the same in both contents. A line that
   * begins where the last former one did, and ends the file, is new: a truncated file may be as long as
   * before.
   */
  pause(fd: number): void {
    if (!this.hasPaused) this.shorten();
    this.hasPaused = true;
    if (this.front.lineTo === this.size) this.moveTo(this.size);
    else if (!this.isUnsure && !isLineStart(fd, this.front.at)) this.moveTo(newLineAt(fd, this.front.at));
  }

  private shorten(): void {
    const { at, window } = this.front;
    const { sums } = this;
    const end = sums.endOf(sums.lastWithin(sums.blockAt(at), PAUSED_WINDOW_BYTES)) - at;
    if (end < window.length) this.front = { ...this.front, window: Buffer.from(window.subarray(0, end)) };
  }

  /**
   * The writer is gone. Nothing shows that it stopped within a line whose place a former line has: it wrote
   * all of it, and the rest is the same in both contents.
   */
  end(fd: number): void {
    const { at, lineTo } = this.front;
    this.pause(fd);
    if (this.front.at === at) this.moveTo(lineTo ?? (this.isUnsure ? at : this.formerLineEnd(fd, at)));
    // Few writers end within a line: its rest may be as it was before. So may whole lines that are common.
    const isWhole = isLineStart(fd, this.front.at);
    const atMost = isWhole ? this.commonTo(fd) : this.size;
    this.front = { ...this.front, atMost: Math.max(atMost, this.front.atMost) };
  }

  private commonTo(fd: number): number {
    const { at } = this.front;
    return commonLinesTo(fd, at, this.size, this.formerLine(at) !== null);
  }

  /** The block of the former line that begins at this offset; null if none is known to. */
  private formerLine(start: number): number | null {
    const { sums } = this;
    const block = sums.blockAt(start);
    const isPlace = start >= this.formerFrom && block < sums.count && sums.startOf(block) === start;
    return isPlace && sums.isLine(block) ? block : null;
  }

  private moveTo(to: number): void {
    const { at, atMost, window } = this.front;
    if (to <= at || to > this.size) return;
    this.front = { at: to, atMost: Math.max(to, atMost), window: Buffer.from(window.subarray(to - at)) };
  }

  /** The end of the former line which has the place of the new one that holds the byte before `at`. */
  private formerLineEnd(fd: number, at: number): number {
    const before = Buffer.alloc(WINDOW_BYTES);
    const from = Math.max(0, at - before.length);
    const line = before.subarray(0, readSync(fd, before, 0, at - from, from)).lastIndexOf(NEW_LINE) + 1;
    const start = from + line;
    const block = start < at ? this.formerLine(start) : null;
    if (block === null) return at;
    const end = this.sums.endOf(block);
    return newLineAt(fd, end - 1) > 0 ? end : at;
  }
}

function sumsOf(fd: number, end: number): BlockSums {
  const sums = new BlockSums();
  addFrom(fd, sums, end);
  return sums;
}

/** A front that was found by other sums. */
const fitted = (fd: number, sums: BlockSums, front: Front): Front => ({
  ...withoutFalseLine(fd, front),
  window: trimmed(fd, sums, front),
});

/** Only a line that begins at the front can have the place of a former one. */
function withoutFalseLine(fd: number, front: Front): Front {
  if (front.lineTo === undefined || isLineStart(fd, front.at)) return front;
  const { lineTo: _, ...others } = front;
  return others;
}

/** The part of a window that ends where a block of `sums` does. */
function trimmed(fd: number, sums: BlockSums, { at, window }: Front): Buffer {
  const block = sums.blockAt(at + window.length);
  const length = Math.min(window.length, sums.startOf(block) - at);
  return length > 0 ? window.subarray(0, length) : unsure(fd, sums, at).window;
}

/** Any byte from this offset on may be new, for nobody saw what was there. */
function unsure(fd: number, sums: BlockSums, at: number): Front {
  const block = sums.blockAt(at);
  const end = block < sums.count ? sums.endOf(sums.lastWithin(block, WINDOW_BYTES)) : at;
  const window = Buffer.alloc(end - at);
  return { at, atMost: sums.end, window: window.subarray(0, readSync(fd, window, 0, window.length, at)) };
}

/** The last change behind a saved front, or that front. */
function changeBehind(fd: number, at: number, saved: SavedRemains): Front {
  const { at_most: atMost = at } = saved;
  const former = BlockSums.fromText(saved.sums);
  const change = lastChange(fd, former, 0, Number.POSITIVE_INFINITY);
  if (change !== null) return change;
  const rest = Buffer.alloc(former.from - at);
  const length = readSync(fd, rest, 0, rest.length, at);
  if (crc32(rest.subarray(0, length)) === saved.crc32) return { at, atMost, window: NOTHING };
  // The end of a line within the rest of a former line is new.
  const line = saved.is_line ? rest.subarray(0, -1).lastIndexOf(NEW_LINE) + 1 : 0;
  return { at: at + line, atMost: former.from, window: NOTHING };
}

/** The last change in the blocks from `block` on, if there is nothing but the same for so long behind it. */
function lastChange(fd: number, sums: BlockSums, block: number, ahead_bytes: number): Front | null {
  let front: Front | null = null;
  for (let at = block; at < sums.count; ) {
    if (front !== null && sums.startOf(at) - front.atMost > ahead_bytes) break;
    const last = sums.lastWithin(at, scratch.length);
    const bytes = readBlocks(fd, sums, at, last);
    if (bytes === null) break;
    front = changeIn(sums, at, last, bytes) ?? front;
    at = last + 1;
  }
  return front;
}

/** The last change in these blocks. */
function changeIn(sums: BlockSums, block: number, last: number, bytes: Buffer): Front | null {
  if (areBlocks(sums, block, last, bytes)) return null;
  const from = sums.startOf(block);
  for (let at = last; at >= block; at--) {
    const [start, end] = [sums.startOf(at), sums.endOf(at)];
    if (areBlocks(sums, at, at, bytes.subarray(start - from, end - from))) continue;
    const windowEnd = sums.endOf(Math.min(last, sums.lastWithin(at, WINDOW_BYTES)));
    // A block of one old line has no end of a line within it but one of the new content.
    const lineAt = sums.isLine(at) ? bytes.lastIndexOf(NEW_LINE, end - from - 2) + 1 + from : start;
    const front = Math.max(start, lineAt);
    const window = Buffer.from(bytes.subarray(front - from, windowEnd - from));
    const isWhole = sums.isLine(at) && front === start && bytes[end - from - 1] === NEW_LINE;
    const isInside = front === start;
    return { at: front, atMost: end, window, ...(isWhole && { lineTo: end }), ...(isInside && { isInside }) };
  }
  return null;
}

/** Index of the last byte of `window` that differs; -1 if none does. */
function lastDifference(bytes: Buffer, window: Buffer): number {
  if (bytes.subarray(0, window.length).equals(window)) return -1;
  let at = window.length - 1;
  while (bytes[at] === window[at]) at--;
  return at;
}

/** Index of the first byte of `window` that differs; one does. */
function firstDifference(bytes: Buffer, window: Buffer): number {
  let at = 0;
  while (bytes[at] === window[at]) at++;
  return at;
}

/** Whether the new content has a line that begins at this offset. */
const isLineStart = (fd: number, at: number): boolean => at === 0 || byteAt(fd, at - 1) === NEW_LINE;

/** Offset behind the end of a line at this offset; 0 if there is none. */
function newLineAt(fd: number, at: number): number {
  const next = byteAt(fd, at);
  if (next === NEW_LINE) return at + 1;
  return next === RETURN && byteAt(fd, at + 1) === NEW_LINE ? at + 2 : 0;
}
