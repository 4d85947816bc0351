import { isDigit, isIn, isLetter, NAME, SECRET_BYTES_MAX } from './bytes.ts';

const TAB = 9;
const ESCAPE = 27;
const SPACE = 32;
const QUOTE = 34;
const AMPERSAND = 38;
const APOSTROPHE = 39;
const COMMA = 44;
const MINUS = 45;
const COLON = 58;
const SEMICOLON = 59;
const LESS = 60;
const EQUAL = 61;
const GREATER = 62;
const BACKSLASH = 92;
const BACKTICK = 96;

export const isQuote = (byte: number | undefined): boolean =>
  byte === QUOTE || byte === APOSTROPHE || byte === BACKTICK;
/** Space and control characters. */
export const isBlank = (byte: number | undefined): boolean =>
  byte === undefined || byte <= SPACE || byte === 127;
const isCloser = (byte: number): boolean => byte === 41 || byte === 93 || byte === 125;
const OPENER: Record<number, number> = { 41: 40, 93: 91, 125: 123 };

/** Spaces, tabs and colors (ESC [ 3 2 m) in a gap. */
const GAP_BYTES_MAX = 64;

export function skipGap(b: Uint8Array, at: number, end: number): number {
  const most = Math.min(end, at + GAP_BYTES_MAX);
  for (;;) {
    while (at < most && (b[at] === SPACE || b[at] === TAB)) at++;
    if (at >= most || b[at] !== ESCAPE || b[at + 1] !== 91) return at;
    at += 2;
    while (at < most && (isDigit(b[at]!) || b[at] === SEMICOLON)) at++;
    if (at < most && isLetter(b[at]!)) at++;
  }
}

/** The bytes that close a name: quotes, also escaped, and `]` as in user[password]. */
function skipClosers(b: Uint8Array, at: number, end: number): number {
  const most = Math.min(end, at + 16);
  while (at < most && (isQuote(b[at]) || b[at] === BACKSLASH || b[at] === 93)) at++;
  return at;
}

/** The bytes between a name and its value. */
export interface Separator {
  /** Start of the value or of its quote. */
  at: number;
  by: '=' | ':' | '>' | ' ';
  /** Whether a space stands before the value: `name: value`. */
  isSpaced: boolean;
  /** Whether the name is in quotes: `"name": …`. */
  isQuoted: boolean;
}

/**
 * `name=`, `name: `, `"name":`, `name => `, `<name>`, `--name value`, `"name": "x", "value": …`, with spaces
 * and colors in between.
 * @param isFlag whether the name begins with `-`
 * @returns null if the bytes at `at`, behind a name that starts at `from`, are none
 */
export function separatorAt(
  b: Uint8Array,
  from: number,
  at: number,
  end: number,
  isFlag: boolean,
): Separator | null {
  const closed = skipClosers(b, at, end);
  const isQuoted = closed > at;
  const gap = skipGap(b, closed, end);
  const byte = b[gap];
  if (gap >= end) return null;
  if (byte === EQUAL && b[gap + 1] !== EQUAL) {
    if (isFlag && gap > closed && !isBlank(b[gap + 1])) return separator(b, ' ', gap, end, isQuoted);
    const isArrow = b[gap + 1] === GREATER && (isBlank(b[gap + 2]) || quoteAt(b, gap + 2, end) >= 0);
    return separator(b, '=', gap + (isArrow ? 2 : 1), end, isQuoted);
  }
  if (byte === COLON && b[gap + 1] !== COLON) {
    return b[gap + 1] === EQUAL
      ? separator(b, '=', gap + 2, end, isQuoted)
      : separator(b, ':', gap + 1, end, isQuoted);
  }
  if (byte === GREATER && b[from - 1] === LESS) return separator(b, '>', gap + 1, end, isQuoted);
  if (isFlag && (gap > at || (isQuoted && byte === COMMA))) {
    return separator(b, ' ', byte === COMMA ? gap + 1 : gap, end, isQuoted);
  }
  return isQuoted ? valueKey(b, gap, end) : null;
}

