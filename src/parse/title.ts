import { classOf, DIGIT, skipEscape, startsWith } from './bytes.ts';
import { nameIdOf, namesOf } from './names.ts';

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
const NUM = Buffer.from('NUM');
const ADDR = Buffer.from('ADDR');
const IP = Buffer.from('IP');
const UUID = Buffer.from('UUID');
const EXITCODE = Buffer.from('exitcode=');
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
  let length = putStable(b, at, end);
  while (length > 0 && made[length - 1]! <= 32) length--;
  return cutId(made, length);
}

/** @returns the length of what is in `made` */
function putStable(b: Uint8Array, at: number, end: number): number {
  const start = at;
  let length = 0;
  while (at < end && length < made.length - 64) {
    const byte = b[at]!;
    if (byte === 27) {
      at = skipEscape(b, at, end);
      continue;
    }
    if (!isNameByte(byte)) {
      made[length++] = byte;
      at++;
      continue;
    }
    const stop = tokenEnd(b, at, end);
    const put = classOf[byte] === DIGIT || isHexLetter(byte) ? replacementOf(b, start, at, stop, end) : null;
    if (put === null) {
      for (let i = at; i < stop && length < made.length - 64; i++) made[length++] = b[i]!;
      at = stop;
    } else {
      length += put.copy(made, length);
      at = replaced.end;
    }
  }
  return length;
}

/** Where the replaced text ends: one object for the process. */
const replaced = { end: 0 };

/** What stands for the token b[at, stop), and perhaps for what follows it; null when it stays. */
function replacementOf(b: Uint8Array, start: number, at: number, stop: number, end: number): Buffer | null {
  // `libc.so.6`, `v1.2`: a part of a name
  if (at > start && b[at - 1] === 46) return null;
  replaced.end = stop;
  if (b[at] === 48 && b[at + 1] === 120 && stop - at > 2) {
    const named = at - EXITCODE.length;
    return named >= start && startsWith(b, named, at, EXITCODE) ? null : ADDR;
  }
  let kinds = 0;
  let digits = at;
  while (digits < stop && classOf[b[digits]!] === DIGIT) digits++;
  for (let i = at; i < stop; i++)
    kinds |= classOf[b[i]!] === DIGIT ? DIGITS : isHexLetter(b[i]!) ? HEX : OTHER;
  if ((kinds & OTHER) === 0 && stop - at === 8 && isUuid(b, stop, end)) {
    replaced.end = stop + 28;
    return UUID;
  }
  if (kinds === DIGITS) return numberOf(b, at, stop, end);
  if (kinds === (DIGITS | HEX) && stop - at >= 6) return ADDR;
  // `30ms`, `64kB`
  if (digits > at && stop - digits <= 2) {
    replaced.end = digits;
    return NUM;
  }
  return null;
}

/** Digits b[at, stop): a number, also with decimals; an address of memory without letters; the first part of one of the network. */
function numberOf(b: Uint8Array, at: number, stop: number, end: number): Buffer {
  if (stop - at >= 16) return ADDR;
  let groups = 1;
  let areShort = stop - at <= 3;
  while (stop + 1 < end && b[stop] === 46 && classOf[b[stop + 1]!] === DIGIT) {
    const group = stop + 1;
    stop = group;
    while (stop < end && classOf[b[stop]!] === DIGIT) stop++;
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
    if (isDash ? b[at + i] !== 45 : classOf[b[at + i]!] !== DIGIT && !isHexLetter(b[at + i]!)) return false;
  }
  return true;
}

const isHexLetter = (byte: number): boolean => (byte >= 97 && byte <= 102) || (byte >= 65 && byte <= 70);
const isNameByte = (byte: number): boolean => classOf[byte] !== 0 || byte === 95;
function tokenEnd(b: Uint8Array, at: number, end: number): number {
  while (at < end && isNameByte(b[at]!)) at++;
  return at;
}

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
