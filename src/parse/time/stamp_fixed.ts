import { byteClass, byteClasses, bytes, isDigit, pair } from '../line/bytes.ts';
import { daysFromDate, secondsOfDay } from './calendar.ts';
import { dates, forms, readDecimals, readFraction, type Stamp } from './stamp.ts';
import { halfOfDay, numericZone, zoneAfter } from './stamp_zone.ts';

const { COLON, DIGIT_0, DOT, LBRACKET, MINUS, RBRACKET, SPACE, UPPER_P, UPPER_T } = bytes;
const { DIGIT } = byteClasses;

/** `HH:MM:SS` at `at`: seconds since midnight, or -1. */
function clockTime(b: Uint8Array, at: number): number {
  if (b[at + 2] !== COLON || b[at + 5] !== COLON) return -1;
  return secondsOfDay(pair(b, at), pair(b, at + 3), pair(b, at + 6));
}

/**
 * `2026-06-01T15:30:18.123Z`, also with a space instead of the T, and with an offset or nothing (UTC) instead
 * of the Z.
 * @returns the offset after the stamp, or -1
 */
export function readRfc3339(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  if (at + 19 > end || b[at + 4] !== MINUS || b[at + 7] !== MINUS) return -1;
  // Many lines have the same second as the line before.
  let same = 18;
  while (same >= 0 && b[at + same] === keptText[same]) same--;
  if (same >= 0 && !readSecond(b, at)) return -1;
  const day = keptDay;
  let time = keptTime;
  stamp.start = at;
  at = readFraction(b, at + 19, end, stamp);
  // Some programs write a fraction as `18:31:42:317`.
  if (at < end && b[at] === COLON && isDigit(b[at + 1]) && isDigit(b[at + 2]) && isDigit(b[at + 3])) {
    at = readDecimals(b, at + 1, end, stamp);
  }
  const zoneAt = at;
  at = numericZone(b, at, end, stamp);
  if (at === zoneAt && at + 3 < end && b[at] === SPACE) {
    const half = halfOfDay(b, at, end);
    if (half !== 0) {
      if (time < 3600 || time >= 46_800) return -1;
      time = (time % 43_200) + (half === UPPER_P ? 43_200 : 0);
      at += 3;
    }
    at = zoneAfter(b, at, end, stamp);
  }
  const seconds = day * 86_400 + time - stamp.zone;
  if (seconds < 0) return -1;
  stamp.seconds = seconds;
  stamp.dates = dates.full;
  stamp.form = forms.plain;
  stamp.end = at;
  return at;
}

// The last text that was read, and what it means. It means the same in every stream, so parsers can share it.
const keptText = new Uint8Array(19);
let keptDay = 0;
let keptTime = 0;

/** Reads `2026-06-01T15:30:18` into `keptDay` and `keptTime`. @returns whether there is such a time */
function readSecond(b: Uint8Array, at: number): boolean {
  if (b[at + 10] !== UPPER_T && b[at + 10] !== SPACE) return false;
  const century = pair(b, at);
  const year = pair(b, at + 2);
  if (century < 0 || year < 0) return false;
  const day = daysFromDate(century * 100 + year, pair(b, at + 5), pair(b, at + 8));
  const time = clockTime(b, at + 11);
  if (day < 0 || time < 0) return false;
  keptDay = day;
  keptTime = time;
  for (let i = 0; i < 19; i++) keptText[i] = b[at + i]!;
  return true;
}

/**
 * `[    0.123456]`: seconds since boot, padded by printk. Nine digits are 31 years.
 * @returns the offset after the stamp, or -1
 */
export function readKernelClock(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  if (b[at] !== LBRACKET) return -1;
  at++;
  while (at < end && b[at] === SPACE) at++;
  let seconds = 0;
  const first = at;
  for (; at < end && isDigit(b[at]) && at - first < 9; at++) seconds = seconds * 10 + b[at]! - DIGIT_0;
  if (at === first || b[at] !== DOT) return -1;
  const dot = at;
  at = readFraction(b, at, end, stamp);
  if (at !== dot + 7 || at >= end || b[at] !== RBRACKET) return -1;
  stamp.seconds = seconds;
  return at + 1;
}

/** `[12:04:31]` @returns the offset after it, or -1 */
export function readTimeOfDay(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  if (at + 10 > end || b[at] !== LBRACKET || b[at + 9] !== RBRACKET) return -1;
  const seconds = clockTime(b, at + 1);
  if (seconds < 0) return -1;
  stamp.seconds = seconds;
  stamp.nanos = 0;
  stamp.dates = dates.none;
  stamp.form = forms.plain;
  return at + 10;
}

/** A kernel stamp has at most so many digits and padding blanks before its point. */
const KERNEL_SECONDS_MAX = 12;

/** The bytes that end a kernel stamp: digits, the point and the bracket. */
const inKernelEnd = new Uint8Array(256);
for (const byte of '0123456789.]') inKernelEnd[byte.charCodeAt(0)] = 1;
/** `0.123456]` has nine bytes, so checking every ninth byte finds it. */
const KERNEL_END = 9;

/** The next bracket in b[at, end) that seems to begin a kernel stamp, or -1. */
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
      (b[open] === SPACE || byteClass[b[open]!] === DIGIT)
    )
      open--;
    if (b[open] === LBRACKET) return open;
  }
  return -1;
}
