import type { LogTail } from './log_tail.ts';
import type { Pin } from './pins.ts';

/** Takes what a tail reads. All calls are synchronous. */
export interface Sink {
  /**
   * Makes rows of the whole lines in bytes[start…] (of all that is there if `final`), calling `tail.advance`.
   * @returns false when it could not take them all now: they are to be read again
   */
  lines(tail: LogTail, bytes: Buffer, start: number, final: boolean): boolean;
  /**
   * Makes room for the marks of one step, while the tail's state is whole: the marks, and the state after them,
   * then go into one entry.
   * @returns false when there is none now
   */
  reserve(): boolean;
  /** A row of the stream at its position: `message` is its JSON. */
  mark(tail: LogTail, record: 'gap' | 'seal', message: object): void;
  /** The tail's state is to be saved with the next entry. */
  changed(tail: LogTail): void;
  /** Saves what has changed at once. @returns false when the spool takes nothing now */
  flush(): boolean;
  /** The pin may go once all that was told before is durable. */
  release(pin: Pin): void;
}
