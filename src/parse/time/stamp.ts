import { bytes, isDigit } from '../line/bytes.ts';

const { COMMA, DIGIT_0, DOT } = bytes;

/**
 * A timestamp that was read from a line's bytes. The parser has one object for all lines, so that the hot
 * path creates none. Each reader fills it.
 */
export interface Stamp {
  /** Seconds since 1970 UTC; since boot for a kernel stamp; since midnight where `dates` is `none`. */
  seconds: number;
  nanos: number;
  /** Offsets of the stamp in the buffer. */
  start: number;
  end: number;
  /** How much of its date it names: one of `dates`. */
  dates: number;
  /** One of `forms`. */
  form: number;
  /** Its offset from UTC in seconds, positive to the east; 0 without a zone. */
  zone: number;
  /** The date before a clock time, while both are put together; year and month are 0 if it names none. */
  year: number;
  month: number;
  day: number;
}

export const newStamp = (): Stamp => ({
  seconds: 0,
  nanos: 0,
  start: 0,
  end: 0,
  dates: 0,
  form: 0,
  zone: 0,
  year: 0,
  month: 0,
  day: 0,
});

export const dates = { full: 0, yearless: 1, none: 2 } as const;
/** Stamp formats whose lines have the level at a fixed place. */
export const forms = { plain: 0, glog: 1, logcat: 2, redis: 3, access: 4 } as const;

/**
 * Reads `.123456` or `,123` into `stamp.nanos`. Digits after the ninth are ignored.
 * @returns the offset after it
 */
export function readFraction(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  stamp.nanos = 0;
  if (at + 1 >= end || (b[at] !== DOT && b[at] !== COMMA) || !isDigit(b[at + 1])) return at;
  return readDecimals(b, at + 1, end, stamp);
}

/** Reads the decimals of a second at `at` into `stamp.nanos`. @returns the offset after them */
export function readDecimals(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  stamp.nanos = 0;
  let scale = 100_000_000;
  for (; at < end && isDigit(b[at]); at++) {
    stamp.nanos += (b[at]! - DIGIT_0) * scale;
    scale = Math.floor(scale / 10);
  }
  return at;
}
