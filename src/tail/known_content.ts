import { BlockSums, byteAt, contentEnd } from './block_sums.ts';
import { type Ahead, ContentCheck, type FileTimes, type Verdict } from './content_check.ts';
import { Remains, type SavedRemains } from './remains.ts';

/** What the state of a log keeps of a file's content; all of it is absent in states of earlier versions. */
export interface SavedContent {
  /** CRC-32 of the file up to the offset. */
  crc32?: number;
  /** Size and time of the file at the last look. */
  size?: number;
  changed_ms?: number;
  /** A writer started over, and has not passed the end of the former content yet; or a copy was made then. */
  remains?: {
    end: number;
    new_to: number;
    is_unsure: boolean;
    is_copy?: true;
    /** Absent if nothing is known of the former content. */
    former?: SavedRemains;
  };
  /** A truncation took away so many bytes that may have been new, and were never read. */
  cut_bytes?: number;
  /** Bytes that were written over former content may have been written over before they were read. */
  may_have_lost?: true;
}

/**
 * What is known of the content of a file: checksums of all that was read, and how much of the file is new, if
 * its writer started over at the beginning.
 */
export class KnownContent {
  private check: ContentCheck;
  private behind: Remains | null = null;
  private saved: SavedContent | null;
  private next: Remains | null = null;
  private cut_bytes: number;
  private isCopy = false;
  /** Whether bytes may be lost that were written over before they were read. */
  mayHaveLost = false;

  /** @param offset how far the file is read @param from of an earlier agent, or of the writer's start over */
  constructor(offset: number, from: SavedContent | Remains = {}) {
    const isSaved = !(from instanceof Remains);
    this.saved = isSaved ? from : null;
    if (!isSaved) this.behind = from;
    const { crc32, size, changed_ms, cut_bytes = 0 } = isSaved ? from : ({} as SavedContent);
    this.cut_bytes = cut_bytes;
    this.mayHaveLost = isSaved && from.may_have_lost === true;
    const times = size === undefined || changed_ms === undefined ? null : { size, changed_ms };
    this.check = new ContentCheck(new BlockSums(offset, crc32 ?? 0), times, crc32 !== undefined);
  }

  /** The same knowledge, for somebody who reads on from there. */
  clone(): KnownContent {
    const other = new KnownContent(0);
    other.check = this.check.clone();
    other.behind = this.behind;
    other.saved = this.saved;
    other.cut_bytes = this.cut_bytes;
    other.mayHaveLost = this.mayHaveLost;
    return other;
  }

  /** The same for a copy of the file, which nobody changes; null if all of it is new. */
  ofCopy(): KnownContent | null {
    const { behind, saved } = this;
    if (behind === null && saved?.remains === undefined) return null;
    const other = new KnownContent(0, behind ?? saved!);
    other.isCopy = true;
    return other;
  }

  /** The writer that started over last, once `verify` found it. */
  get startedOver(): Remains | null {
    return this.next;
  }

  /** Whether looks are due even if nobody says that the file changed. */
  get isWatched(): boolean {
    return this.next !== null || (this.behind !== null && !this.behind.isPaused);
  }

  /** So many bytes behind what is known to be new may be new, too. */
  get unsure_bytes(): number {
    const { behind, saved } = this;
    if (behind !== null) return behind.unsure_bytes;
    return saved?.remains?.is_unsure ? saved.remains.end - saved.remains.new_to : this.cut_bytes;
  }

  /** How far a writer that started over got, as far as that is known; null if all of the file is new. */
  get newTo(): number | null {
    return this.behind?.newTo ?? this.saved?.remains?.new_to ?? null;
  }

  /** How far a file of this size is new. */
  endOf(size: number): number {
    return Math.min(size, this.newTo ?? size);
  }

  /**
   * Looks how far the writer got, if it started over.
   * @param isOver whether it is known to be gone
   * @returns how far the file may be read
   */
  measure(fd: number, times: FileTimes, isOver: boolean, quiet_ms: number): number {
    this.resume(fd, times);
    const { behind } = this;
    if (behind === null) return times.size;
    behind.trust();
    if (this.isAllNew(behind, times.size)) return times.size;
    behind.look(fd, times);
    this.mayHaveLost ||= behind.mayHaveLost;
    if (isOver) behind.end(fd);
    else if (behind.quiet_ms >= quiet_ms) behind.pause(fd);
    return Math.min(behind.newTo, times.size);
  }

  /** What an earlier agent saved stays until a look has shown that the file is the same. */
  private resume(fd: number, times: FileTimes): void {
    const { saved } = this;
    if (saved?.remains === undefined || this.behind !== null) return;
    const { end, new_to, is_unsure, is_copy = false, former = null } = saved.remains;
    this.isCopy ||= is_copy;
    if (times.size !== end && !this.isCopy) return;
    const isSure = !is_unsure && (is_copy || saved.changed_ms === times.changed_ms);
    this.behind = Remains.resume(fd, times, new_to, isSure, former);
  }

