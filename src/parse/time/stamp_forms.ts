import { byteClass, byteClasses, bytes, isDigit, isWordByte, pair } from '../line/bytes.ts';
import { daysFromDate, secondsOfDay } from './calendar.ts';
import { dates, forms, readDecimals, readFraction, type Stamp } from './stamp.ts';
import { halfOfDay, zoneAfter } from './stamp_zone.ts';

const {
  COLON,
  COMMA,
  DIGIT_0,
  DOT,
  LOWER_CASE,
  MINUS,
  SLASH,
  SPACE,
  UNDERSCORE,
  UPPER_D,
  UPPER_E,
  UPPER_F,
  UPPER_I,
  UPPER_P,
  UPPER_T,
  UPPER_W,
} = bytes;
const { LETTER } = byteClasses;

/** Three lower-case letters as one number. */
const three = (text: string): number =>
  (text.charCodeAt(0) << 16) | (text.charCodeAt(1) << 8) | text.charCodeAt(2);
const months = new Map(
  ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'].map((name, index) => [
    three(name),
    index + 1,
  ]),
);

/**
 * Reads the stamp around a clock time (`15:04:05`, `3:23:29`) whose hours begin at `hours`: the date before
 * it; the fraction, AM/PM, zone and perhaps the year after it.
 * @param from nothing before this offset is read
 * @returns whether there is a stamp; `stamp.dates` is how much of its date it names
 */
export function stampAround(b: Uint8Array, from: number, hours: number, end: number, stamp: Stamp): boolean {
  const colon = b[hours + 1] === COLON ? hours + 1 : hours + 2;
  let hour = colon === hours + 1 ? b[hours]! - DIGIT_0 : pair(b, hours);
  let at = fractionAfter(b, colon + 6, end, stamp);
  const half = halfOfDay(b, at, end);
  if (half !== 0) {
    if (hour < 1 || hour > 12) return false;
    hour = (hour % 12) + (half === UPPER_P ? 12 : 0);
    at += b[at] === SPACE ? 3 : 2;
  }
  const time = secondsOfDay(hour, pair(b, colon + 1), pair(b, colon + 4));
  if (time < 0) return false;
  const nanos = stamp.nanos;
  if (!dateBefore(b, from, hours, stamp)) {
    if (isWordByte(b[hours - 1]) && hours > from) return false;
    stamp.year = 0;
    stamp.month = 0;
    stamp.start = hours;
    stamp.form = forms.plain;
  }
  at = zoneAfter(b, at, end, stamp);
  if (stamp.month !== 0 && stamp.year === 0) at = yearAfter(b, at, end, stamp);
  stamp.nanos = nanos;
  stamp.end = at;
  return settle(time, stamp);
}

/** Computes `stamp.seconds` from date, time and zone. @returns whether there is such a time */
function settle(time: number, stamp: Stamp): boolean {
  if (stamp.month === 0) {
    stamp.dates = dates.none;
    stamp.seconds = (time - stamp.zone + 172_800) % 86_400;
    return true;
  }
  stamp.dates = stamp.year === 0 ? dates.yearless : dates.full;
  // A date without a year gets one later. Until then it has a year with a 29 February.
  const year = stamp.year === 0 ? YEARLESS : stamp.year;
  // Most stamps have the same day as the stamp before.
  if (stamp.day !== kept.day || stamp.month !== kept.month || year !== kept.year) {
    kept.days = daysFromDate(year, stamp.month, stamp.day);
    kept.year = year;
    kept.month = stamp.month;
    kept.day = stamp.day;
  }
  const { days } = kept;
  if (days < 0) return false;
  stamp.seconds = days * 86_400 + time - stamp.zone;
  return stamp.seconds >= 0;
}
/** The last date, and what it means: the same in every stream, so parsers can share it. */
const kept = { year: 0, month: 0, day: 0, days: -1 };
/** The year in `stamp.seconds` of a stamp without a year. */
const YEARLESS = 2000;

/** Reads `.123`, `,123` and `:515` into `stamp.nanos`. @returns the offset after it */
function fractionAfter(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  if (b[at] === COLON && at + 3 < end && isDigit(b[at + 1]) && isDigit(b[at + 2]) && isDigit(b[at + 3])) {
    return readDecimals(b, at + 1, end, stamp);
  }
  return readFraction(b, at, end, stamp);
}

