/** What kind of character a byte is; bytes of other alphabets count as none. */
export const LOWER = 1;
export const UPPER = 2;
export const DIGIT = 4;
export const LETTER = LOWER | UPPER;
export const classOf = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte >= 97 && byte <= 122) classOf[byte] = LOWER;
  else if (byte >= 65 && byte <= 90) classOf[byte] = UPPER;
  else if (byte >= 48 && byte <= 57) classOf[byte] = DIGIT;
}

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 48 && byte <= 57;
export const isWordByte = (byte: number | undefined): boolean => byte !== undefined && classOf[byte] !== 0;

/** The first byte of b[at, end), or 0 when that is empty. */
export const firstByte = (b: Uint8Array, at: number, end: number): number => (at < end ? b[at]! : 0);
export const isBlankByte = (byte: number): boolean => byte === 32 || byte === 9;

/** Two digits at `at` as a number, or -1. */
export const pair = (b: Uint8Array, at: number): number =>
  isDigit(b[at]) && isDigit(b[at + 1]) ? (b[at]! - 48) * 10 + b[at + 1]! - 48 : -1;

/** Whether b[at, end) begins with `text`. */
export function startsWith(b: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (b[at + i] !== text[i]) return false;
  return true;
}

/** Where `text` begins in b[at, end), or -1. For rare lines: the cost is the product only for hostile bytes, and texts are short. */
export function indexOf(b: Uint8Array, at: number, end: number, text: Uint8Array): number {
  const first = text[0]!;
  for (const last = end - text.length; at <= last; at++) {
    if (b[at] === first && startsWith(b, at, end, text)) return at;
  }
  return -1;
}

/** Past a colour or cursor sequence (ESC [ … letter) at `at`; past ESC alone when it is none. */
export function skipEscape(b: Uint8Array, at: number, end: number): number {
  if (b[at + 1] !== 91) return at + 1;
  at += 2;
  while (at < end && ((b[at]! >= 48 && b[at]! <= 59) || b[at] === 63)) at++;
  return at < end && (classOf[b[at]!]! & LETTER) !== 0 ? at + 1 : at;
}
