import { ALNUM, BASE64, DOTTED, isDigit, isIn, LOCAL, SECRET_BYTES_MAX, WORD } from './bytes.ts';
import type { Span } from './signs.ts';
import { isBlank, quoteAt, quoteEnd } from './values.ts';

const COMMA = 44;
const COLON = 58;
const SEMICOLON = 59;
const AT = 64;
const BAR = 124;

/** Bytes of all tokens and addresses. */
const isOfToken = (byte: number): boolean =>
  isIn(byte, ALNUM | WORD | DOTTED | BASE64 | LOCAL) || byte === AT || byte === BAR;

/** Marks behind which a value may begin: `password=`, `https://user:`, `"key":"`, `?sig=`. */
const MARKS = new Set(Buffer.from(':="\'`,&?'));

/**
 * How far the unfinished line b[start, end) may be shown: what follows may turn only the bytes behind that
 * offset into a secret, or into a part of one. It is less than could be shown, never more:
 *
 * - A token or an address is in one word, so of the last word only its last bytes may begin one.
 * - A value may be any bytes behind a mark of the last word, or those of open quotes.
 * - A secret that was found may go on if nothing but separators and the last word follow it.
 */
export function sureEnd(b: Uint8Array, start: number, end: number, found: readonly Span[]): number {
  let word = end;
  while (word > start && !isBlank(b[word - 1])) word--;
  let sure = tokenStart(b, word, end);
  for (let at = word; at + 1 < end; at++) {
    if (!MARKS.has(b[at]!)) continue;
    sure = Math.min(sure, at + 1);
    break;
  }
  let last = word;
  while (last > start && isSeparator(b[last - 1]!)) last--;
  for (const { from, to } of found) if (to > from && to >= last) sure = Math.min(sure, from);
  return Math.max(start, Math.min(sure, openQuote(b, Math.max(start, end - SECRET_BYTES_MAX), end)));
}

/** Where the token may begin that may end the word b[word, end). */
function tokenStart(b: Uint8Array, word: number, end: number): number {
  let at = end;
  while (at > word && isOfToken(b[at - 1]!)) at--;
  // `12345:AA…` is a token of digits and letters.
  if (at - 2 < word || b[at - 1] !== COLON || !isDigit(b[at - 2]!)) return at;
  at--;
  while (at > word && isOfToken(b[at - 1]!)) at--;
  return at;
}

const isSeparator = (byte: number): boolean => isBlank(byte) || byte === COMMA || byte === SEMICOLON;

/** The start of the text in quotes that b[from, end) does not close; `end` if there is none. */
function openQuote(b: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (at > from && isIn(b[at - 1], ALNUM)) continue;
    const quote = quoteAt(b, at, end);
    if (quote < 0) continue;
    const closed = quoteEnd(b, quote, quote - at, end);
    if (closed === end) return quote + 1;
    at = closed + (quote - at);
  }
  return end;
}
