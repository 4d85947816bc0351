/**
 * Bytes by name. A module copies the names it uses into constants of its own (`const { SPACE } = bytes`): V8
 * compiles such a constant into the comparison, but loads an imported constant from memory each time. It also
 * loads the constants that a function uses in or after a `for … of`, so hot functions leave such loops to
 * others.
 */
export const bytes = {
  TAB: 0x09,
  NEWLINE: 0x0a,
  RETURN: 0x0d,
  ESCAPE: 0x1b,
  SPACE: 0x20,
  QUOTE: 0x22,
  HASH: 0x23,
  DOLLAR: 0x24,
  APOSTROPHE: 0x27,
  LPAREN: 0x28,
  RPAREN: 0x29,
  STAR: 0x2a,
  PLUS: 0x2b,
  COMMA: 0x2c,
  MINUS: 0x2d,
  DOT: 0x2e,
  SLASH: 0x2f,
  DIGIT_0: 0x30,
  DIGIT_1: 0x31,
  DIGIT_9: 0x39,
  COLON: 0x3a,
  SEMICOLON: 0x3b,
  LESS: 0x3c,
  EQUALS: 0x3d,
  GREATER: 0x3e,
  QUESTION: 0x3f,
  AT_SIGN: 0x40,
  UPPER_A: 0x41,
  UPPER_B: 0x42,
  UPPER_C: 0x43,
  UPPER_D: 0x44,
  UPPER_E: 0x45,
  UPPER_F: 0x46,
  UPPER_I: 0x49,
  UPPER_M: 0x4d,
  UPPER_N: 0x4e,
  UPPER_P: 0x50,
  UPPER_R: 0x52,
  UPPER_S: 0x53,
  UPPER_T: 0x54,
  UPPER_U: 0x55,
  UPPER_V: 0x56,
  UPPER_W: 0x57,
  UPPER_Z: 0x5a,
  LBRACKET: 0x5b,
  BACKSLASH: 0x5c,
  RBRACKET: 0x5d,
  UNDERSCORE: 0x5f,
  BACKTICK: 0x60,
  LOWER_A: 0x61,
  LOWER_B: 0x62,
  LOWER_D: 0x64,
  LOWER_E: 0x65,
  LOWER_F: 0x66,
  LOWER_G: 0x67,
  LOWER_I: 0x69,
  LOWER_J: 0x6a,
  LOWER_M: 0x6d,
  LOWER_N: 0x6e,
  LOWER_O: 0x6f,
  LOWER_P: 0x70,
  LOWER_R: 0x72,
  LOWER_S: 0x73,
  LOWER_T: 0x74,
  LOWER_U: 0x75,
  LOWER_V: 0x76,
  LOWER_X: 0x78,
  LOWER_Z: 0x7a,
  LBRACE: 0x7b,
  BAR: 0x7c,
  RBRACE: 0x7d,
  /** Not a character: the bit that turns an upper-case letter into its lower-case one. */
  LOWER_CASE: 0x20,
} as const;
const { DIGIT_0, DIGIT_9, LBRACKET, LOWER_A, LOWER_Z, QUESTION, SEMICOLON, SPACE, TAB, UPPER_A, UPPER_Z } =
  bytes;

/** The class of each byte: a letter, a digit, or 0. Bytes of other alphabets have class 0. */
export const byteClasses = { LOWER: 1, UPPER: 2, LETTER: 3, DIGIT: 4 } as const;
const { LOWER, UPPER, LETTER, DIGIT } = byteClasses;
export const byteClass = new Uint8Array(256);
for (let byte = 0; byte < 256; byte++) {
  if (byte >= LOWER_A && byte <= LOWER_Z) byteClass[byte] = LOWER;
  else if (byte >= UPPER_A && byte <= UPPER_Z) byteClass[byte] = UPPER;
  else if (byte >= DIGIT_0 && byte <= DIGIT_9) byteClass[byte] = DIGIT;
}

export const isDigit = (byte: number | undefined): boolean =>
  byte !== undefined && byte >= DIGIT_0 && byte <= DIGIT_9;
export const isWordByte = (byte: number | undefined): boolean => byte !== undefined && byteClass[byte] !== 0;

/** The first byte of b[at, end), or 0 if that is empty. */
export const firstByte = (b: Uint8Array, at: number, end: number): number => (at < end ? b[at]! : 0);
export const isBlankByte = (byte: number): boolean => byte === SPACE || byte === TAB;

/** The two digits at `at` as a number, or -1. */
export const pair = (b: Uint8Array, at: number): number =>
  isDigit(b[at]) && isDigit(b[at + 1]) ? (b[at]! - DIGIT_0) * 10 + b[at + 1]! - DIGIT_0 : -1;

/** Whether b[at, end) begins with `text`. */
export function startsWith(b: Uint8Array, at: number, end: number, text: Uint8Array): boolean {
  if (at + text.length > end) return false;
  for (let i = 0; i < text.length; i++) if (b[at + i] !== text[i]) return false;
  return true;
}

/** Whether b[at, end) begins with one of the texts. */
export function startsWithAny(b: Uint8Array, at: number, end: number, texts: readonly Uint8Array[]): boolean {
  for (const text of texts) if (startsWith(b, at, end, text)) return true;
  return false;
}

/**
 * Where `text` begins in b[at, end), or -1. For rare lines: hostile bytes can make the cost the product of
 * both lengths, so texts are short.
 */
export function indexOf(b: Uint8Array, at: number, end: number, text: Uint8Array): number {
  const first = text[0]!;
  for (const last = end - text.length; at <= last; at++) {
    if (b[at] === first && startsWith(b, at, end, text)) return at;
  }
  return -1;
}

/**
 * The offset after the color or cursor sequence (ESC [ … letter) at `at`; after ESC alone if it is no
 * sequence.
 */
export function skipEscape(b: Uint8Array, at: number, end: number): number {
  if (b[at + 1] !== LBRACKET) return at + 1;
  at += 2;
  while (at < end && ((b[at]! >= DIGIT_0 && b[at]! <= SEMICOLON) || b[at] === QUESTION)) at++;
  return at < end && (byteClass[b[at]!]! & LETTER) !== 0 ? at + 1 : at;
}
