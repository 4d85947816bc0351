import type { Pin } from './pins.ts';

/** Takes what the tails read. All calls are synchronous. */
export interface Sink {
  /** @param saved the state of a stream that an earlier agent read; null for a new stream */
  open(name: StreamName, saved: object | null): StreamSink;
  /**
   * Makes room for the marks of one step while the tail's state is whole, so that the marks and the state after them
   * are in one entry.
   * @returns false when there is no room now
   */
  reserve(): boolean;
  /** The next entry saves the tail's state. */
  changed(tail: StateOwner): void;
  /** Saves at once what has changed. @returns false when the spool takes nothing now */
  flush(): boolean;
  /** The pin may go once all that changed before is durable. */
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
  /** Null: nothing is left to remember. */
  state(): object | null;
}

/** Takes the bytes of one stream, in order. Times are of the host clock, milliseconds since 1970. */
export interface StreamSink {
  /**
   * Makes rows of the whole lines in bytes[start…], and of all bytes there if `final`. A full batch ends it early: the
   * rest is given again, in the same buffer, after a flush.
   * @param before how far the stream is
   */
  lines(before: StreamPoint, bytes: Buffer, start: number, final: boolean, read_ms: number): Taken;
  /** Makes a row that is no line, at `position`; `message` is its JSON. */
  mark(what: 'gap' | 'seal', position: number, message: object, now_ms: number): void;
  /** All that was written before `now_ms` has been read. */
  caughtUp(now_ms: number): void;
  /** What has to survive a crash, as JSON. */
  state(): object;
}

/** How many bytes of a stream are in rows, and the CRC-32 of the rows. */
export interface StreamPoint {
  position: number;
  crc32: number;
}

/** What became rows of the bytes that a sink was given. */
export interface Taken {
  bytes: number;
  lines: number;
  /** Of the whole stream, with these rows. */
  crc32: number;
  /** More lines are there, and the batch has no room for them. */
  isFull: boolean;
}
