import { byteClass, byteClasses, bytes, isDigit, isWordByte, pair } from '../line/bytes.ts';
import { daysFromDate, secondsOfDay } from './calendar.ts';
import { dates, forms, readDecimals, type Stamp } from './stamp.ts';
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

/** A stamp that begins later in the line is part of the text. */
const STAMP_BYTES_MAX = 112;
const WEEKDAY_BYTES_MAX = 5;
/** After more words, a time without brackets is part of a sentence, not the time of the line. */
const WORDS_MAX = 4;

/**
 * Finds the line's stamp: the first clock time at a place where logs have their stamps. Nearly all stamps
 * contain `:MM:`, and few other texts do, so one pass is enough.
 */
export function findStamp(b: Uint8Array, start: number, end: number, stamp: Stamp): boolean {
  if (isDigit(b[start]) && (epoch(b, start, end, stamp) || compact(b, start, end, stamp))) return true;
  const last = Math.min(end, start + STAMP_BYTES_MAX);
  // A clock time is a run of at least seven digits and colons, so three bytes at every third offset find it.
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

/** Finds the stamp whose clock time is in b[first, last), a run of digits and colons. */
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
    // `2014:21:20:35`: the year of `23/Dec/2014` before the clock time.
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

/** `01/Jun/2026:15:30:18 +0000` is long, and a web server writes many lines a second. */
const ACCESS_BYTES = 26;
/** The last stamp of this form, and what it means: the same in every stream, so parsers can share it. */
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

/**
 * Whether a stamp may be where it is. A time without a date must begin the line. A stamp with a date may also
 * be in brackets or after a few fields.
 */
function isAtItsPlace(b: Uint8Array, start: number, stamp: Stamp): boolean {
  const at = stamp.start;
  if (at === start) return true;
  const before = b[at - 1]!;
  const opens = before === LBRACKET || before === LPAREN || before === QUOTE;
  if (at === start + 1 && opens) return true;
  // `[Di Aug 12 03:54:03 2025]` of `dmesg -T`: the weekday is in another language.
  if (b[start] === LBRACKET && at - start <= WEEKDAY_BYTES_MAX && b[stamp.end] === RBRACKET) return true;
  if (stamp.dates === dates.none) return false;
  if (before === LBRACKET) return true;
  // A month, a weekday or the level of glog begins the line or is in brackets. Elsewhere it is part of a
  // sentence.
  if ((byteClass[b[at]!]! & LETTER) !== 0) return false;
  return isAfterFields(b, start, at);
}

/** Whether b[start, at) consists of fields (a level, a host, an id) and not of the words of a sentence. */
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

/**
 * Reads a time since 1970 at the start of a line, also after a process id: `1695668091.895450`,
 * `1695668091895`.
 */
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

/** Reads a number at `at`: seconds (also with decimals), ms, µs or ns since 1970, by its length. */
export function epochNumber(b: Uint8Array, at: number, end: number, stamp: Stamp): boolean {
  const start = at;
  let seconds = 0;
  while (at < end && isDigit(b[at]) && at - start < 10) seconds = seconds * 10 + b[at++]! - DIGIT_0;
  if (at - start < 10) return false;
  if (b[at] === DOT && at < end) at = readDecimals(b, at + 1, end, stamp);
  else at = readDecimals(b, at, end, stamp);
  stamp.seconds = seconds;
  stamp.start = start;
  stamp.end = at;
  stamp.dates = dates.full;
  stamp.form = forms.plain;
  return true;
}

/** Reads `20260601T153018Z`. */
function compact(b: Uint8Array, start: number, end: number, stamp: Stamp): boolean {
  if (start + 15 > end || b[start + 8] !== UPPER_T) return false;
  const days = daysFromDate(
    pair(b, start) * 100 + pair(b, start + 2),
    pair(b, start + 4),
    pair(b, start + 6),
  );
  const time = secondsOfDay(pair(b, start + 9), pair(b, start + 11), pair(b, start + 13));
  if (days < 0 || time < 0) return false;
  let at = start + 15;
  stamp.nanos = 0;
  if (b[at] === DOT && at < end) at = readDecimals(b, at + 1, end, stamp);
  if (at < end && b[at] === UPPER_Z) at++;
  stamp.seconds = days * 86_400 + time;
  stamp.start = start;
  stamp.end = at;
  stamp.dates = dates.full;
  stamp.form = forms.plain;
  return true;
}