/** Reads ` 2017` after a clock time whose date has no year. @returns the offset after it */
function yearAfter(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
  if (at + 5 > end || b[at] !== SPACE || isWordByte(b[at + 5] ?? 0)) return at;
  const century = pair(b, at + 1);
  const rest = pair(b, at + 3);
  if ((century !== 19 && century !== 20) || rest < 0) return at;
  stamp.year = century * 100 + rest;
  return at + 5;
}

/** Reads the date that ends before `hours` into `stamp`. @returns whether there is one */
function dateBefore(b: Uint8Array, from: number, hours: number, stamp: Stamp): boolean {
  let end = hours - 1;
  if (end < from) return false;
  const separator = b[end]!;
  // The colon as in `23/Dec/2014:21:20:35`, the minus as in `2026-06-01-15:30:18`.
  if (
    separator !== UPPER_T &&
    separator !== SPACE &&
    separator !== UNDERSCORE &&
    separator !== COLON &&
    separator !== MINUS
  )
    return false;
  while (end > from && b[end - 1] === SPACE) end--;
  if (end - 2 > from && b[end - 1] === MINUS && b[end - 2] === SPACE) end -= 2; // `2026/06/01 - 15:30:18`
  if (end > from && b[end - 1] === COMMA) end--;
  if (end - from < 4) return false;
  stamp.year = 0;
  stamp.form = forms.plain;
  const last = b[end - 1]!;
  if (!isDigit(last)) return monthEndsAt(b, from, end, stamp) && dayThenMonth(b, from, end - 3, stamp);
  let first = end - 1;
  while (first > from && isDigit(b[first - 1]) && end - first < 8) first--;
  if (isDigit(b[first - 1]) && first > from) return false;
  switch (end - first) {
    case 8:
      stamp.year = pair(b, first) * 100 + pair(b, first + 2);
      return setDate(b, from, first, pair(b, first + 4), pair(b, first + 6), stamp);
    case 4:
      return yearEndsAt(b, from, first, stamp);
    case 1:
    case 2:
      return dayEndsAt(b, from, first, end, stamp);
    default:
      return false;
  }
}

/** Reads a date that ends in four digits: a year, or the month and day of glog. */
function yearEndsAt(b: Uint8Array, from: number, year: number, stamp: Stamp): boolean {
  const before = b[year - 1]!;
  if (year > from && (byteClass[before]! & LETTER) !== 0) {
    // `E0517 15:04:22`
    if (year - 1 > from && isWordByte(b[year - 2])) return false;
    if (
      before !== UPPER_I &&
      before !== UPPER_W &&
      before !== UPPER_E &&
      before !== UPPER_F &&
      before !== UPPER_D
    )
      return false;
    stamp.form = forms.glog;
    return setDate(b, from, year - 1, pair(b, year), pair(b, year + 2), stamp);
  }
  stamp.year = pair(b, year) * 100 + pair(b, year + 2);
  let at = year - 1;
  if (before === SPACE && b[at - 1] === COMMA) at--; // `Jul 09, 2015`
  if (at - from < 3 || (before !== SPACE && before !== SLASH && before !== MINUS && before !== DOT))
    return false;
  if (monthEndsAt(b, from, at, stamp)) {
    // `23/Dec/2014`, `12 Nov 2019`
    if (!dayThenMonth(b, from, at - 3, stamp)) return false;
    if (before === SLASH) stamp.form = forms.access;
    return true;
  }
  const day = numberEndsAt(b, from, at);
  if (day < 0) return false;
  const middle = at - (isDigit(b[at - 2]) && at - 2 >= from ? 2 : 1);
  if (before === SPACE) {
    // `Jul 09 2015`
    let letters = middle;
    while (letters > from && b[letters - 1] === SPACE) letters--;
    return (
      letters < middle &&
      monthEndsAt(b, from, letters, stamp) &&
      setDate(b, from, letters - 3, stamp.month, day, stamp)
    );
  }
  if (b[middle - 1] !== before || middle - 1 - from < 1) return false;
  const first = numberEndsAt(b, from, middle - 1);
  if (first < 0) return false;
  const start = middle - 1 - (isDigit(b[middle - 3]) && middle - 3 >= from ? 2 : 1);
  // With slashes the month comes first (`06/09/2014` is in June), unless it is above 12; with dots the day.
  return before === DOT || first > 12
    ? setDate(b, from, start, day, first, stamp)
    : setDate(b, from, start, first, day, stamp);
}

