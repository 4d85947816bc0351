import { byteClass, byteClasses, bytes, skipEscape, startsWith } from './bytes.ts';
import { nameIdOf, shares } from './names.ts';
import {
  DIGITS,
  isEmail,
  isHexId,
  isHexLetter,
  isHexNumber,
  isMailByte,
  isQuery,
  isRandom,
  isTemporary,
  isTokenByte,
  isUuid,
  kindsOf,
  OTHER,
  RANDOM_BYTES,
  urlEnd,
} from './tokens.ts';

const { APOSTROPHE, AT_SIGN, DOT, ESCAPE, MINUS, QUESTION, QUOTE, SLASH, SPACE, UNDERSCORE } = bytes;
const { DIGIT, UPPER } = byteClasses;

/** A title is stored as a name, and names are not much longer. */
const TITLE_BYTES_MAX = 120;
/** The first bytes of a headline are enough to recognize it. */
const TEXT_BYTES_MAX = 400;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colors begin with one
const colors = /\x1b\[[0-9;?]*[A-Za-z]?/g;

/** The text of b[at, end) without colors, as much of it as a headline needs. */
export function textOf(b: Uint8Array, at: number, end: number): string {
  // Lines are always read into Buffers; a view would be another object.
  const text = (b as Buffer).toString('utf8', at, Math.min(end, at + TEXT_BYTES_MAX));
  return text.includes('\x1b') ? text.replace(colors, '') : text;
}

/** A title is built here, byte by byte. Every call starts again at 0. */
const made = Buffer.alloc(512);
/** One step adds at most this much, so this much room is kept free. */
const STEP_BYTES_MAX = 64;
const ROOM = made.length - STEP_BYTES_MAX;
const words = (text: string): Buffer => Buffer.from(text);
const NUM = words('NUM');
const ADDR = words('ADDR');
const IP = words('IP');
const UUID = words('UUID');
const ID = words('ID');
const EMAIL = words('EMAIL');
const QUERY = words('?QUERY');
const EXITCODE = words('exitcode=');

/** Replaces the parts of a text that differ from run to run: addresses, ids, numbers. */
export function stable(text: string): string {
  const bytes = Buffer.from(text);
  return made.toString('utf8', 0, putStable(bytes, 0, bytes.length));
}

/** The id of the title that `stable` makes of b[at, end). */
export function stableId(b: Uint8Array, at: number, end: number): number {
  let size = putStable(b, at, end);
  while (size > 0 && made[size - 1]! <= SPACE) size--;
  return cutId(made, size);
}

/** Builds the stable text of b[at, end) in `made`. @returns its length */
function putStable(b: Uint8Array, at: number, end: number): number {
  const start = at;
  length = 0;
  while (at < end && length < ROOM) {
    const byte = b[at]!;
    if (isTokenByte(byte)) at = putName(b, start, at, end);
    else if (byte === ESCAPE) at = skipEscape(b, at, end);
    else if (byte === QUESTION && isQuery(b, start, at, end)) {
      put(QUERY);
      at = urlEnd(b, at, end);
    } else if (byte === AT_SIGN && isEmail(b, start, at, end)) {
      while (length > 0 && isMailByte(made[length - 1]!)) length--;
      put(EMAIL);
      at++;
      while (at < end && isMailByte(b[at]!)) at++;
    } else {
      made[length++] = byte;
      at++;
    }
  }
  return length;
}

/** How many bytes of `made` are used. */
let length = 0;
function put(text: Buffer): void {
  length += text.copy(made, length);
}
function putBytes(b: Uint8Array, at: number, end: number): void {
  while (at < end && length < ROOM) made[length++] = b[at++]!;
}

/**
 * Adds the token at `at`. Most tokens are words without a digit, which stay.
 * @returns the offset after the token
 */
function putName(b: Uint8Array, start: number, at: number, end: number): number {
  const before = length;
  let kinds = 0;
  let stop = at;
  for (let byte = b[at]!; stop < end && isTokenByte(byte); byte = b[++stop]!) {
    kinds |= byteClass[byte]!;
    if (length < ROOM) made[length++] = byte;
  }
  const isWord = (kinds & DIGIT) === 0 && b[stop] !== MINUS && (at === start || !isSlashOrDot(b[at - 1]!));
  if (isWord) return stop;
  length = before;
  return putToken(b, start, at, stop, end);
}
const isSlashOrDot = (byte: number): boolean => byte === SLASH || byte === DOT;

/** Adds the token b[at, stop), or its replacement. @returns the offset after what was replaced */
function putToken(b: Uint8Array, start: number, at: number, stop: number, end: number): number {
  const first = b[at]!;
  if (byteClass[first] === DIGIT || isHexLetter(first)) {
    const whole = replacementOf(b, start, at, stop, end);
    if (whole !== null) {
      put(whole);
      return replacedEnd;
    }
  }
  if (isTemporary(b, start, at, stop)) put(ID);
  else if ((at > start && b[at - 1] === DOT) || isHexNumber(b, at, stop)) putBytes(b, at, stop);
  else if (byteClass[first] !== DIGIT) putParts(b, start, at, stop);
  else if (stop - at >= RANDOM_BYTES && isRandom(b, at, stop)) put(ID);
  else putWithoutDigits(b, at, stop);
  return stop;
}

/** `1h30m`, `24T16`: adds the token with NUM for its digits. */
function putWithoutDigits(b: Uint8Array, at: number, stop: number): void {
  while (at < stop && length < ROOM) {
    if (byteClass[b[at]!] !== DIGIT) made[length++] = b[at++]!;
    else {
      put(NUM);
      while (at < stop && byteClass[b[at]!] === DIGIT) at++;
    }
  }
}

/** Adds a name; ids and numbers between its `_` are replaced. `x86_64`, `base64`, `HTTP2` stay. */
function putParts(b: Uint8Array, start: number, token: number, stop: number): void {
  const isQuoted =
    token > start && (b[token - 1] === APOSTROPHE || b[token - 1] === QUOTE) && b[stop] === b[token - 1];
  for (let at = token; at < stop && length < ROOM; at++) {
    let end = at;
    while (end < stop && b[end] !== UNDERSCORE) end++;
    let digits = end;
    while (digits > at && byteClass[b[digits - 1]!] === DIGIT) digits--;
    const isNumber = digits === at && end > at && at > token;
    if (isNumber && end - at >= numberBytes(isQuoted, at - token > 1 ? b[at - 2]! : 0)) put(NUM);
    else if (isHexId(b, at, end)) put(ADDR);
    else if (isRandom(b, at, end)) put(ID);
    else if (!isNumber && end - digits >= 4) {
      putBytes(b, at, digits);
      put(NUM);
    } else putBytes(b, at, end);
    if (end < stop) made[length++] = UNDERSCORE;
    at = end;
  }
}

/**
 * How many digits make a part of a name a number that varies, by the byte before its `_`: the digits of
 * `x86_64` and `HTTP_404` belong to the name.
 */
function numberBytes(isQuoted: boolean, before: number): number {
  if (byteClass[before] === UPPER) return 4;
  return isQuoted && byteClass[before] !== DIGIT ? 1 : 3;
}

/** Where the text ends that `replacementOf` replaces. */
let replacedEnd = 0;

/**
 * The replacement for the token b[at, stop) and perhaps for bytes after it, up to `replacedEnd`. Null if the
 * token is not replaced as a whole.
 */
function replacementOf(b: Uint8Array, start: number, at: number, stop: number, end: number): Buffer | null {
  // `libc.so.6`, `v1.2`: part of a name.
  if (at > start && b[at - 1] === DOT) return null;
  replacedEnd = stop;
  if (isHexNumber(b, at, stop)) {
    const named = at - EXITCODE.length;
    return named >= start && startsWith(b, named, at, EXITCODE) ? null : ADDR;
  }
  const kinds = kindsOf(b, at, stop);
  if ((kinds & OTHER) === 0 && stop - at === 8 && isUuid(b, stop, end)) {
    replacedEnd = stop + 28;
    return UUID;
  }
  if (kinds === DIGITS) return numberOf(b, at, stop, end);
  return isHexId(b, at, stop) ? ADDR : null;
}

/**
 * The replacement for the digits b[at, stop): a number or decimal, a memory address without letters, an IP
 * address.
 */
function numberOf(b: Uint8Array, at: number, stop: number, end: number): Buffer {
  if (stop - at >= 16) return ADDR;
  let groups = 1;
  let areShort = stop - at <= 3;
  while (stop + 1 < end && b[stop] === DOT && byteClass[b[stop + 1]!] === DIGIT) {
    const group = stop + 1;
    stop = group;
    while (stop < end && byteClass[b[stop]!] === DIGIT) stop++;
    if (stop - group > 3) areShort = false;
    groups++;
  }
  replacedEnd = stop;
  return groups === 4 && areShort ? IP : NUM;
}

/** The id of a title. A text that is too long is cut between two characters. */
export function titleId(text: string): number {
  const bytes = Buffer.from(text.trim());
  return cutId(bytes, bytes.length);
}

function cutId(bytes: Buffer, length: number): number {
  let end = length;
  if (end > TITLE_BYTES_MAX) {
    end = TITLE_BYTES_MAX;
    while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
  }
  return nameIdOf(bytes, 0, end, shares.titles);
}
