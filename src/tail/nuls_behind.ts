import { readSync } from 'node:fs';
import { skipNuls } from './nuls.ts';
import { closePin, openPin, type Pin, readAt } from './pins.ts';

/** So many bytes behind the content are read again before a long search through NULs goes on. */
const RECHECKED_BYTES = 4_096;

/** The file as its reader sees it, as of the last read. */
interface Reader {
  readonly pin: Pin;
  readonly readsFrom: number;
  /** Where the content ends. */
  readonly seenTo: number;
  readonly end: number;
  readonly written_ms: number;
  /** No later write can have that time. */
  readonly isSettled: boolean;
}

interface Seen {
  to: number;
  end: 'unknown' | 'content' | 'file';
  written_ms: number;
  isSettled: boolean;
  /** As of when this is known: what is written since may be where the search has been already. */
  at_ms: number;
}

/**
 * The NULs behind the content of a file, which may be spare ones of a writer that made room for what it will
 * write. Their end is searched for a chunk at a time.
 */
export class NulsBehind {
  private readonly of: Reader;
  private seen: Seen | null = null;

  constructor(of: Reader) {
    this.of = of;
  }

  /** Whether their end is still searched for. */
  get isAmid(): boolean {
    return this.seen?.end === 'unknown';
  }

  /** What ended them when they were seen last; null if none were seen. */
  get end(): 'content' | 'file' | null {
    return this.seen === null || this.seen.end === 'unknown' ? null : this.seen.end;
  }

  /** How many were seen. */
  get bytes(): number {
    return this.seen === null ? 0 : Math.max(0, this.seen.to - this.of.seenTo);
  }

  /** As of when that is known, milliseconds of the monotonic clock. */
  get seen_at_ms(): number {
    return this.seen?.at_ms ?? performance.now();
  }

  /** The last read found so many behind the content, and nothing else. @param atEnd of the file */
  saw(bytes: number, atEnd: boolean): void {
    const at_ms = performance.now();
    if (!atEnd && this.seen?.end === 'file' && this.seen.isSettled && !this.areStale()) {
      this.seen.at_ms = at_ms;
      return;
    }
    const { seenTo, written_ms, isSettled } = this.of;
    const end = atEnd ? 'file' : 'unknown';
    this.seen = bytes === 0 ? null : { to: seenTo + bytes, end, written_ms, isSettled, at_ms };
  }

  /** Goes on with the search, by a chunk. The last read was one of at least `recheck_bytes`. */
  search(chunk: Buffer, length: number): void {
    const { seenTo, readsFrom, end } = this.of;
    if (skipNuls(chunk, seenTo - readsFrom, length) < length) {
      this.seen = null; // written over meanwhile
      return;
    }
    const seen = this.seen!;
    const room = chunk.subarray(0, Math.max(0, end - seen.to));
    const read = room.length === 0 ? 0 : readFrom(this.of.pin, seen.to, room);
    const content = skipNuls(chunk, 0, read);
    seen.to += content;
    if (content < read) this.endsAt(seen);
    else if (read < chunk.length) seen.end = 'file';
  }

  /** There is content behind them, unless it is that of a writer that wrote over them since the last read. */
  private endsAt(seen: Seen): void {
    const first = readAt(this.of.pin, this.of.seenTo, RECHECKED_BYTES);
    if (skipNuls(first, 0, first.length) < first.length) this.seen = null;
    else seen.end = 'content';
  }

  /** How much to read before `search`: who writes over the NULs begins at the end of the content. */
  get recheck_bytes(): number {
    return this.of.seenTo - this.of.readsFrom + RECHECKED_BYTES;
  }

  /** Whether the file changed while their end was searched for: then it is searched for again. */
  areStale(): boolean {
    const { seen, of } = this;
    return seen !== null && (seen.written_ms !== of.written_ms || seen.to !== of.end);
  }

  forget(): void {
    this.seen = null;
  }
}

function readFrom(pin: Pin, position: number, chunk: Buffer): number {
  const fd = openPin(pin);
  try {
    return readSync(fd, chunk, 0, chunk.length, position);
  } finally {
    closePin(pin, fd);
  }
}
