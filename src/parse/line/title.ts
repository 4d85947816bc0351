import { byteClass, byteClasses, bytes, skipEscape, startsWith } from './bytes.ts';
import { nameIdOf, shares } from './names.ts';

const {
  APOSTROPHE,
  AT_SIGN,
  COLON,
  DIGIT_0,
  DOT,
  EQUALS,
  ESCAPE,
  GREATER,
  LOWER_A,
  LOWER_F,
  LOWER_X,
  MINUS,
  PLUS,
  QUESTION,
  QUOTE,
  RPAREN,
  SLASH,
  SPACE,
  UNDERSCORE,
  UPPER_A,
  UPPER_F,
} = bytes;
const { DIGIT, LETTER, UPPER } = byteClasses;

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
const TEMPORARY = words('/tmp/');
const TMP = words('tmp');
const TMPFS = words('tmpfs');
const TEMPORARY_TMP = words('/tmp/tmp.');
const DIGITS = 1;
const HEX = 2;
const OTHER = 4;

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
    if (isNameByte(byte)) at = putName(b, start, at, end);
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
  for (let byte = b[at]!; stop < end && isNameByte(byte); byte = b[++stop]!) {
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

/** `0x1f` */
const isHexNumber = (b: Uint8Array, at: number, stop: number): boolean =>
  b[at] === DIGIT_0 && b[at + 1] === LOWER_X && stop - at > 2;

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

/** At least six hex digits, both letters and digits. */
function isHexId(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= 6 && kindsOf(b, at, end) === (DIGITS | HEX);
}

/** A token this long with three turns is an id; a shorter one may be `1h30m15s`. */
const RANDOM_BYTES = 12;

/** Letters and digits that alternate as only in generated ids: `x2x4z`, `01ARZ3NDEKTSV4RRFFQ69G5FAV`. */
function isRandom(b: Uint8Array, at: number, end: number): boolean {
  if (end - at < 5) return false;
  let turns = 0;
  for (let i = at + 1; i < end; i++)
    if ((byteClass[b[i]!] === DIGIT) !== (byteClass[b[i - 1]!] === DIGIT)) turns++;
  return turns >= 4 || (turns === 3 && end - at >= RANDOM_BYTES);
}

/** A name below /tmp that `mktemp` or a similar tool generated: `tmpk3j2h1_x`, `tmp.Xk3J2h1aBc`. */
function isTemporary(b: Uint8Array, start: number, at: number, stop: number): boolean {
  const tail = stop - at;
  if (tail === 11 && startsWith(b, at, stop, TMP) && !startsWith(b, at, stop, TMPFS))
    return isBehind(b, start, at, TEMPORARY);
  return tail === 10 && isBehind(b, start, at, TEMPORARY_TMP);
}
const isBehind = (b: Uint8Array, start: number, at: number, text: Buffer): boolean =>
  at - text.length >= start && startsWith(b, at - text.length, at, text);

/** `?key=…` after a path. */
function isQuery(b: Uint8Array, start: number, at: number, end: number): boolean {
  if (at === start || (!isNameByte(b[at - 1]!) && b[at - 1] !== SLASH)) return false;
  at++;
  const name = at;
  while (at < end && (isNameByte(b[at]!) || b[at] === MINUS || b[at] === DOT)) at++;
  return at > name && b[at] === EQUALS;
}

/** The offset after the URL at `at`. */
function urlEnd(b: Uint8Array, at: number, end: number): number {
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
function isEmail(b: Uint8Array, start: number, at: number, end: number): boolean {
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
const isMailByte = (byte: number): boolean =>
  isNameByte(byte) || byte === DOT || byte === PLUS || byte === MINUS;

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

function kindsOf(b: Uint8Array, at: number, end: number): number {
  let kinds = 0;
  for (let i = at; i < end; i++)
    kinds |= byteClass[b[i]!] === DIGIT ? DIGITS : isHexLetter(b[i]!) ? HEX : OTHER;
  return kinds;
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

/** `-1234-1234-1234-123456789abc` after the first eight digits of a UUID. */
function isUuid(b: Uint8Array, at: number, end: number): boolean {
  if (at + 28 > end) return false;
  for (let i = 0; i < 28; i++) {
    const isDash = i === 0 || i === 5 || i === 10 || i === 15;
    if (isDash ? b[at + i] !== MINUS : byteClass[b[at + i]!] !== DIGIT && !isHexLetter(b[at + i]!))
      return false;
  }
  return true;
}

const isHexLetter = (byte: number): boolean =>
  (byte >= LOWER_A && byte <= LOWER_F) || (byte >= UPPER_A && byte <= UPPER_F);
const isNameByte = (byte: number): boolean => byteClass[byte] !== 0 || byte === UNDERSCORE;

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
