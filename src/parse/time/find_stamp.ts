import { byteClass, byteClasses, bytes, isDigit, isWordByte, pair } from '../line/bytes.ts';
import { daysFromDate, ofDay } from './calendar.ts';
import { dates, digitsOfSecond, forms, type Stamp } from './stamp.ts';
import { stampAround } from './stamp_forms.ts';

const {
  BAR,
  COLON,
  DIGIT_0,
  DIGIT_1,
  DOT,
  EQUALS,
  LBRACKET,
  LPAREN,
  QUOTE,
  RBRACKET,
  SLASH,
  SPACE,
  UPPER_T,
  UPPER_Z,
} = bytes;
const { LETTER, LOWER } = byteClasses;

/** A stamp that begins later in the line than this is part of its text. */
const STAMP_BYTES_MAX = 112;
const WEEKDAY_BYTES_MAX = 5;
/** Words before a stamp that is not in brackets, at most: a longer text speaks of a time, it does not say its own. */
const WORDS_MAX = 4;

/**
 * Looks for the line's stamp: the first clock at a place where logs have their time. Nearly all stamps hold `:MM:`, which few
 * other bytes do, so the search is one pass. Fills `stamp`.
 */
export function findStamp(b: Uint8Array, start: number, end: number, stamp: Stamp): boolean {
  if (isDigit(b[start]) && (epoch(b, start, end, stamp) || compact(b, start, end, stamp))) return true;
  const last = Math.min(end, start + STAMP_BYTES_MAX);
  // A clock is a run of at least seven digits and colons: of three bytes in a row, one place in three is looked at.
  for (let run = start; run + 2 < last; run += 3) {
    if (inClock[b[run]!] === 0 || inClock[b[run + 1]!] === 0 || inClock[b[run + 2]!] === 0) continue;
    let at = run;
    while (at > start && inClock[b[at - 1]!] === 1) at--;
    const first = at;
    while (run + 3 < end && inClock[b[run + 3]!] === 1) run++;
    if (stampInRun(b, start, first, run + 3, end, stamp)) return true;
  }
  return false;
}

const inClock = new Uint8Array(256);
for (const byte of ':0123456789') inClock[byte.charCodeAt(0)] = 1;

/** The stamp whose clock is in the run of digits and colons b[first, last). */
function stampInRun(
  b: Uint8Array,
  start: number,
  first: number,
  last: number,
  end: number,
  stamp: Stamp,
): boolean {
  if (last - first < 7) return false;
  for (let at = first + 1; at + 5 < last; at++) {
    if (b[at] !== COLON || b[at + 3] !== COLON || !isClock(b, at)) continue;
    // `2014:21:20:35`: the year of `23/Dec/2014` before the clock
    if (at - 5 >= start && b[at - 5] === SLASH && b[at + 6] === COLON) {
      if (at - 12 < start || !isKeptAccess(b, at - 11, end, stamp)) continue;
      return isAtItsPlace(b, start, stamp);
    }
    if (isDigit(b[at + 6]) && at + 6 < end) continue;
    const hours = at - 2 >= start && isDigit(b[at - 2]) ? at - 2 : at - 1;
    if (hours > start && isDigit(b[hours - 1]) && hours === at - 2) continue;
    if (!stampAround(b, start, hours, end, stamp) || !isAtItsPlace(b, start, stamp)) continue;
    if (stamp.form === forms.access) keepAccess(b, stamp);
    return true;
  }
  return false;
}

/** `01/Jun/2026:15:30:18 +0000`: a web server writes many lines in a second, and this is much to read. */
const ACCESS_BYTES = 26;
const access = { text: new Uint8Array(ACCESS_BYTES), seconds: 0 };

function isKeptAccess(b: Uint8Array, at: number, end: number, stamp: Stamp): boolean {
  if (at + ACCESS_BYTES >= end || isWordByte(b[at + ACCESS_BYTES])) return false;
  for (let i = ACCESS_BYTES - 1; i >= 0; i--) if (b[at + i] !== access.text[i]) return false;
  stamp.seconds = access.seconds;
  stamp.nanos = 0;
  stamp.start = at;
  stamp.end = at + ACCESS_BYTES;
  stamp.dates = dates.full;
  stamp.form = forms.access;
  return true;
}

function keepAccess(b: Uint8Array, stamp: Stamp): void {
  if (stamp.end - stamp.start !== ACCESS_BYTES || stamp.nanos !== 0) return;
  for (let i = 0; i < ACCESS_BYTES; i++) access.text[i] = b[stamp.start + i]!;
  access.seconds = stamp.seconds;
}

const isClock = (b: Uint8Array, colon: number): boolean =>
  isDigit(b[colon - 1]) &&
  isDigit(b[colon + 1]) &&
  isDigit(b[colon + 2]) &&
  isDigit(b[colon + 4]) &&
  isDigit(b[colon + 5]);

