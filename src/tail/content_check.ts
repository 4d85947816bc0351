import { limits } from '../base/limits.ts';
import { addFrom, areBlocks, BlockSums, readBlocks, scratch } from './block_sums.ts';
import { sameTime_ms } from './file_sight.ts';

/** One look compares so much without a pause. */
const COMPARED_AT_ONCE = 4 * 1024 * 1024;
/** Sums of files up to this length are made anew at the first look after a restart, of others when needed. */
const ANEW_BYTES_MAX = 1_024 * 1_024;
/** A look at a file that grew compares at least so much of what was read of it. */
const SAMPLE_BYTES_MIN = 1_024;
/** A look may take this share of what is left to compare, so that no log takes the part of the others. */
const ROOM_SHARE = 1 / 16;
/** Multiples of it, modulo 1, are spread evenly, however many there are. */
const GOLDEN = (Math.sqrt(5) - 1) / 2;

/** What a look may compare of files that grew, for all logs together; beyond it, samples are compared. */
export const compareRoom = {
  /** Unknown before the first refill: then there is room for one second. */
  left_bytes: Number.NaN,
  /** @param ms since the last call */
  refill(ms: number): void {
    this.left_bytes = (limits.tail.compare_bytes_per_s * ms) / 1_000;
  },
  take(bytes: number): boolean {
    if (Number.isNaN(this.left_bytes)) this.refill(1_000);
    if (bytes > this.left_bytes * ROOM_SHARE) return false;
    this.left_bytes -= bytes;
    return true;
  },
};

/** Size and time of a file at a look. */
export interface FileTimes {
  size: number;
  /** Last change of its content, milliseconds since 1970. */
  changed_ms: number;
}

/** The content from the offset on, as one read saw it. */
export interface Ahead {
  /** Bytes that were seen before. */
  rest: Buffer | null;
  /** How many bytes the read got behind the offset. */
  bytes: number;
  /** Whether there is content behind `rest`. */
  more: boolean;
  /** Whether the read before had left some there, or may have. */
  hadMore: boolean;
}

/** `busy`: so much is to be compared that others have a turn first. */
export type Verdict = 'same' | 'changed' | 'busy';

/**
 * Finds out whether a file still holds all that was read of it. An append changes size and time of a file;
 * a writer that starts over at offset 0 changes the time alone, and then all is compared. After a truncation,
 * the new content may have passed the old end unseen: so if the file grew, all is compared too, as long as
 * there is room, and a sample otherwise.
 */
export class ContentCheck {
  private sums: BlockSums;
  private times: FileTimes | null;
  private knowsSum: boolean;
  /** When a look first saw this time of change, and when all or a sample was last compared. */
  private changeSeen_ms = 0;
  private compared_ms = Number.POSITIVE_INFINITY;
  private samples = 0;
  /** A comparison on its way: the next block, or the sums that are made anew after a restart. */
  private pass: { times: FileTimes; block: number } | null = null;
  private anew: BlockSums | null = null;

  /** @param isSumKnown whether the sum of what is before the first block is known */
  constructor(sums: BlockSums, times: FileTimes | null, isSumKnown: boolean) {
    this.sums = sums;
    this.times = times;
    this.knowsSum = isSumKnown || sums.from === 0;
  }

  /** The file was as long as this at the last look, whenever that was. */
  sawAll(size: number): void {
    this.times = { size, changed_ms: Number.NaN };
  }

  clone(): ContentCheck {
    const other = new ContentCheck(this.sums.clone(), this.times, this.knowsSum);
    other.changeSeen_ms = this.changeSeen_ms;
    other.compared_ms = this.compared_ms;
    return other;
  }

  /** The sums of what was read. Those of blocks from before a restart are made when the file is touched. */
  get read(): BlockSums {
    return this.sums;
  }

  /** Whether the sum of all that was read is known: not from the state of an earlier version. */
  get isSumKnown(): boolean {
    return this.knowsSum;
  }

  /** The sums of all that was read and seen; null if only that of the whole is known. */
  whole(rest: Buffer | null): BlockSums | null {
    if (this.sums.from > 0) return null;
    const sums = this.sums.clone();
    if (rest !== null) sums.add(rest);
    return sums;
  }

