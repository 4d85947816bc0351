import { byteClass, byteClasses, bytes, indexOf, isDigit, startsWith } from '../line/bytes.ts';
import { ascii, words } from './trace_words.ts';

const {
  BACKSLASH,
  BACKTICK,
  COLON,
  DOLLAR,
  DOT,
  LBRACKET,
  LOWER_D,
  LOWER_E,
  LOWER_F,
  LOWER_I,
  LOWER_J,
  LOWER_N,
  LOWER_O,
  LOWER_R,
  LOWER_S,
  LOWER_T,
  LPAREN,
  SPACE,
  UNDERSCORE,
  UPPER_E,
  UPPER_F,
  UPPER_P,
  UPPER_T,
  UPPER_U,
} = bytes;
const { LETTER } = byteClasses;

/**
 * Whether b[at, end), whose first word ends at `wordEnd`, is the headline of an exception:
 * `java.io.IOException: …`, `TypeError`.
 */
export function isHeadline(b: Uint8Array, at: number, end: number, wordEnd: number): boolean {
  if (at >= end || (byteClass[b[at]!]! & LETTER) === 0) return false;
  switch (b[at]) {
    case UPPER_E:
      if (startsWith(b, at, end, words.exception_in)) return true;
      break;
    case UPPER_U:
      if (startsWith(b, at, end, words.unhandled) || startsWith(b, at, end, words.uncaught)) return true;
      break;
    case UPPER_P:
      if (startsWith(b, at, end, words.php)) return true;
      break;
    case UPPER_F:
      if (startsWith(b, at, end, words.fatal_uncaught)) return true;
      break;
    case UPPER_T:
      if (startsWith(b, at, end, words.traceback)) return true;
      break;
    case LOWER_T:
      if (isRustPanic(b, at, end)) return true;
      break;
    case LOWER_F:
      if (startsWith(b, at, end, words.fatal)) return true;
      break;
  }
  // The name is the first word without its colon. Most words do not end like the name of an exception.
  let name = wordEnd;
  while (name > at && b[name - 1] === COLON) name--;
  if (name - at < SUFFIX_MIN) return false;
  switch (b[name - 1]) {
    case LOWER_R:
      if (!endsIn(b, at, name, suffixes.error)) return false;
      break;
    case LOWER_N:
      if (!endsIn(b, at, name, suffixes.exception)) return false;
      break;
    case LOWER_E:
      if (!endsIn(b, at, name, suffixes.throwable)) return false;
      break;
    case LOWER_T:
      if (!endsIn(b, at, name, suffixes.interrupt) && !endsIn(b, at, name, suffixes.fault)) return false;
      break;
    default:
      return false;
  }
  // A colon, nothing or a bracket follows the name. A word would be part of a sentence.
  if (name + 1 < end && b[name] === SPACE && b[name + 1] !== LBRACKET && b[name + 1] !== LPAREN) return false;
  for (let i = at; i < name; i++) if (byteClass[b[i]!] === 0 && !isNamePart(b[i]!)) return false;
  return true;
}

/** The names of exceptions end with these. */
const suffixes = {
  error: ascii('Error'),
  exception: ascii('Exception'),
  throwable: ascii('Throwable'),
  interrupt: ascii('Interrupt'),
  fault: ascii('Fault'),
};
const SUFFIX_MIN = 5;

/** Whether b[at, end) ends with the suffix: `KeyError`, `net.Error`, `Error`; not `noerror`. */
const endsIn = (b: Uint8Array, at: number, end: number, suffix: Buffer): boolean =>
  end - at >= suffix.length && startsWith(b, end - suffix.length, end, suffix);

const isNamePart = (byte: number): boolean =>
  byte === DOT ||
  byte === DOLLAR ||
  byte === UNDERSCORE ||
  byte === COLON ||
  byte === BACKSLASH ||
  byte === BACKTICK;

/** `thread 'main' panicked at …` */
export const isRustPanic = (b: Uint8Array, at: number, end: number): boolean => {
  if (!startsWith(b, at, end, words.thread)) return false;
  // Newer compilers print the number of the thread after its name.
  return indexOf(b, at, Math.min(end, at + 120), words.panicked) > 0;
};

/** Whether the line is only a place in a source file: `/srv/app.js:12`, `node:internal/modules:123`. */
export function isSourcePlace(b: Uint8Array, at: number, end: number): boolean {
  let colon = end - 1;
  while (colon > at && isDigit(b[colon])) colon--;
  if (b[colon] !== COLON || colon - at < 5) return false;
  const isNode =
    b[at] === LOWER_N &&
    b[at + 1] === LOWER_O &&
    b[at + 2] === LOWER_D &&
    b[at + 3] === LOWER_E &&
    b[at + 4] === COLON;
  // js, ts
  const letters = b[colon - 1] === LOWER_S && (b[colon - 2] === LOWER_J || b[colon - 2] === LOWER_T);
  if (!isNode && !letters) return false;
  for (let i = at; i < colon; i++) if (b[i] === SPACE) return false;
  return true;
}

/** `/srv/x.rb:13:in 'f': …`: the first word, which ends at `word`, ends with `:in`. */
export function isRubyHeadline(b: Uint8Array, at: number, word: number): boolean {
  return (
    word - at > 5 &&
    b[word - 1] === LOWER_N &&
    b[word - 2] === LOWER_I &&
    b[word - 3] === COLON &&
    isDigit(b[word - 4])
  );
}

/** A longer word is cut here. */
const WORD_BYTES_MAX = 160;
/** The end of the word at `at`. */
export function wordEndOf(b: Uint8Array, at: number, end: number): number {
  const last = end - at > WORD_BYTES_MAX ? at + WORD_BYTES_MAX : end;
  while (at < last && b[at] !== SPACE) at++;
  return at;
}
