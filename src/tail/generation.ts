import { limits } from '../base/limits.ts';
import type { Aside } from './aside.ts';
import type { Span } from './event_queue.ts';
import type { FileCursor } from './file_cursor.ts';
import type { LastSight } from './last_sight.ts';
import { withoutNulsAtEnd } from './nuls.ts';
import { type Pin, readAt, statOf } from './pins.ts';

/**
 * Where a generation's file is now: under the log's own name, under an older one of the chain, elsewhere (it
 * has left the folder, or has a strange name there), away with the whole folder, or nowhere: only its pin has
 * it.
 */
export type FilePlace = 'live' | 'rotated' | 'elsewhere' | 'away' | 'gone';

/** Whether the file has a name of its log in the log's folder. */
export const isInFolder = (place: FilePlace): boolean => place === 'live' || place === 'rotated';

/** Why a generation begins a new stream; null: it continues the one before. */
export type StreamStart = 'first' | 'truncated' | 'recreated' | null;

/** One file of a log's chain, or what a file held between two truncations. Read in order, through its pin. */
export class Generation {
  /** How far it is read. */
  readonly cursor: FileCursor;
  starts: StreamStart;
  /** Order of the log's files; numbers may be missing. */
  number: number;
  /** There were files before it that nobody saw. */
  isAfterGap = false;
  /** The last sight of the file before it, if no look saw both. */
  before: LastSight | null = null;
  /** As an earlier agent saved it: when nobody watched before this file came. */
  unwatched: Span | null = null;
  /** Start of the stream that it begins; null if it continues one, or a truncation began it. */
  started: string | null = null;
  /** It was read before, and has grown since: others wait for it only until it is read to its end again. */
  isLate = false;
  /** A copy whose original is truncated by now: the copy is complete. */
  isWhole = false;
  /** The copy of its unread bytes; null if there is none, or it is read. */
  aside: Aside | null = null;
  /** Truncations of its file so far: a copy from before one is useless after it. */
  cuts = 0;
  /** If a truncation began it: the bytes that were lost then because there was no room to copy them. */
  uncopied_bytes = 0;
  /** When a read last took all bytes of the file, milliseconds of the monotonic clock. */
  drained_at_ms = Number.NEGATIVE_INFINITY;
  private at: FilePlace;
  /** When the place last changed, milliseconds of the monotonic clock. */
  private placed_at_ms = performance.now();

  constructor(cursor: FileCursor, number: number, starts: StreamStart, place: FilePlace) {
    this.cursor = cursor;
    this.number = number;
    this.starts = starts;
    this.at = place;
  }

  get pin(): Pin {
    return this.cursor.pin;
  }

  get place(): FilePlace {
    return this.at;
  }

  /** How long it has been in this place. */
  get placed_for_ms(): number {
    return performance.now() - this.placed_at_ms;
  }

  /** Another file of its stream is read before its rest. */
  goesOn(): void {
    this.starts = null;
    this.started = null;
    this.isAfterGap = false;
    this.before = null;
    this.unwatched = null;
  }

  moveTo(place: FilePlace): void {
    if (place === this.at) return;
    this.at = place;
    this.placed_at_ms = performance.now();
  }

  /**
   * Whether no more bytes are expected: the file has lost its name and has been quiet since.
   * @param next the file that is read after it: once the writer uses that one, a shorter quiet is enough
   */
  isQuiet(next: Generation | undefined): boolean {
    if (this.isWhole) return true;
    if (this.at === 'live') return false;
    const quiet_ms = performance.now() - Math.max(this.placed_at_ms, this.cursor.grown_at_ms);
    if (quiet_ms >= limits.tail.quiet_ms) return true;
    return quiet_ms >= limits.tail.superseded_ms && next?.starts === null && statOf(next.pin).size > 0;
  }

  /** How far its content is known: read, or copied aside. */
  get known(): FileCursor {
    return this.aside?.cursor ?? this.cursor;
  }

  /**
   * Whether `pin` is a copy of this file from before a truncation: it holds the bytes that were seen last.
   */
  isCopiedBy(pin: Pin): boolean {
    return this.known.isSeenIn(pin);
  }

  /** Whether nothing of its content is known. */
  get isUnread(): boolean {
    return this.known.isUnread;
  }

  /** Whether the file, of which nothing was read, differs from its copy: it was truncated since. */
  isTruncatedSince(copy: Pin): boolean {
    // A file that was written over differs from older copies, too.
    if (!this.isUnread || this.known.unsure_bytes > 0) return false;
    const copied = statOf(copy).size;
    const differs = (from: number, length: number): boolean => {
      // NULs at the end of the copy may have been written over since.
      const content = withoutNulsAtEnd(readAt(copy, from, length));
      return !readAt(this.pin, from, content.length).equals(content);
    };
    return (
      differs(0, Math.min(copied, limits.parse.line_bytes_max)) ||
      differs(Math.max(0, copied - limits.tail.overlap_bytes), Math.min(copied, limits.tail.overlap_bytes))
    );
  }

  /** Continues this generation in another file, to which its content was copied. */
  copiedTo(pin: Pin, place: FilePlace): Generation {
    const copy = new Generation(this.cursor.inCopy(pin, this.known), this.number, this.starts, place);
    copy.started = this.started;
    copy.isAfterGap = this.isAfterGap;
    copy.before = this.before;
    copy.unwatched = this.unwatched;
    copy.isWhole = true;
    return copy;
  }
}
