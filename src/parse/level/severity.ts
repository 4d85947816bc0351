import { byteClass, byteClasses, bytes, skipEscape } from '../line/bytes.ts';
import { nameId } from '../line/names.ts';

const {
  APOSTROPHE,
  BAR,
  COLON,
  COMMA,
  DIGIT_0,
  DOT,
  EQUALS,
  ESCAPE,
  GREATER,
  HASH,
  LBRACKET,
  LESS,
  LOWER_CASE,
  LOWER_D,
  LPAREN,
  MINUS,
  QUOTE,
  RBRACKET,
  RPAREN,
  SLASH,
  SPACE,
  STAR,
  TAB,
  UNDERSCORE,
  UPPER_C,
  UPPER_D,
  UPPER_E,
  UPPER_F,
  UPPER_I,
  UPPER_N,
  UPPER_T,
  UPPER_V,
  UPPER_W,
} = bytes;
const { DIGIT, LOWER, UPPER } = byteClasses;

/** OpenTelemetry's severity texts, as ids of names. */
export const severity = {
  none: 0,
  trace: nameId('TRACE'),
  debug: nameId('DEBUG'),
  info: nameId('INFO'),
  warn: nameId('WARN'),
  error: nameId('ERROR'),
  fatal: nameId('FATAL'),
} as const;

/** How sure a word is to be a level: words that sentences hold need a sign beside them. */
const PLAIN = 0;
const NEEDS_SIGN = 1;

/** Words of levels, by the severity that they mean; in brackets and after `level=` in any case. */
export const levelWords: Readonly<Record<Exclude<keyof typeof severity, 'none'>, readonly string[]>> = {
  trace: ['trace', 'trc', 'verbose', 'finest', 'finer'],
  debug: ['debug', 'dbg', 'fine', 'debug1', 'debug2', 'debug3', 'debug4', 'debug5', 'db'],
  info: [
    'info',
    'inf',
    'information',
    'informational',
    'notice',
    'note',
    'log',
    'config',
    'in',
    'no',
    'hint',
    'detail',
    'statement',
  ],
  warn: ['warn', 'warning', 'wrn', 'wa'],
  error: ['error', 'err', 'severe', 'er', 'failure'],
  fatal: ['fatal', 'ftl', 'critical', 'crit', 'alert', 'emerg', 'emergency', 'panic', 'dpanic'],
};
const needSign = new Set([
  'fine',
  'finer',
  'finest',
  'db',
  'in',
  'no',
  'wa',
  'er',
  'note',
  'log',
  'config',
  'hint',
  'detail',
  'statement',
  'alert',
  'panic',
  'failure',
]);

interface Word {
  bytes: Buffer;
  severity: number;
  needs: number;
}
const SLOTS = 512;
const wordAt: (Word | undefined)[] = new Array(SLOTS).fill(undefined);
const slotOf = (b: Uint8Array, at: number, length: number): number =>
  ((b[at]! | LOWER_CASE) * 31 +
    (b[at + 1]! | LOWER_CASE) * 7 +
    (b[at + length - 1]! | LOWER_CASE) * 3 +
    length * 57) %
  SLOTS;
for (const [name, words] of Object.entries(levelWords)) {
  for (const word of words) {
    const bytes = Buffer.from(word);
    let slot = slotOf(bytes, 0, bytes.length);
    while (wordAt[slot]) slot = (slot + 1) % SLOTS;
    const needs = needSign.has(word) ? NEEDS_SIGN : PLAIN;
    wordAt[slot] = { bytes, severity: severity[name as keyof typeof severity], needs };
  }
}

/** By first letter and length, whether there is a level word: most words of a text are told from them by this. */
const mayBeLevel = new Uint8Array(32 * 16);
for (const word of wordAt) if (word) mayBeLevel[(word.bytes[0]! & 31) * 16 + word.bytes.length] = 1;

/** The level word in b[at, end) in any case, or undefined. */
function wordOf(b: Uint8Array, at: number, end: number): Word | undefined {
  const length = end - at;
  if (length < 2 || length > 13) return undefined;
  for (let slot = slotOf(b, at, length); ; slot = (slot + 1) % SLOTS) {
    const word = wordAt[slot];
    if (word === undefined) return undefined;
    if (word.bytes.length !== length) continue;
    let same = 0;
    while (same < length && (b[at + same]! | LOWER_CASE) === (word.bytes[same]! | LOWER_CASE)) same++;
    if (same === length) return word;
  }
}

/** The severity that b[at, end) names, in any case; 0 when it names none. For JSON fields. */
export const severityOfWord = (b: Uint8Array, at: number, end: number): number =>
  wordOf(b, at, end)?.severity ?? 0;

