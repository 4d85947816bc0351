import { byteClass, byteClasses, bytes, startsWith } from './bytes.ts';

const {
  APOSTROPHE,
  COLON,
  DIGIT_0,
  DOT,
  EQUALS,
  GREATER,
  LOWER_A,
  LOWER_F,
  LOWER_X,
  MINUS,
  PLUS,
  QUOTE,
  RPAREN,
  SLASH,
  SPACE,
  UNDERSCORE,
  UPPER_A,
  UPPER_F,
} = bytes;
const { DIGIT, LETTER } = byteClasses;

const TEMPORARY = Buffer.from('/tmp/');
const TMP = Buffer.from('tmp');
const TMPFS = Buffer.from('tmpfs');
const TEMPORARY_TMP = Buffer.from('/tmp/tmp.');

// The tokens of a text whose value differs from run to run: numbers, ids, addresses.

/** The bytes that a token consists of, as bits. */
export const DIGITS = 1;
/** The letters a to f and A to F. */
export const HEX = 2;
export const OTHER = 4;

/** The mask of the bytes in the token b[at, end). */
export function kindsOf(b: Uint8Array, at: number, end: number): number {
  let kinds = 0;
  for (let i = at; i < end; i++)
    kinds |= byteClass[b[i]!] === DIGIT ? DIGITS : isHexLetter(b[i]!) ? HEX : OTHER;
  return kinds;
}

/** `0x1f` */
export const isHexNumber = (b: Uint8Array, at: number, stop: number): boolean =>
  b[at] === DIGIT_0 && b[at + 1] === LOWER_X && stop - at > 2;

/** At least six hex digits, both letters and digits. */
export function isHexId(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= 6 && kindsOf(b, at, end) === (DIGITS | HEX);
}

/** A token this long with three turns is an id; a shorter one may be `1h30m15s`. */
export const RANDOM_BYTES = 12;

/** Letters and digits that alternate as only in generated ids: `x2x4z`, `01ARZ3NDEKTSV4RRFFQ69G5FAV`. */
export function isRandom(b: Uint8Array, at: number, end: number): boolean {
  if (end - at < 5) return false;
  let turns = 0;
  for (let i = at + 1; i < end; i++)
    if ((byteClass[b[i]!] === DIGIT) !== (byteClass[b[i - 1]!] === DIGIT)) turns++;
  return turns >= 4 || (turns === 3 && end - at >= RANDOM_BYTES);
}

/** A name below /tmp that `mktemp` or a similar tool generated: `tmpk3j2h1_x`, `tmp.Xk3J2h1aBc`. */
export function isTemporary(b: Uint8Array, start: number, at: number, stop: number): boolean {
  const tail = stop - at;
  if (tail === 11 && startsWith(b, at, stop, TMP) && !startsWith(b, at, stop, TMPFS))
    return isBehind(b, start, at, TEMPORARY);
  return tail === 10 && isBehind(b, start, at, TEMPORARY_TMP);
}
const isBehind = (b: Uint8Array, start: number, at: number, text: Buffer): boolean =>
  at - text.length >= start && startsWith(b, at - text.length, at, text);

/** `-1234-1234-1234-123456789abc` after the first eight digits of a UUID. */
export function isUuid(b: Uint8Array, at: number, end: number): boolean {
  if (at + 28 > end) return false;
  for (let i = 0; i < 28; i++) {
    const isDash = i === 0 || i === 5 || i === 10 || i === 15;
    if (isDash ? b[at + i] !== MINUS : byteClass[b[at + i]!] !== DIGIT && !isHexLetter(b[at + i]!))
      return false;
  }
  return true;
}

/** `?key=…` after a path. */
export function isQuery(b: Uint8Array, start: number, at: number, end: number): boolean {
  if (at === start || (!isTokenByte(b[at - 1]!) && b[at - 1] !== SLASH)) return false;
  at++;
  const name = at;
  while (at < end && (isTokenByte(b[at]!) || b[at] === MINUS || b[at] === DOT)) at++;
  return at > name && b[at] === EQUALS;
}

/** The offset after the URL at `at`. */
export function urlEnd(b: Uint8Array, at: number, end: number): number {
  while (
    at < end &&
    b[at]! > SPACE &&
    b[at] !== QUOTE &&
    b[at] !== APOSTROPHE &&
    b[at] !== RPAREN &&
    b[at] !== GREATER
  )
    at++;
  return at;
}

/**
 * Whether the `@` at `at` belongs to a mail address, not to a URL with a password, a package or a unit of
 * systemd.
 */
export function isEmail(b: Uint8Array, start: number, at: number, end: number): boolean {
  let local = at;
  while (local > start && isMailByte(b[local - 1]!)) local--;
  if (local === at || (local > start && (b[local - 1] === COLON || b[local - 1] === SLASH))) return false;
  let stop = at + 1;
  while (stop < end && isMailByte(b[stop]!)) stop++;
  while (stop > at && b[stop - 1] === DOT) stop--;
  let label = stop;
  while (label > at && (byteClass[b[label - 1]!]! & LETTER) !== 0) label--;
  return b[label - 1] === DOT && label - 2 > at && stop - label >= 2 && stop - label <= 4;
}
export const isMailByte = (byte: number): boolean =>
  isTokenByte(byte) || byte === DOT || byte === PLUS || byte === MINUS;

export const isHexLetter = (byte: number): boolean =>
  (byte >= LOWER_A && byte <= LOWER_F) || (byte >= UPPER_A && byte <= UPPER_F);
export const isTokenByte = (byte: number): boolean => byteClass[byte] !== 0 || byte === UNDERSCORE;
