import { randomInt } from 'node:crypto';
import { limits } from '../base/limits.ts';
import type { StreamPoint, StreamSink, Taken } from './sink.ts';

/** Totals of a stream as they go into its seal. */
export interface StreamTotals {
  bytes: number;
  lines: number;
  crc32: number;
  gaps: number;
}

/**
 * The state of a stream that survives a crash; JSON in the spool. It includes the keys that its sink saves.
 */
export interface StreamState {
  started: string;
  position: number;
  lines: number;
  crc32: number;
  gaps: number;
  /** The last gap row; absent before the first. */
  last_gap?: GapPlace;
}

interface GapPlace {
  position: number;
  reason: string;
}

/**
 * The bytes of one console from its start to its truncation or deletion, across rotations. `position` counts
 * the bytes that are in rows; gaps of known length count too.
 */
export class Stream implements StreamPoint {
  /** Nanoseconds since 1970, as text. */
  readonly started: string;
  position = 0;
  lines = 0;
  crc32 = 0;
  gaps = 0;
  private last_gap: GapPlace | null = null;
  private readonly sink: StreamSink;

  constructor(started: string, sink: StreamSink, saved?: StreamState) {
    this.started = started;
    this.sink = sink;
    if (!saved) return;
    this.position = saved.position;
    this.lines = saved.lines;
    this.crc32 = saved.crc32;
    this.gaps = saved.gaps;
    this.last_gap = saved.last_gap ?? null;
  }

  /** As `StreamSink.lines`; the position advances by the bytes that were taken. */
  take(bytes: Buffer, start: number, final: boolean, read_ms: number): Taken {
    return this.took(this.sink.lines(this, bytes, start, final, read_ms));
  }

  /** As `StreamSink.piece`. */
  takePiece(bytes: Buffer, start: number, read_ms: number): Taken {
    return this.took(this.sink.piece(this, bytes, start, read_ms));
  }

  private took(taken: Taken): Taken {
    this.position += taken.bytes;
    this.lines += taken.lines;
    this.crc32 = taken.crc32;
    return taken;
  }

  /** Adds a row about bytes that could not be read; `bytes` is null if nobody knows how many. */
  gap(bytes: number | null, reason: string): void {
    // Two gaps at one position have one key: the later row counts, with both reasons.
    const before = this.last_gap?.position === this.position ? this.last_gap : null;
    const both = before === null ? reason : `${before.reason}; ${reason}`;
    this.sink.mark('gap', this.position, { bytes, reason: both }, Date.now());
    if (before === null) this.gaps++;
    this.last_gap = { position: this.position, reason: both };
    this.position += bytes ?? 0;
  }

  /** Adds a row for NULs that are content, and too many to be a part of a line. */
  nuls(bytes: number): void {
    this.crc32 = this.sink.nuls(this, bytes, Date.now());
    this.position += bytes;
  }

  seal(reason: string): void {
    const totals = this.totals();
    this.sink.mark('seal', this.position, { ...totals, complete: totals.gaps === 0, reason }, Date.now());
  }

  /** All bytes of its files have been read. */
  caughtUp(): void {
    this.sink.caughtUp(Date.now());
  }

  /** Takes over totals that were corrected in the spool. */
  correct({ lines, crc32, gaps }: StreamState): void {
    Object.assign(this, { lines, crc32, gaps });
  }

  totals(): StreamTotals {
    return { bytes: this.position, lines: this.lines, crc32: this.crc32, gaps: this.gaps };
  }

  state(): StreamState {
    const { started, position, lines, crc32, gaps, last_gap } = this;
    return {
      ...{ started, position, lines, crc32, gaps },
      ...(last_gap !== null && { last_gap }),
      ...this.sink.state(),
    };
  }
}

const NS_PER_MS = 1_000_000n;
/** Births before 2000 are those of a file system that keeps none, or of a host without a clock. */
const EARLIEST_NS = 946_684_800_000_000_000n;

/**
 * The start of a stream, nanoseconds since 1970 as text: the birth of its first file, else the host clock;
 * always later than the start of the stream before. An id may be used again when nothing is remembered of its
 * former streams, so two starts by the clock must differ, too.
 * @param born '0' if nobody knows it
 */
export function startAfter(before: string | undefined, born: string): string {
  const after = before === undefined ? 0n : BigInt(before) + 1n;
  const now = BigInt(Date.now()) * NS_PER_MS + BigInt(randomInt(Number(NS_PER_MS)));
  const latest = now + BigInt(limits.tail.birth_ahead_ms_max) * NS_PER_MS;
  const birth = BigInt(born);
  const isBirth = birth >= EARLIEST_NS && birth <= latest;
  const candidates = isBirth ? [birth, now, after] : [now, after];
  return String(candidates.find((time) => time >= after)!);
}

/**
 * As `startAfter`, and before the start of the stream that follows, as long as there is room: that one may
 * have begun before the truncation that begins this one was noticed.
 */
export function startBetween(before: string | undefined, next: string | null, born: string): string {
  const started = startAfter(before, born);
  if (before === undefined || next === null || BigInt(started) < BigInt(next)) return started;
  const middle = (BigInt(before) + BigInt(next)) / 2n;
  return middle > BigInt(before) ? String(middle) : started;
}
