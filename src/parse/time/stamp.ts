import { bytes, classOf, DIGIT, isDigit, pair } from '../line/bytes.ts';
import { halfOfDay, numericZone, zone, zoneAfter } from './stamp_zone.ts';

const { COLON, COMMA, DIGIT_0, DOT, LBRACKET, MINUS, RBRACKET, SPACE, UPPER_P, UPPER_T } = bytes;

/**
 * A timestamp that was read from a line's bytes: one object for the process, as the hot path makes none per line.
 * Each reader returns the offset after the stamp, or -1, and leaves what it read here.
 */
export const stamp = {
  /** Seconds since 1970 UTC; since boot for `kernelClock`; of the day for `timeOfDay` and `HAS_NO_DATE`. */
  seconds: 0,
  nanos: 0,
  /** Where it begins in the line. */
  start: 0,
  end: 0,
  /** What it says of its day: `DATED`, or how the rest is to be found. */
  dates: 0,
  /** Its form, for levels that stand at a place of their own (`forms`). */
  form: 0,
};

export const dates = { full: 0, yearless: 1, none: 2 } as const;
/** Forms whose lines have their level at a place of its own. */
export const forms = { plain: 0, glog: 1, logcat: 2, redis: 3, access: 4 } as const;

/** Days since 1970 of a date of the Gregorian calendar, -1 if there is no such date. */
export function daysFromDate(year: number, month: number, day: number): number {
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return -1;
  // Counted from 1 March, so that the leap day is a year's last (H. Hinnant's civil calendar).
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const ofEra = y - era * 400;
  const ofYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  return era * 146_097 + ofEra * 365 + Math.floor(ofEra / 4) - Math.floor(ofEra / 100) + ofYear - 719_468;
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** `.123456` or `,123`: any number of digits, those after the ninth are dropped. Sets `stamp.nanos`. */
export function fraction(b: Uint8Array, at: number, end: number): number {
  stamp.nanos = 0;
  if (at + 1 >= end || (b[at] !== DOT && b[at] !== COMMA) || !isDigit(b[at + 1])) return at;
  return digitsOfSecond(b, at + 1, end);
}

/** Decimals of a second from `at` on. */
export function digitsOfSecond(b: Uint8Array, at: number, end: number): number {
  stamp.nanos = 0;
  let scale = 100_000_000;
  for (; at < end && isDigit(b[at]); at++) {
    stamp.nanos += (b[at]! - DIGIT_0) * scale;
    scale = Math.floor(scale / 10);
  }
  return at;
}

/** `HH:MM:SS` at `at`: seconds of the day, or -1. A leap second counts as the second after. */
export function clock(b: Uint8Array, at: number): number {
  if (b[at + 2] !== COLON || b[at + 5] !== COLON) return -1;
  return ofDay(pair(b, at), pair(b, at + 3), pair(b, at + 6));
}

export function ofDay(hours: number, minutes: number, seconds: number): number {
  if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59 || seconds < 0 || seconds > 60) return -1;
  return hours * 3600 + minutes * 60 + seconds;
}

/** `2026-06-01T15:30:18.123Z`, also with a space for the T, an offset for the Z, or none (then UTC). */
export function rfc3339(b: Uint8Array, at: number, end: number): number {
  if (at + 19 > end || b[at + 4] !== MINUS || b[at + 7] !== MINUS) return -1;
  // Many lines share their second with the line before.
  let same = 18;
  while (same >= 0 && b[at + same] === keptText[same]) same--;
  if (same >= 0 && !readSecond(b, at)) return -1;
  const day = keptDay;
  let time = keptTime;
  stamp.start = at;
  at = fraction(b, at + 19, end);
  // `18:31:42:317` is a fraction too, to some.
  if (at < end && b[at] === COLON && isDigit(b[at + 1]) && isDigit(b[at + 2]) && isDigit(b[at + 3])) {
    at = digitsOfSecond(b, at + 1, end);
  }
  const zoneAt = at;
  at = numericZone(b, at, end);
  if (at === zoneAt && at + 3 < end && b[at] === SPACE) {
    const half = halfOfDay(b, at, end);
    if (half !== 0) {
      if (time < 3600 || time >= 46_800) return -1;
      time = (time % 43_200) + (half === UPPER_P ? 43_200 : 0);
      at += 3;
    }
    at = zoneAfter(b, at, end);
  }
  const seconds = day * 86_400 + time - zone.seconds;
  if (seconds < 0) return -1;
  stamp.seconds = seconds;
  stamp.dates = dates.full;
  stamp.form = forms.plain;
  stamp.end = at;
  return at;
}