function separator(
  b: Uint8Array,
  by: Separator['by'],
  after: number,
  end: number,
  isQuoted: boolean,
): Separator | null {
  const at = skipGap(b, after, end);
  return at >= end || b[at] === 10 || b[at] === 13 ? null : { at, by, isSpaced: at > after, isQuoted };
}

const VALUE = Buffer.from('value');

/** `{"name": "DB_PASSWORD", "value": "…"}` and `<add key="Password" value="…"/>` */
function valueKey(b: Uint8Array, at: number, end: number): Separator | null {
  if (b[at] === COMMA) at = skipGap(b, at + 1, end);
  const opened = skipClosers(b, at, end);
  for (let index = 0; index < VALUE.length; index++) {
    if (((b[opened + index] ?? 0) | 32) !== VALUE[index]) return null;
  }
  const after = opened + VALUE.length;
  const gap = skipGap(b, skipClosers(b, after, end), end);
  if (gap >= end || (b[gap] !== EQUAL && b[gap] !== COLON)) return null;
  return separator(b, '=', gap + 1, end, true);
}

export interface Value {
  from: number;
  to: number;
  inQuotes: boolean;
}

/** The value that starts at `at`, in quotes or not. It ends with its line at the latest. */
export function valueAt(
  b: Uint8Array,
  at: number,
  end: number,
  { by, isQuoted }: Separator,
  outer = -1,
): Value | null {
  const most = Math.min(end, at + SECRET_BYTES_MAX - LIMIT_MARGIN);
  const opened = quoteAt(b, at, most);
  if (opened < 0) {
    if (by === '>') return until(b, at, most, LESS);
    if (isStructure(b, at, most)) return null;
    const to = plainEnd(b, at, outer < 0 ? most : outer, isQuoted, outer >= 0);
    return { from: at, to, inQuotes: false };
  }
  const from = opened + 1;
  // The quote behind `password:` may be that of the text around it.
  if (!isQuoted && (from >= most || isBlank(b[from]) || isEndOfText(b, opened, most))) return null;
  const to = quoteEnd(b, opened, opened - at, most);
  return to === from ? null : { from, to, inQuotes: true };
}

/** Whether a list or object begins at `at`, not a value: `["is too short"]`. */
const isStructure = (b: Uint8Array, at: number, end: number): boolean =>
  (b[at] === 91 || b[at] === 123) &&
  (quoteAt(b, at + 1, end) >= 0 || b[at + 1] === 91 || b[at + 1] === 123 || b[at + 1] === b[at]! + 2);

/**
 * The end of the quotes in which `name=value` stands, as in `["DB_PASSWORD=…", …]`; -1 if no quote stands
 * before the name at `from`.
 */
export function outerEnd(b: Uint8Array, from: number, start: number, end: number): number {
  if (from <= start || !isQuote(b[from - 1])) return -1;
  let depth = 0;
  while (from - 2 - depth >= start && depth < 16 && b[from - 2 - depth] === BACKSLASH) depth++;
  return quoteEnd(b, from - 1, depth, end);
}

/** Room for the sign and the separator, so that a secret with them is within SECRET_BYTES_MAX. */
const LIMIT_MARGIN = 512;

/** The quote at `at`, which backslashes may escape; -1 if there is none. */
export function quoteAt(b: Uint8Array, at: number, end: number): number {
  const most = Math.min(end, at + 16);
  while (at < most && b[at] === BACKSLASH) at++;
  return at < most && isQuote(b[at]) ? at : -1;
}

/**
 * The end of a text in quotes. In JSON within JSON, `depth` backslashes stand before the quotes of a text,
 * and more before a quote within it: 2 * depth + 1.
 */
export function quoteEnd(b: Uint8Array, quote: number, depth: number, end: number): number {
  let slashes = 0;
  for (let at = quote + 1; at < end; at++) {
    const byte = b[at]!;
    if (byte === BACKSLASH) slashes++;
    else {
      if (byte === b[quote] && slashes % (2 * (depth + 1)) === depth) return at - depth;
      if (byte === 10 || byte === 13) return at;
      slashes = 0;
    }
  }
  return end;
}

