import { byteClass, byteClasses, bytes, skipEscape } from '../line/bytes.ts';
import { levelWord, mayBeLevel } from './level_words.ts';
import { severityOfLetter } from './severity.ts';

const {
  APOSTROPHE,
  BAR,
  COLON,
  COMMA,
  DOT,
  EQUALS,
  ESCAPE,
  GREATER,
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
  TAB,
  UNDERSCORE,
} = bytes;
const { DIGIT, LOWER, UPPER } = byteClasses;

/** A level further after the stamp, or after the start of the line, is part of the text. */
const STAMPED_BYTES = 112;
const RAW_BYTES = 64;
const RAW_WORDS = 3;

/**
 * Finds the level in the text of a line at the places where logs have it: a word in capitals, in brackets,
 * before a colon, after `level=`, first after the stamp.
 * @param isStamped a stamp precedes the text, so more fields may precede the level
 * @returns the id of the severity, or 0
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
      const may = length < 14 && (length === 1 || mayBeLevel(byte, length) || byteClass[b[stop]!] === DIGIT);
      const found = !may ? 0 : levelAt(b, start, at, stop, end, before, beforeBlank, words, isStamped);
      if (found !== 0) return found;
      // A text that begins with a plain word has no fields: only its next word may be a level (`npm ERR! …`).
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

/** The severity of the letters b[at, stop) if they are a level, judged by the bytes around them; else 0. */
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
  const word = levelWord(b, at, stop);
  if (word === undefined) return 0;
  if (after === ESCAPE) after = SPACE;
  // `In(14)`: two letters are a level only with a number.
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
  // `error: …`, `gcc: error: …`; `Call Trace: …` is no level.
  if (after === COLON)
    return isUpper || words === 0 || beforeBlank === COLON || beforeBlank === RBRACKET ? word.severity : 0;
  if (word.needsSign) return after === TAB || after === BAR ? word.severity : 0;
  if (isUpper) return word.severity;
  return words === 0 && at === start && isStamped
    ? word.severity
    : before === TAB && after === TAB
      ? word.severity
      : 0;
}

/** The severity of a single letter: `I, [2019-…`, `E [04/Nov/…`, `[W]`. */
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