const keptText = new Uint8Array(19);
let keptDay = 0;
let keptTime = 0;

/** Reads `2026-06-01T15:30:18` into `keptDay` and `keptTime`. */
function readSecond(b: Uint8Array, at: number): boolean {
  if (b[at + 10] !== UPPER_T && b[at + 10] !== SPACE) return false;
  const century = pair(b, at);
  const year = pair(b, at + 2);
  if (century < 0 || year < 0) return false;
  const day = daysFromDate(century * 100 + year, pair(b, at + 5), pair(b, at + 8));
  const time = clock(b, at + 11);
  if (day < 0 || time < 0) return false;
  keptDay = day;
  keptTime = time;
  for (let i = 0; i < 19; i++) keptText[i] = b[at + i]!;
  return true;
}

/** `[    0.123456]`: seconds since boot as printk pads them; nine digits are 31 years. */
export function kernelClock(b: Uint8Array, at: number, end: number): number {
  if (b[at] !== LBRACKET) return -1;
  at++;
  while (at < end && b[at] === SPACE) at++;
  let seconds = 0;
  const first = at;
  for (; at < end && isDigit(b[at]) && at - first < 9; at++) seconds = seconds * 10 + b[at]! - DIGIT_0;
  if (at === first || b[at] !== DOT) return -1;
  const dot = at;
  at = fraction(b, at, end);
  if (at !== dot + 7 || at >= end || b[at] !== RBRACKET) return -1;
  stamp.seconds = seconds;
  return at + 1;
}

/** `[12:04:31]` */
export function timeOfDay(b: Uint8Array, at: number, end: number): number {
  if (at + 10 > end || b[at] !== LBRACKET || b[at + 9] !== RBRACKET) return -1;
  const seconds = clock(b, at + 1);
  if (seconds < 0) return -1;
  stamp.seconds = seconds;
  stamp.nanos = 0;
  stamp.dates = dates.none;
  stamp.form = forms.plain;
  return at + 10;
}

/** Digits of a kernel stamp before its point, with the blanks that pad them. */
const KERNEL_SECONDS_MAX = 12;

/** Digits, the point and the bracket of a kernel stamp's end. */
const inKernelEnd = new Uint8Array(256);
for (const byte of '0123456789.]') inKernelEnd[byte.charCodeAt(0)] = 1;
/** `0.123456]`: a look at every ninth byte is sure to meet it. */
const KERNEL_END = 9;

/** The next bracket in b[at, end) that begins something like a kernel stamp, or -1. */
export function findKernelClock(b: Uint8Array, at: number, end: number): number {
  for (let i = at; i < end; i += KERNEL_END) {
    if (inKernelEnd[b[i]!] === 0) continue;
    let close = i;
    while (close < end && close - i < KERNEL_END && b[close] !== RBRACKET && inKernelEnd[b[close]!] === 1)
      close++;
    if (close >= end || b[close] !== RBRACKET || close - 8 < at || b[close - 7] !== DOT) continue;
    let open = close - 8;
    while (
      open > at &&
      close - open < 8 + KERNEL_SECONDS_MAX &&
      (b[open] === SPACE || classOf[b[open]!] === DIGIT)
    )
      open--;
    if (b[open] === LBRACKET) return open;
  }
  return -1;
}