function until(b: Uint8Array, at: number, end: number, byte: number): Value | null {
  const from = at;
  while (at < end && b[at] !== byte && b[at] !== 10 && b[at] !== 13) at++;
  return at === from ? null : { from, to: at, inQuotes: true };
}

/** The end of a value without quotes, which may hold any mark that does not end a structure. */
function plainEnd(b: Uint8Array, from: number, end: number, inJson: boolean, inQuotes: boolean): number {
  for (let at = from; at < end; at++) {
    const byte = b[at]!;
    if (isBlank(byte)) return at;
    if (isIn(byte, NAME)) continue;
    if (inJson && (byte === COMMA || byte === 125 || byte === 93)) return at;
    if (isQuote(byte) && !inQuotes && at > from && (isEndOfText(b, at, end) || isListMark(b[at + 1])))
      return at;
    if (byte === BACKSLASH && isEscapedEnd(b, at, end, inQuotes)) return at;
    if (byte === AMPERSAND && (isPair(b, at + 1, end) || isEndOfText(b, at + 1, end))) return at;
    if ((byte === COMMA || byte === SEMICOLON) && (isPair(b, at + 1, end) || isEndOfText(b, at, end)))
      return at;
    if (isCloser(byte) && isEndOfText(b, at, end) && isOpened(b, from, OPENER[byte]!)) return at;
    if (byte === LESS && b[at + 1] === 47) return at;
  }
  return end;
}

const isListMark = (byte: number | undefined): boolean =>
  byte === COMMA || byte === COLON || byte === SEMICOLON || byte === 93 || byte === 125 || byte === 41;

/** Whether only quotes, closing brackets and separators stand between `at` and the next space or end. */
function isEndOfText(b: Uint8Array, at: number, end: number): boolean {
  const most = Math.min(end, at + 12);
  while (at < most) {
    const byte = b[at]!;
    if (isBlank(byte)) return true;
    if (!isQuote(byte) && !isCloser(byte) && byte !== COMMA && byte !== SEMICOLON && byte !== BACKSLASH) {
      return false;
    }
    at++;
  }
  return at >= end;
}

/** An escaped quote, or an escaped end of line with another pair or nothing behind it. */
function isEscapedEnd(b: Uint8Array, at: number, end: number, inQuotes: boolean): boolean {
  if (quoteAt(b, at, end) >= 0) return !inQuotes;
  const most = Math.min(end, at + 16);
  while (at < most && b[at] === BACKSLASH) at++;
  if (b[at] !== 110 && b[at] !== 114 && b[at] !== 116) return false;
  const next = at + 1;
  return next >= end || b[next] === BACKSLASH || isPair(b, next, end) || isEndOfText(b, next, end);
}

/** The first escaped end of line, such as `\n` in JSON; `end` if there is none. */
export function escapedLineEnd(b: Uint8Array, at: number, end: number): number {
  for (; at + 1 < end; at++) if (b[at] === BACKSLASH && (b[at + 1] === 110 || b[at + 1] === 114)) return at;
  return end;
}

/** Whether `name=` or `"name":` begins at `at`. */
function isPair(b: Uint8Array, at: number, end: number): boolean {
  const from = skipClosers(b, skipGap(b, at, end), end);
  const most = Math.min(end, from + 64);
  let to = from;
  while (to < most && isIn(b[to], NAME)) to++;
  const next = skipClosers(b, to, end);
  return to > from && (b[next] === EQUAL || b[next] === COLON);
}

/** Whether an opening bracket stands before `from` in its line: other lines may be in another read. */
function isOpened(b: Uint8Array, from: number, opener: number): boolean {
  const least = Math.max(0, from - 128);
  for (let at = from - 1; at >= least && b[at] !== 10 && b[at] !== 13; at--) {
    if (b[at] === opener) return true;
  }
  return false;
}

/** Whether nothing but closing marks follows in the line. */
export function isLast(b: Uint8Array, at: number, end: number): boolean {
  const gap = skipGap(b, at, end);
  return gap >= end || b[gap] === 10 || b[gap] === 13;
}

export const isDash = (byte: number | undefined): boolean => byte === MINUS;