/** A time without a date counts only where the line begins; one with a date also in brackets or after a few fields. */
function isAtItsPlace(b: Uint8Array, start: number, stamp: Stamp): boolean {
  const at = stamp.start;
  if (at === start) return true;
  const before = b[at - 1]!;
  const opens = before === LBRACKET || before === LPAREN || before === QUOTE;
  if (at === start + 1 && opens) return true;
  // `[Di Aug 12 03:54:03 2025]` of `dmesg -T`: a weekday in another language
  if (b[start] === LBRACKET && at - start <= WEEKDAY_BYTES_MAX && b[stamp.end] === RBRACKET) return true;
  if (stamp.dates === dates.none) return false;
  if (before === LBRACKET) return true;
  // A month or weekday, or the level of glog, begins the line or stands in brackets; elsewhere it is a date that is spoken of.
  if ((byteClass[b[at]!]! & LETTER) !== 0) return false;
  return isAfterFields(b, start, at);
}

/** Whether what stands before `at` are fields (a level, a host, an id), not the words of a sentence. */
function isAfterFields(b: Uint8Array, start: number, at: number): boolean {
  let words = 0;
  let letters = 0;
  let isSentence = false;
  let hasBars = false;
  for (let i = start; i < at; i++) {
    const byte = b[i]!;
    if (byte !== SPACE) {
      letters++;
      if (byte === BAR) hasBars = true;
      if (letters === 1) isSentence = true;
      if (byteClass[byte] !== LOWER) isSentence = false;
      continue;
    }
    if (letters > 0) {
      words++;
      if (isSentence && !hasBars) return false;
    }
    letters = 0;
  }
  if (letters > 0) {
    words++;
    const last = b[at - 1]!;
    // `ts=2026-…`, `time="2026-…`, `amLog:06/01/2026 …`
    if (last === QUOTE ? b[at - 2] !== EQUALS : last !== COLON && last !== BAR && last !== EQUALS)
      return false;
  }
  return words <= (hasBars ? 2 * WORDS_MAX : WORDS_MAX);
}

/** `1695668091.895450`, `1695668091895`, also in µs and ns, also after a process id: seconds since 1970. */
function epoch(b: Uint8Array, start: number, end: number, stamp: Stamp): boolean {
  let first = start;
  let at = start;
  while (at < end && isDigit(b[at])) at++;
  if (at - start < 8 && at < end && b[at] === SPACE) {
    first = at + 1;
    at = first;
    while (at < end && isDigit(b[at])) at++;
    if (at - first !== 10) return false;
  }
  if (b[first] !== DIGIT_1) return false;
  const length = at - first;
  if (length === 10) {
    if (at + 3 >= end || b[at] !== DOT || !isDigit(b[at + 1]) || !isDigit(b[at + 3])) return false;
  } else if (length !== 13 && length !== 16 && length !== 19) return false;
  if (!epochNumber(b, first, end, stamp)) return false;
  if (stamp.end < end && isWordByte(b[stamp.end])) return false;
  stamp.start = first;
  return true;
}

/** A number at `at`: seconds, ms, µs or ns since 1970 by its length, seconds also with decimals. Fills `stamp`. */
export function epochNumber(b: Uint8Array, at: number, end: number, stamp: Stamp): boolean {
  const start = at;
  let seconds = 0;
  while (at < end && isDigit(b[at]) && at - start < 10) seconds = seconds * 10 + b[at++]! - DIGIT_0;
  if (at - start < 10) return false;
  if (b[at] === DOT && at < end) at = digitsOfSecond(b, at + 1, end, stamp);
  else at = digitsOfSecond(b, at, end, stamp);
  stamp.seconds = seconds;
  stamp.start = start;
  stamp.end = at;
  stamp.dates = dates.full;
  stamp.form = forms.plain;
  return true;
}

/** `20260601T153018Z`, `20260601 15:30:18` is found by its clock. */
function compact(b: Uint8Array, start: number, end: number, stamp: Stamp): boolean {
  if (start + 15 > end || b[start + 8] !== UPPER_T) return false;
  const days = daysFromDate(
    pair(b, start) * 100 + pair(b, start + 2),
    pair(b, start + 4),
    pair(b, start + 6),
  );
  const time = ofDay(pair(b, start + 9), pair(b, start + 11), pair(b, start + 13));
  if (days < 0 || time < 0) return false;
  let at = start + 15;
  stamp.nanos = 0;
  if (b[at] === DOT && at < end) at = digitsOfSecond(b, at + 1, end, stamp);
  if (at < end && b[at] === UPPER_Z) at++;
  stamp.seconds = days * 86_400 + time;
  stamp.start = start;
  stamp.end = at;
  stamp.dates = dates.full;
  stamp.form = forms.plain;
  return true;
}