/** Reads a date that ends in a day of one or two digits. */
function dayEndsAt(b: Uint8Array, from: number, first: number, end: number, stamp: Stamp): boolean {
  const day = end - first === 2 ? pair(b, first) : b[first]! - DIGIT_0;
  const before = b[first - 1]!;
  if (first - from < 3) return false;
  if (before === SPACE) {
    let letters = first - 1;
    while (letters > from && b[letters - 1] === SPACE) letters--;
    // `Feb 26`
    return monthEndsAt(b, from, letters, stamp) && setDate(b, from, letters - 3, stamp.month, day, stamp);
  }
  if (before !== MINUS && before !== SLASH && before !== DOT) return false;
  const month = pair(b, first - 3);
  if (month < 0) return false;
  const separator = b[first - 4];
  if (first - 4 < from || separator !== before) {
    // `05-21`, `07.27`
    if (before === SLASH || end - first !== 2) return false;
    stamp.form = before === MINUS ? forms.logcat : forms.plain;
    return setDate(b, from, first - 3, month, day, stamp);
  }
  const short = pair(b, first - 6);
  if (short < 0 || first - 6 < from) return false;
  const century = first - 8 >= from ? pair(b, first - 8) : -1;
  stamp.year = century >= 0 ? century * 100 + short : 2000 + short; // `2015/05/24`, `17/06/09`
  return setDate(b, from, first - (century >= 0 ? 8 : 6), month, day, stamp);
}

/** Reads the day before the month at `month`: `13 Apr`, `23/Dec`. */
function dayThenMonth(b: Uint8Array, from: number, month: number, stamp: Stamp): boolean {
  if (month - from < 2) return false;
  const day = numberEndsAt(b, from, month - 1);
  if (day < 0) return false;
  const start = month - 1 - (isDigit(b[month - 3]) && month - 3 >= from ? 2 : 1);
  const separator = b[month - 1];
  if (separator !== SPACE && separator !== SLASH && separator !== MINUS) return false;
  if (separator === SPACE) stamp.form = forms.redis;
  return setDate(b, from, start, stamp.month, day, stamp);
}

/**
 * Reads the three letters of a month that end at `end` into `stamp.month`.
 * @returns whether they are a month
 */
function monthEndsAt(b: Uint8Array, from: number, end: number, stamp: Stamp): boolean {
  if (end - 3 < from) return false;
  const month = months.get(
    ((b[end - 3]! | LOWER_CASE) << 16) | ((b[end - 2]! | LOWER_CASE) << 8) | (b[end - 1]! | LOWER_CASE),
  );
  if (month === undefined || (end - 4 >= from && (byteClass[b[end - 4]!]! & LETTER) !== 0)) return false;
  stamp.month = month;
  return true;
}

/** The number of one or two digits that ends at `end`, or -1. */
function numberEndsAt(b: Uint8Array, from: number, end: number): number {
  if (end - 1 < from || !isDigit(b[end - 1])) return -1;
  if (end - 2 < from || !isDigit(b[end - 2])) return b[end - 1]! - DIGIT_0;
  return pair(b, end - 2);
}

/** Sets month, day and start of the date. A weekday before it belongs to it. @returns whether it is a date */
function setDate(
  b: Uint8Array,
  from: number,
  start: number,
  month: number,
  day: number,
  stamp: Stamp,
): boolean {
  if (month < 1 || month > 12 || day < 1 || day > 31) return false;
  if (start > from && isWordByte(b[start - 1])) return false;
  stamp.month = month;
  stamp.day = day;
  stamp.start = start;
  let weekday = start - 1;
  if (b[weekday] === SPACE && weekday > from) {
    if (b[weekday - 1] === COMMA) weekday--;
    const letters = weekday - 3;
    if (letters >= from && isWeekday(b, letters) && !(letters > from && isWordByte(b[letters - 1])))
      stamp.start = letters;
  }
  return true;
}

const weekdays = new Set(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'].map(three));
const isWeekday = (b: Uint8Array, at: number): boolean =>
  weekdays.has(((b[at]! | LOWER_CASE) << 16) | ((b[at + 1]! | LOWER_CASE) << 8) | (b[at + 2]! | LOWER_CASE));