/** Levels as numbers: pino and bunyan (10 to 60). */
export function severityOfTens(level: number): number {
  if (level < 10 || level > 69) return 0;
  return byTen[Math.floor(level / 10) - 1]!;
}
const byTen = [severity.trace, severity.debug, severity.info, severity.warn, severity.error, severity.fatal];

/** Levels of kernel and syslog: 0 (emergency) to 7 (debug). */
export const severityOfSyslog = (level: number): number => bySyslog[level & 7]!;
const bySyslog = [
  severity.fatal,
  severity.fatal,
  severity.fatal,
  severity.error,
  severity.warn,
  severity.info,
  severity.info,
  severity.debug,
];

/** Levels of one letter: glog, logcat, cups, `[I]`. */
export function severityOfLetter(letter: number): number {
  switch (letter) {
    case UPPER_V:
    case UPPER_T:
      return severity.trace;
    case UPPER_D:
      return severity.debug;
    case UPPER_I:
    case UPPER_N:
      return severity.info;
    case UPPER_W:
      return severity.warn;
    case UPPER_E:
      return severity.error;
    case UPPER_F:
    case UPPER_C:
      return severity.fatal;
    default:
      return severity.none;
  }
}

/** A level further behind the stamp, or the line's start, is part of the text. */
const STAMPED_BYTES = 112;
const RAW_BYTES = 64;
const RAW_WORDS = 3;

/**
 * The level in the text of a line, at the places where logs have it: a word in capitals, in brackets, before a colon,
 * after `level=`, first after the stamp.
 * @param isStamped a stamp stands before it, so that further fields may too
 * @returns the severity's id, or 0
 */
export function severityOfText(b: Uint8Array, start: number, end: number, isStamped: boolean): number {
  const last = Math.min(end, start + (isStamped ? STAMPED_BYTES : RAW_BYTES));
  let words = 0;
  let wordsMax = isStamped ? STAMPED_BYTES : RAW_WORDS;
  let before: number = SPACE;
  let beforeBlank: number = COLON;
  for (let at = start; at < last; ) {
    const byte = b[at]!;
    const what = byteClass[byte]!;
    if (what === UPPER || (what === LOWER && (words === 0 || before !== SPACE || beforeBlank === COLON))) {
      let stop = at + 1;
      while (stop < end && (byteClass[b[stop]!]! & (LOWER | UPPER)) !== 0) stop++;
      const length = stop - at;
      const may =
        length < 14 &&
        (length === 1 || mayBeLevel[(byte & 31) * 16 + length] === 1 || byteClass[b[stop]!] === DIGIT);
      const found = !may ? 0 : levelAt(b, start, at, stop, end, before, beforeBlank, words, isStamped);
      if (found !== 0) return found;
      // A text that begins with a plain word is no row of fields: only its next word may be a level (`npm ERR! …`).
      if (!isStamped && words === 0 && at === start && (stop === end || b[stop] === SPACE)) {
        if (stop + 1 >= end || byteClass[b[stop + 1]!] !== UPPER) return 0;
        wordsMax = 1;
      }
      while (stop < last && byteClass[b[stop]!] !== 0) stop++;
      at = stop;
      before = b[at - 1]!;
      continue;
    }
    if (what !== 0) {
      while (at < last && byteClass[b[at]!] !== 0) at++;
      before = b[at - 1]!;
      continue;
    }
    if (byte === ESCAPE) {
      at = skipEscape(b, at, end);
      continue;
    }
    if ((byte === SPACE || byte === TAB) && before !== SPACE && before !== TAB) {
      words++;
      beforeBlank = before;
      if (words > wordsMax) return 0;
    }
    before = byte;
    at++;
  }
  return 0;
}

