import type { Account } from './fair_shares.ts';
import type { Pin } from './pins.ts';

/** Receives the bytes that the tails read, and saves their states. All calls are synchronous. */
export interface Sink {
  /** @param saved the stream's state as an earlier agent saved it; null for a new stream */
  open(name: StreamName, saved: object | null): StreamSink;
  /**
   * Makes room for the gap and seal rows of one step, so that they and the state after them are in one entry.
   * Called while the tail's state is consistent.
   * @returns false if there is no room now
   */
  reserve(): boolean;
  /** The next entry saves the tail's state. */
  changed(tail: StateOwner): void;
  /** Rows of this sandbox are in the batch. */
  took(account: Account, bytes: number, lines: number): void;
  /** Whether this sandbox must not be read, because its fair share is on its way already. */
  isOver(account: Account): boolean;
  /** Saves all changes at once. @returns false if the spool takes nothing now */
  flush(): boolean;
  /** The pin may be unlinked once all earlier changes are durable. */
  release(pin: Pin): void;
}

/** A stream of one log; `started` in nanoseconds since 1970, as text. */
export interface StreamName {
  sandbox: string;
  log: string;
  started: string;
}

export interface StateOwner {
  readonly key: string;
  /** Null if nothing is left to remember. */
  state(): object | null;
}

/** Receives the bytes of one stream, in order. Times are of the host clock, milliseconds since 1970. */
export interface StreamSink {
  /**
   * Makes rows of the whole lines in bytes[start…], and of all bytes there if `final`, until the batch is
   * full. After a flush the caller gives the rest, in the same buffer.
   * @param before how far the stream was taken
   */
  lines(before: StreamPoint, bytes: Buffer, start: number, final: boolean, read_ms: number): Taken;
  /**
   * Makes a row of bytes[start…], which are no whole line and have waited for the rest of one: of all that
   * may be shown so far. The other calls get the bytes behind them.
   */
  piece(before: StreamPoint, bytes: Buffer, start: number, read_ms: number): Taken;
  /** Adds a gap or seal row at `position`; `message` is its JSON. */
  mark(what: 'gap' | 'seal', position: number, message: object, now_ms: number): void;
  /**
   * Adds a row that stands for so many NULs.
   * @returns the CRC-32 of all rows of the stream, these included
   */
  nuls(before: StreamPoint, bytes: number, now_ms: number): number;
  /** All bytes that were written before `now_ms` have been read. */
  caughtUp(now_ms: number): void;
  /** The part of the stream's state that the sink needs after a crash. */
  state(): object;
}

/** How many bytes of a stream are in rows, and the CRC-32 of the rows. */
export interface StreamPoint {
  position: number;
  crc32: number;
}

/** The part of the given bytes that the sink turned into rows. */
export interface Taken {
  bytes: number;
  lines: number;
  /** Of all rows of the stream, these included. */
  crc32: number;
  /** There are more lines, and the batch has no room for them. */
  isFull: boolean;
}
