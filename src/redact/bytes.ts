/** Classes of bytes, as bits. */
export const DIGIT = 1;
export const HEX = 2;
export const DIGIT_UPPER = 4;
export const ALNUM = 8;
/** Letters, digits, `_` and `-`: base64 for URLs, and most tokens. */
export const WORD = 16;
export const BASE64 = 32;
export const DOTTED = 64;
/** Bytes of the local part of an e-mail address. */
export const LOCAL = 128;
/** Bytes of a host's name. */
export const HOST = 256;
/** Bytes of a setting's or header's name. */
export const NAME = 512;
/** Bytes that end a word: space, quotes, separators, brackets, control characters. */
export const END = 1024;
export const EQUALS = 2048;

export const classOf = new Uint16Array(256);

function add(bit: number, characters: string): void {
  for (const character of characters) classOf[character.charCodeAt(0)]! |= bit;
}
const digits = '0123456789';
const upper = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const letters = upper + upper.toLowerCase();
add(DIGIT, digits);
add(HEX, `${digits}abcdefABCDEF`);
add(DIGIT_UPPER, digits + upper);
for (const bit of [ALNUM, WORD, BASE64, DOTTED, LOCAL, HOST, NAME]) add(bit, digits + letters);
add(WORD, '_-');
add(BASE64, '+/=');
add(DOTTED, '_-.~');
add(LOCAL, '._%+-');
add(HOST, '.-');
add(NAME, '_.-');
add(EQUALS, '=');
add(END, ' \t"\'`,;<>()[]{}|\\');
for (let byte = 0; byte < 32; byte++) classOf[byte]! |= END;
classOf[127]! |= END;

/** Longest secret within one line, with the sign before it. */
export const SECRET_BYTES_MAX = 4_096;
/** Bytes before a sign that a check reads. */
export const LOOK_BACK_BYTES = 256;
/** Longest sign. */
export const SIGN_BYTES_MAX = 64;

export const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57;
export const isLetter = (byte: number): boolean => (byte >= 65 && byte <= 90) || (byte >= 97 && byte <= 122);
export const lower = (byte: number): number => (byte >= 65 && byte <= 90 ? byte + 32 : byte);
export const isIn = (byte: number | undefined, bits: number): boolean =>
  byte !== undefined && (classOf[byte]! & bits) !== 0;

/** The end of the run of these classes that starts at `at`. */
export function run(b: Uint8Array, at: number, end: number, bits: number): number {
  const most = Math.min(end, at + SECRET_BYTES_MAX);
  while (at < most && (classOf[b[at]!]! & bits) !== 0) at++;
  return at;
}

/** The start of the run of these classes that ends at `at`, at most `most` bytes back. */
export function runBack(b: Uint8Array, at: number, start: number, bits: number, most: number): number {
  const least = Math.max(start, at - most);
  while (at > least && (classOf[b[at - 1]!]! & bits) !== 0) at--;
  return at;
}

/** Whether b[at…] begins with a text, which is in lower case, in any case. */
export function startsWith(b: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let index = 0; index < text.length; index++) if (lower(b[at + index]!) !== text[index]) return false;
  return true;
}

/**
 * Whether a word may begin at `at`. The letter before it may belong to an escape such as \n, or to a color
 * such as ESC [ 3 2 m.
 */
export function isBound(b: Uint8Array, at: number, start: number): boolean {
  if (at <= start || (classOf[b[at - 1]!]! & ALNUM) === 0) return true;
  if (at - 2 >= start && b[at - 2] === 92) return true;
  return b[at - 1] === 109 && isColor(b, at - 2, start);
}

function isColor(b: Uint8Array, at: number, start: number): boolean {
  const least = Math.max(start, at - 16);
  while (at > least && (isDigit(b[at]!) || b[at] === 59)) at--;
  return b[at] === 91 && at > start && b[at - 1] === 27;
}

export const textOf = (b: Uint8Array, from: number, to: number): string => {
  let text = '';
  for (let at = from; at < to; at++) text += String.fromCharCode(b[at]!);
  return text;
};
