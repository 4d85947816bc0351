import { limits } from '../base/limits.ts';
import type { Aside } from './aside.ts';
import type { FileCursor } from './file_cursor.ts';
import { type Pin, readAt, statOf } from './pins.ts';

/** What name a generation's file has now: the log's own, an older one of the chain, or none but its pin's. */
export type FilePlace = 'live' | 'rotated' | 'gone';

/** Why a generation begins a new stream; null: it continues the one before. */
export type StreamStart = 'first' | 'truncated' | 'recreated' | null;

/**
 * One file of a log's chain, or the stretch of a file between two truncations: read in order through its pin.
 */
export class Generation {
  /** How far it is read. */
  readonly cursor: FileCursor;
  readonly starts: StreamStart;
  /** Order along the log's files; what lies between two numbers says nothing. */
  number: number;
  /** Before it there were files that nobody saw. */
  isAfterGap = false;
  /** Start of the stream that it begins; null where it continues one, or a truncation began it. */
  started: string | null = null;
  /** A copy whose original is truncated by now: whoever made it has written all of it. */
  isWhole = false;
  /** What was copied of it before it could be read; null: nothing, or all of that is read. */
  aside: Aside | null = null;
  /** How many truncations its file has gone through: what was copied aside before one says nothing of what came after. */
  cuts = 0;
  /** Of one that a truncation began: bytes before it that were seen and not copied aside, for lack of room. */
  uncopied_bytes = 0;
  /** When a read last took all there was, milliseconds of the monotonic clock. */
  drained_at_ms = Number.NEGATIVE_INFINITY;
  /** Where the file's name is, and since when by the monotonic clock. */
  private at: FilePlace;
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

  moveTo(place: FilePlace): void {
    if (place === this.at) return;
    this.at = place;
    this.placed_at_ms = performance.now();
  }

  /**
   * Whether no more bytes can be expected: the file lost its name, and has been quiet since.
   * @param next what is read after it: once its writer has gone on there, less quiet is enough
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

  /** Whether `pin` is a copy of this file made before it was truncated: it holds the bytes that were seen last. */
  isCopiedBy(pin: Pin): boolean {
    return this.known.isSeenIn(pin);
  }

  /** Whether nothing of its content is known. */
  get isUnread(): boolean {
    return this.known.isUnread;
  }

  /** Whether nothing of it was read, and yet it is not what it was when it was copied: it was truncated since. */
  isTruncatedSince(copy: Pin): boolean {
    if (!this.isUnread) return false;
    const copied = statOf(copy).size;
    const differs = (from: number, length: number): boolean =>
      !readAt(this.pin, from, length).equals(readAt(copy, from, length));
    return (
      differs(0, Math.min(copied, limits.parse.line_bytes_max)) ||
      differs(Math.max(0, copied - limits.tail.overlap_bytes), Math.min(copied, limits.tail.overlap_bytes))
    );
  }

  /** What is read in its place from another file, to which its content was copied. */
  copiedTo(pin: Pin, place: FilePlace): Generation {
    const copy = new Generation(this.cursor.in(pin), this.number, this.starts, place);
    copy.started = this.started;
    copy.isAfterGap = this.isAfterGap;
    copy.isWhole = true;
    return copy;
  }
}
