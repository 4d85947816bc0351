import { byteClass, byteClasses, bytes, skipEscape, startsWith } from './bytes.ts';
import { nameIdOf, namesOf } from './names.ts';

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

/** Names are no longer than this, so neither are titles. */
const TITLE_BYTES_MAX = 120;
/** A headline is told by its first bytes. */
const TEXT_BYTES_MAX = 400;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const colours = /\x1b\[[0-9;?]*[A-Za-z]?/g;

/** The text of b[at, end), as much of it as headlines need. */
export function textOf(b: Uint8Array, at: number, end: number): string {
  // Lines are read into Buffers; a view of its own would be one object more.
  const text = (b as Buffer).toString('utf8', at, Math.min(end, at + TEXT_BYTES_MAX));
  return text.includes('\x1b') ? text.replace(colours, '') : text;
}

/** Where a title is made, byte by byte. */
const made = Buffer.alloc(512);
/** What one step adds at most: so much room is kept. */
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

/** Out of a text what differs from run to run: addresses, ids, numbers. */
export function stable(text: string): string {
  const bytes = Buffer.from(text);
  return made.toString('utf8', 0, putStable(bytes, 0, bytes.length));
}

/** The id of the title that b[at, end) is without what differs from run to run. */
export function stableId(b: Uint8Array, at: number, end: number): number {
  let size = putStable(b, at, end);
  while (size > 0 && made[size - 1]! <= SPACE) size--;
  return cutId(made, size);
}

/** @returns the length of what is in `made` */
function putStable(b: Uint8Array, at: number, end: number): number {
  const start = at;
  length = 0;
  while (at < end && length < ROOM) {
    const byte = b[at]!;
    if (isNameByte(byte)) at = putName(b, start, at, end);
    else if (byte === ESCAPE) at = skipEscape(b, at, end);
    else if (byte === QUESTION && isQuery(b, start, at, end)) {
      put(QUERY);
      at = wordEnd(b, at, end);
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

/** How much of `made` is made. */
let length = 0;
function put(text: Buffer): void {
  length += text.copy(made, length);
}
function putBytes(b: Uint8Array, at: number, end: number): void {
  while (at < end && length < ROOM) made[length++] = b[at++]!;
}

/** Puts the token at `at`. Most are words without a digit, which stay. @returns where the text goes on */
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

/** Puts the token b[at, stop), or what stands for it. @returns where the text goes on */
function putToken(b: Uint8Array, start: number, at: number, stop: number, end: number): number {
  const first = b[at]!;
  if (byteClass[first] === DIGIT || isHexLetter(first)) {
    const whole = replacementOf(b, start, at, stop, end);
    if (whole !== null) {
      put(whole);
      return replaced.end;
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

/** `1h30m`, `24T16` */
function putWithoutDigits(b: Uint8Array, at: number, stop: number): void {
  while (at < stop && length < ROOM) {
    if (byteClass[b[at]!] !== DIGIT) made[length++] = b[at++]!;
    else {
      put(NUM);
      while (at < stop && byteClass[b[at]!] === DIGIT) at++;
    }
  }
}

/** A name: of its parts between `_`, ids and numbers are none of a name's (`x86_64`, `base64`, `HTTP2` are). */
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

/** Of how many digits a part is a number of something, by the byte before its `_`: `x86_64`, `HTTP_404` are names. */
function numberBytes(isQuoted: boolean, before: number): number {
  if (byteClass[before] === UPPER) return 4;
  return isQuoted && byteClass[before] !== DIGIT ? 1 : 3;
}

/** At least six hex digits, of which some are letters and some are none. */
function isHexId(b: Uint8Array, at: number, end: number): boolean {
  return end - at >= 6 && kindsOf(b, at, end) === (DIGITS | HEX);
}

/** Tokens of so many bytes with a few turns are ids; shorter ones may be `1h30m15s`. */
const RANDOM_BYTES = 12;

/** Letters and digits in turns, as only generated ids have them: `x2x4z`, `01ARZ3NDEKTSV4RRFFQ69G5FAV`. */
function isRandom(b: Uint8Array, at: number, end: number): boolean {
  if (end - at < 5) return false;
  let turns = 0;
  for (let i = at + 1; i < end; i++)
    if ((byteClass[b[i]!] === DIGIT) !== (byteClass[b[i - 1]!] === DIGIT)) turns++;
  return turns >= 4 || (turns === 3 && end - at >= RANDOM_BYTES);
}

/** What `mktemp` and the like make up below /tmp: `tmpk3j2h1_x`, `tmp.Xk3J2h1aBc`. */
function isTemporary(b: Uint8Array, start: number, at: number, stop: number): boolean {
  const tail = stop - at;
  if (tail === 11 && startsWith(b, at, stop, TMP) && !startsWith(b, at, stop, TMPFS))
    return isBehind(b, start, at, TEMPORARY);
  return tail === 10 && isBehind(b, start, at, TEMPORARY_TMP);
}
const isBehind = (b: Uint8Array, start: number, at: number, text: Buffer): boolean =>
  at - text.length >= start && startsWith(b, at - text.length, at, text);

/** `?key=…` behind a path. */
function isQuery(b: Uint8Array, start: number, at: number, end: number): boolean {
  if (at === start || (!isNameByte(b[at - 1]!) && b[at - 1] !== SLASH)) return false;
  at++;
  const name = at;
  while (at < end && (isNameByte(b[at]!) || b[at] === MINUS || b[at] === DOT)) at++;
  return at > name && b[at] === EQUALS;
}

/** Past what a URL may hold. */
function wordEnd(b: Uint8Array, at: number, end: number): number {
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

/** Whether the `@` at `at` is of an address of mail: not one of a URL with a password, a package or a unit of systemd. */
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
// . + -
const isMailByte = (byte: number): boolean =>
  isNameByte(byte) || byte === DOT || byte === PLUS || byte === MINUS;

/** Where the replaced text ends: one object for the process. */
const replaced = { end: 0 };

/** What stands for the token b[at, stop), and perhaps for what follows it; null when it is not replaced as a whole. */
function replacementOf(b: Uint8Array, start: number, at: number, stop: number, end: number): Buffer | null {
  // `libc.so.6`, `v1.2`: a part of a name
  if (at > start && b[at - 1] === DOT) return null;
  replaced.end = stop;
  if (isHexNumber(b, at, stop)) {
    const named = at - EXITCODE.length;
    return named >= start && startsWith(b, named, at, EXITCODE) ? null : ADDR;
  }
  const kinds = kindsOf(b, at, stop);
  if ((kinds & OTHER) === 0 && stop - at === 8 && isUuid(b, stop, end)) {
    replaced.end = stop + 28;
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

/** Digits b[at, stop): a number, also with decimals; an address of memory without letters; the first part of one of the network. */
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
  replaced.end = stop;
  return groups === 4 && areShort ? IP : NUM;
}

/** `-1234-1234-1234-123456789abc` behind the first eight digits of an id. */
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

/** The id of a title; a text that is too long is cut between two characters. */
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
  return nameIdOf(bytes, 0, end, namesOf.titles);
}