  /**
   * Whether the file still holds what was read.
   * @param isSeen whether the bytes around the offset are those that were seen
   */
  verify(fd: number, times: FileTimes, isSeen: boolean, ahead: Ahead): Verdict {
    const verdict = this.compare(fd, times, isSeen, ahead);
    if (verdict === 'same') this.isSame(times.size);
    else if (verdict === 'changed' && this.next === null) this.takeBack();
    return verdict;
  }

  /** The look saw another content. How far the writer got in the one before is known from the last look. */
  private takeBack(): void {
    if (this.saved === null) this.behind?.takeBack();
    else this.behind = null;
  }

  private isSame(size: number): void {
    const { behind, saved, unsure_bytes } = this;
    this.saved = null;
    if (behind === null ? saved?.remains === undefined : this.isCopy || !this.isAllNew(behind, size)) return;
    // Nothing was read of it: so its truncation does not show in what was read.
    if (size < (behind?.size ?? saved!.remains!.end)) this.cut_bytes = unsure_bytes;
    this.behind = null;
  }

  /** Whether the writer has passed the former content, or a truncation took it away. */
  private isAllNew({ size, newTo, isPast }: Remains, now_bytes: number): boolean {
    // A copy ends where its maker came to.
    return this.isCopy ? now_bytes <= newTo : now_bytes !== size || isPast;
  }

  private compare(fd: number, times: FileTimes, isSeen: boolean, ahead: Ahead): Verdict {
    if (this.isCopy) return isSeen ? 'same' : 'changed';
    const again = this.behind?.hasRestarted ? this.behind : null;
    const verdict = isSeen && again === null ? this.check.look(fd, times, ahead) : 'changed';
    const { rest, more, hadMore } = ahead;
    // The writer has passed the end of the content, over spare NULs: all is new.
    if (this.behind === null && more && !hadMore) return verdict;
    // Of another size: it was truncated, or the writer has passed the end. Then all of it is new.
    const seenTo = this.check.read.end + (rest?.length ?? 0);
    const before = this.check.lastTimes?.size ?? seenTo;
    if (verdict !== 'changed') return verdict;
    // It may have got room for more, too.
    const hasRoom = times.size > before && !more && contentEnd(fd, times.size) === seenTo;
    if (times.size !== before && !hasRoom) return verdict;
    // The last byte of the content was no NUL: if it is one now, nothing is left of the content.
    const isLast = this.behind === null && !more && seenTo > 0;
    if (isLast && byteAt(fd, seenTo - 1) === 0) return verdict;
    const former = again === null ? this.check.whole(rest) : again.left;
    const end = this.endOf(times.size);
    const next = Remains.find(fd, times, former, end);
    // NULs behind what was seen are no content that waits to be read.
    const isPast = former !== null && hadMore && end > former.end;
    if (isPast && this.behind !== null && next?.isUnsureTo(end)) next.passed(fd, this.behind);
    this.next = next;
    return verdict;
  }

  /**
   * Once `verify` found that the writer started over: whether the next read, from this offset on, gets former
   * content that nobody has seen.
   * @param more whether there is content behind what was seen
   */
  isFormer(fd: number, times: FileTimes, offset: number, more: boolean): boolean {
    const { next } = this;
    if (next === null || times.size !== next.size) return false;
    next.look(fd, times);
    return more && next.isBefore(offset);
  }

  /** The content was copied up to this offset, so all before it is new; its end was there, if all is new. */
  copiedTo(offset: number): void {
    const { remains } = this.saved ?? {};
    if (remains && remains.new_to < offset)
      this.saved = { ...this.saved, remains: { ...withoutFormer(remains), new_to: offset } };
    this.check.sawAll(remains?.end ?? offset);
  }

  took(bytes: Buffer): void {
    if (!this.isCopy) this.check.read.add(bytes);
  }

  /** Knows the content less exactly, to save memory. */
  shrinkTo(bytes: number): void {
    this.check.read.shrinkTo(bytes);
  }

  skipped(nuls: number): void {
    this.check.read.addNuls(nuls);
  }

  /** @param offset how far the file is read */
  state(offset: number): SavedContent {
    const { read, lastTimes } = this.check;
    const { behind, saved } = this;
    const copy = this.isCopy && { is_copy: true as const };
    const remains = behind ? { ...remainsState(behind), ...copy } : saved?.remains;
    return {
      ...(this.check.isSumKnown && !read.isPartial && read.end === offset && { crc32: read.sum }),
      ...lastTimes,
      ...(remains && { remains }),
      ...(this.cut_bytes > 0 && { cut_bytes: this.cut_bytes }),
      ...(this.mayHaveLost && { may_have_lost: true as const }),
    };
  }
}

type SavedPlace = NonNullable<SavedContent['remains']>;

/** The former content is known from another place on. */
const withoutFormer = ({ former, ...remains }: SavedPlace): SavedPlace => remains;

function remainsState(remains: Remains): SavedPlace {
  const { size: end, newTo: new_to, isUnsure: is_unsure, saved: former } = remains;
  return { end, new_to, is_unsure, ...(former && { former }) };
}
