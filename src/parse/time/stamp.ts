import { bytes, isDigit } from '../line/bytes.ts';

const { COMMA, DIGIT_0, DOT } = bytes;

/**
 * A timestamp that was read from a line's bytes. The parser has one object for all lines, as the hot path makes none per line.
 * Each reader fills it, and returns the offset after the stamp, or -1.
 */
export interface Stamp {
  /** Seconds since 1970 UTC; since boot for `kernelClock`; of the day where `dates` is `none`. */
  seconds: number;
  nanos: number;
  /** Where it begins in the line. */
  start: number;
  end: number;
  /** What it says of its day: one of `dates`. */
  dates: number;
  /** One of `forms`. */
  form: number;
  /** Its zone: seconds east of UTC. */
  zone: number;
  /** The date before a clock, while both are put together; 0 where it names no year or month. */
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
/** Forms whose lines have their level at a place of its own. */
export const forms = { plain: 0, glog: 1, logcat: 2, redis: 3, access: 4 } as const;

/** `.123456` or `,123`: any number of digits, those after the ninth are dropped. Sets `stamp.nanos`. */
export function fraction(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  stamp.nanos = 0;
  if (at + 1 >= end || (b[at] !== DOT && b[at] !== COMMA) || !isDigit(b[at + 1])) return at;
  return digitsOfSecond(b, at + 1, end, stamp);
}

/** Decimals of a second from `at` on. */
export function digitsOfSecond(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  stamp.nanos = 0;
  let scale = 100_000_000;
  for (; at < end && isDigit(b[at]); at++) {
    stamp.nanos += (b[at]! - DIGIT_0) * scale;
    scale = Math.floor(scale / 10);
  }
  return at;
}