  /** As of the last look; null before the first. */
  get lastTimes(): FileTimes | null {
    return this.times;
  }

  look(fd: number, times: FileTimes, { bytes, more, hadMore }: Ahead): Verdict {
    const before = this.times;
    const now_ms = performance.now();
    const isTouched = before === null || times.changed_ms !== before.changed_ms;
    const isLonger = before === null || times.size > before.size;
    const isSettled = more || this.compared_ms - this.changeSeen_ms >= sameTime_ms(times.changed_ms);
    const isOld = !isTouched && times.size === before.size && this.pass === null;
    const isAnew = this.sums.from > 0 && this.sums.end <= ANEW_BYTES_MAX;
    const isDone = isOld && !isAnew && (isSettled || this.compared_ms === Number.POSITIVE_INFINITY);
    if (this.sums.end === 0 || isDone) return this.took(times, now_ms, isTouched);
    if (this.sums.from > 0) return this.rebuild(fd, times, now_ms);
    const hasGrown = isLonger || (more && !hadMore);
    if (hasGrown && this.pass === null) {
      const isSame =
        this.sums.end <= bytes || compareRoom.take(this.sums.end) ? this.all(fd) : this.some(fd, bytes);
      return isSame ? this.took(times, now_ms, isTouched, true) : 'changed';
    }
    this.pass ??= { times, block: 0 };
    const verdict = this.goOn(fd, this.pass);
    if (verdict !== 'same') return verdict;
    const { times: since } = this.pass;
    this.pass = null;
    // Changes meanwhile are for the next look.
    return this.took(since, now_ms, isTouched, true);
  }

  private took(times: FileTimes, now_ms: number, isTouched: boolean, isCompared = false): 'same' {
    if (isTouched) this.changeSeen_ms = now_ms;
    if (isCompared || this.sums.end === 0) this.compared_ms = now_ms;
    this.times = times;
    return 'same';
  }

  private all(fd: number): boolean {
    return compareRun(fd, this.sums, 0, Number.POSITIVE_INFINITY).verdict === 'same';
  }

  /** Compares a few blocks, others each time. */
  private some(fd: number, bytes: number): boolean {
    const { sums } = this;
    const at = Math.floor(((++this.samples * GOLDEN) % 1) * sums.end);
    const block = sums.blockAt(at);
    const last = sums.lastWithin(block, Math.min(Math.max(SAMPLE_BYTES_MIN, bytes / 4), scratch.length));
    const held = readBlocks(fd, sums, block, last);
    return held !== null && areBlocks(sums, block, last, held);
  }

  private goOn(fd: number, pass: { block: number }): Verdict {
    const { verdict, block } = compareRun(fd, this.sums, pass.block, COMPARED_AT_ONCE);
    pass.block = block;
    return verdict;
  }

  /** Only the sum of the whole is known: all is read again, and its blocks are known from then on. */
  private rebuild(fd: number, times: FileTimes, now_ms: number): Verdict {
    this.pass ??= { times, block: 0 };
    this.anew ??= new BlockSums();
    const { anew, sums } = this;
    const added = addFrom(fd, anew, sums.end, COMPARED_AT_ONCE);
    if (anew.end < sums.end && !anew.isPartial) return added < COMPARED_AT_ONCE ? 'changed' : 'busy';
    if (this.knowsSum && !anew.isPartial && anew.sum !== sums.sum) return 'changed';
    const { times: since } = this.pass;
    this.sums = anew;
    this.knowsSum = true;
    this.anew = null;
    this.pass = null;
    return this.took(since, now_ms, true, true);
  }
}

/** Compares blocks from `block` on until `bytes` are compared. */
function compareRun(
  fd: number,
  sums: BlockSums,
  block: number,
  bytes: number,
): { verdict: Verdict; block: number } {
  const until = sums.startOf(block) + bytes;
  let at = block;
  while (at < sums.count) {
    if (sums.startOf(at) >= until) return { verdict: 'busy', block: at };
    const last = sums.lastWithin(at, scratch.length);
    const held = readBlocks(fd, sums, at, last);
    if (held === null || !areBlocks(sums, at, last, held)) return { verdict: 'changed', block: at };
    at = last + 1;
  }
  return { verdict: 'same', block: at };
}