/** Whether the letters b[at, stop) are a level, by what stands around them. */
function levelAt(
  b: Uint8Array,
  start: number,
  at: number,
  stop: number,
  end: number,
  before: number,
  beforeBlank: number,
  words: number,
  isStamped: boolean,
): number {
  let after = stop < end ? b[stop]! : SPACE;
  if (stop - at === 1) return letterAt(b, at, stop, end, before, after, words);
  // `DEBUG2`, `debug3`
  if (byteClass[after] === DIGIT && (b[at]! | LOWER_CASE) === LOWER_D) {
    stop++;
    after = stop < end ? b[stop]! : SPACE;
  }
  if (byteClass[after] !== 0 || after === MINUS || after === UNDERSCORE) return 0;
  const word = wordOf(b, at, stop);
  if (word === undefined) return 0;
  if (after === ESCAPE) after = SPACE;
  // `In(14)`: two letters are a level only with its number
  if (after === LPAREN && stop + 1 < end && byteClass[b[stop + 1]!] === DIGIT) return word.severity;
  if (stop - at === 2) return 0;
  const isUpper = byteClass[b[at]!] === UPPER && byteClass[b[at + 1]!] === UPPER;
  const opens = before === LBRACKET || before === LESS || before === LPAREN || before === BAR;
  // `[INFO ]`, `[DEBUG 2026-…`, `[core:error]`
  if (
    opens &&
    (after === RBRACKET || after === GREATER || after === RPAREN || after === BAR || after === COLON)
  )
    return word.severity;
  if (opens && after === SPACE && stop + 1 < end && (isUpper || b[stop + 1] === RBRACKET))
    return word.severity;
  if (before === COLON && after === RBRACKET) return word.severity;
  if (before === EQUALS) return isLevelKey(b, start, at - 1) ? word.severity : 0;
  // `local.ERROR:`, `daemon.err `, `:WARN:`
  if (before === DOT || before === COLON || before === RPAREN) {
    if (isUpper) return after === COLON || after === SPACE || before === COLON ? word.severity : 0;
    return before === DOT && after === SPACE && isStamped && words <= 2 ? word.severity : 0;
  }
  if (before === QUOTE || before === APOSTROPHE || before === SLASH) return 0;
  // `error: …`, `gcc: error: …`; `Call Trace: …` is no level
  if (after === COLON)
    return isUpper || words === 0 || beforeBlank === COLON || beforeBlank === RBRACKET ? word.severity : 0;
  if (word.needs === NEEDS_SIGN) return after === TAB || after === BAR ? word.severity : 0;
  if (isUpper) return word.severity;
  return words === 0 && at === start && isStamped
    ? word.severity
    : before === TAB && after === TAB
      ? word.severity
      : 0;
}

/** `I, [2019-…`, `E [04/Nov/…`, `[W]`, `W ` alone between a few fields. */
function letterAt(
  b: Uint8Array,
  at: number,
  stop: number,
  end: number,
  before: number,
  after: number,
  words: number,
): number {
  const level = severityOfLetter(b[at]!);
  if (level === 0) return 0;
  if (before === LBRACKET && after === RBRACKET) return level;
  if (words > 0 || stop + 2 >= end) return 0;
  const opens = after === COMMA ? b[stop + 2] === LBRACKET : after === SPACE && b[stop + 1] === LBRACKET;
  return opens && before === SPACE ? level : 0;
}

const keys = ['level', 'lvl', 'severity', 'loglevel', 'l'].map((key) => Buffer.from(key));

/** Whether the word that ends at `end` is `level`, `lvl`, `severity`, … */
function isLevelKey(b: Uint8Array, start: number, end: number): boolean {
  for (const key of keys) {
    const at = end - key.length;
    if (at < start || (at > start && byteClass[b[at - 1]!] !== 0)) continue;
    let same = 0;
    while (same < key.length && (b[at + same]! | LOWER_CASE) === key[same]) same++;
    if (same === key.length) return true;
  }
  return false;
}

/** A level that stands as one letter or sign right behind the stamp: logcat (` 1215 W `), Redis (` # `). */
export function severityOfSign(b: Uint8Array, at: number, end: number): number {
  switch (at + 2 < end && b[at] === SPACE && b[at + 2] === SPACE ? b[at + 1] : 0) {
    case DOT:
    case MINUS:
      return severity.debug;
    case STAR:
      return severity.info;
    case HASH:
      return severity.warn;
    default:
      return severity.none;
  }
}

export function severityOfLogcat(b: Uint8Array, at: number, end: number): number {
  const last = Math.min(end - 2, at + 48);
  for (; at < last; at++) {
    if (b[at] === SPACE && (b[at + 2] === SPACE || b[at + 2] === SLASH) && byteClass[b[at + 1]!] === UPPER) {
      return severityOfLetter(b[at + 1]!);
    }
  }
  return severity.none;
}

/** A web server's answer, behind the stamp and the request in quotes: 5xx is an error, 4xx a warning. */
export function severityOfAccess(b: Uint8Array, at: number, end: number): number {
  if (b[at] !== RBRACKET || b[at + 2] !== QUOTE || at + 2 >= end) return severity.none;
  for (at += 3; at + 5 < end && b[at] !== QUOTE; at++);
  if (at + 5 >= end || b[at + 1] !== SPACE || b[at + 5] !== SPACE) return severity.none;
  if (byteClass[b[at + 3]!] !== DIGIT || byteClass[b[at + 4]!] !== DIGIT) return severity.none;
  const hundreds = b[at + 2]! - DIGIT_0;
  if (hundreds < 1 || hundreds > 5) return severity.none;
  return hundreds === 5 ? severity.error : hundreds === 4 ? severity.warn : severity.info;
}
