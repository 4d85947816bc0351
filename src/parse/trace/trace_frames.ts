import { byteClass, byteClasses, bytes, firstByte, isBlankByte, isDigit, startsWith } from '../line/bytes.ts';
import { modes, type OpenEntry } from '../line/entry.ts';
import { isCloser, opensBlock } from './block.ts';
import { isHeadline, wordEndOf } from './headline.ts';
import { BRACES, ERROR, NESTED, NODE, PHP, RUBY, words } from './trace_words.ts';

const {
  COLON,
  DIGIT_0,
  DOT,
  HASH,
  LBRACKET,
  LESS,
  LOWER_A,
  LOWER_E,
  LOWER_I,
  LOWER_N,
  LPAREN,
  MINUS,
  RBRACE,
  RBRACKET,
  RPAREN,
  SPACE,
  TAB,
  UPPER_C,
  UPPER_N,
  UPPER_P,
  UPPER_R,
  UPPER_S,
} = bytes;
const { UPPER } = byteClasses;

/** The offset after the blanks at `at`. */
export function indent(b: Uint8Array, at: number, end: number): number {
  while (at < end && (b[at] === SPACE || b[at] === TAB)) at++;
  return at;
}

/**
 * Whether b[at, end) is a frame after a line of any form: `  at f (x.js:1:2)`, `\tfrom x.rb:1:in`. The first
 * frame must be certain. Later frames have looser rules.
 */
export function isFirstFrame(b: Uint8Array, at: number, end: number): boolean {
  const word = indent(b, at, end);
  if (word === at || word >= end) return false;
  switch (b[word]) {
    case LOWER_A:
      if (startsWith(b, word, end, words.at) && isPlace(b, word + 3, end)) return true;
      break;
    case LOWER_E:
      if (startsWith(b, word, end, words.eval_at)) return true;
      break;
    case HASH:
      return b[word + 1] === DIGIT_0 && b[word + 2] === SPACE;
    case LOWER_N:
      if (startsWith(b, word, end, words.nested)) return true;
      break;
  }
  return isRubyPlace(b, word, end);
}

/** Whether b[at, end), the text after `at `, is one word or contains a bracket. */
function isPlace(b: Uint8Array, at: number, end: number): boolean {
  let hasBlank = false;
  for (; at < end; at++) {
    const byte = b[at]!;
    if (byte === LPAREN || byte === LBRACKET) return true;
    if (byte === SPACE) hasBlank = true;
  }
  return !hasBlank;
}

/** Whether the first bytes contain `x.rb:13:in `. */
function isRubyPlace(b: Uint8Array, at: number, end: number): boolean {
  for (const last = Math.min(end - 4, at + 240); at < last; at++) {
    if (b[at] !== COLON || !isDigit(b[at + 1])) continue;
    let digits = at + 1;
    while (digits < end && isDigit(b[digits])) digits++;
    if (
      b[digits] === COLON &&
      b[digits + 1] === LOWER_I &&
      b[digits + 2] === LOWER_N &&
      b[digits + 3] === SPACE
    )
      return digits + 3 < end;
    at = digits - 1;
  }
  return false;
}

/**
 * A headline of Rails, indented by one blank: ` NoMethodError (undefined method …):`. Frames have more blanks
 * or begin with `at`.
 */
function isRailsHeadline(b: Uint8Array, at: number, end: number): boolean {
  if (at >= end || byteClass[b[at]!] !== UPPER) return false;
  return isHeadline(b, at, end, wordEndOf(b, at, end));
}

/** `#3      main (…)`, not indented. */
const isNumberedFrame = (b: Uint8Array, at: number, end: number): boolean =>
  b[at] === HASH && at + 2 < end && isDigit(b[at + 1]);

/** Whether the line is `Stack trace:` or the first numbered frame, not indented, below a line of any form. */
export function stepTitle(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const first = firstByte(b, at, end);
  if (entry.isBlank) return false;
  const isTitle =
    first === HASH
      ? b[at + 1] === DIGIT_0 && b[at + 2] === SPACE && at + 2 < end
      : startsWith(b, at, end, words.stack_trace) || startsWith(b, at, end, words.stacktrace);
  if (isTitle) entry.mode = modes.frames;
  return isTitle;
}

/** Whether the line belongs to the exception whose headline was just read. */
export function stepHeadline(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const first = firstByte(b, at, end);
  const isIndented = isBlankByte(first);
  if (isIndented) {
    if (isFirstFrame(b, at, end)) {
      entry.mode = modes.frames;
      if (startsWith(b, indent(b, at, end), end, words.nested)) entry.depth = NESTED;
    } else if (stepNumbered(b, at, end)) entry.mode = modes.eyre;
    return !entry.isBlank || entry.mode !== modes.headline;
  }
  switch (first) {
    case 0: // An empty line: `Caused by:` of anyhow may follow.
      return !entry.isBlank && entry.lines === 1 && entry.depth === ERROR;
    case UPPER_C:
      if (!startsWith(b, at, end, words.caused)) return false;
      entry.mode = entry.isBlank ? modes.eyre : modes.frames;
      return true;
    case UPPER_S:
    case LBRACKET:
    case HASH:
    case LESS:
      return stepTitle(entry, b, at, end);
    case UPPER_P:
      return startsWith(b, at, end, words.parameter);
    case UPPER_R:
      return startsWith(b, at, end, words.require);
    case MINUS:
      return b[at + 1] === SPACE && entry.lines > 1;
    default:
      return false;
  }
}

const stepNumbered = (b: Uint8Array, at: number, end: number): boolean => {
  const number = indent(b, at, end);
  return number - at >= 3 && b[number] === DIGIT_0 && b[number + 1] === COLON;
};

/** Whether the line belongs to the frames. */
export function stepFrames(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const first = firstByte(b, at, end);
  const isIndented = isBlankByte(first);
  const wasBlank = entry.isBlank;
  if (isIndented) {
    if (wasBlank && entry.depth !== NESTED) return false;
    if (b[at + 1] !== SPACE && first === SPACE && isRailsHeadline(b, at + 1, end)) return false;
    const word = indent(b, at, end);
    entry.depth = startsWith(b, word, end, words.nested)
      ? NESTED
      : opensBlock(b, at, end)
        ? BRACES
        : entry.depth === BRACES
          ? BRACES
          : entry.depth === NODE
            ? NODE
            : 0;
    return true;
  }
  if (entry.depth === NESTED && first !== 0) return true;
  switch (first) {
    case 0:
      return !wasBlank && (entry.depth === NODE || entry.depth === PHP || entry.depth === NESTED);
    case UPPER_C:
      return !wasBlank && startsWith(b, at, end, words.caused);
    case UPPER_S:
      return (
        startsWith(b, at, end, words.suppressed) || (!wasBlank && startsWith(b, at, end, words.stack_trace))
      );
    case MINUS:
      return startsWith(b, at, end, words.end_of) || (entry.depth === NODE && b[at + 1] === SPACE);
    case UPPER_R:
      return entry.depth === NODE && startsWith(b, at, end, words.require);
    case DOT:
      return startsWith(b, at, end, words.more);
    case LESS:
      return startsWith(b, at, end, words.suspension);
    case HASH:
      if (!isNumberedFrame(b, at, end)) return false;
      entry.depth = b[end - 1] === RBRACE ? PHP : entry.depth; // `#2 {main}`
      return true;
    case UPPER_N:
      return (
        startsWith(b, at, end, words.node_js) ||
        (entry.depth === PHP && wasBlank && startsWith(b, at, end, words.next))
      );
    case RBRACE:
    case RBRACKET:
      if (entry.depth !== BRACES || !isCloser(b, at, end)) return false;
      entry.depth = NODE;
      return true;
    default:
      return false;
  }
}

/**
 * Whether the line belongs to a message of several lines, which ends with the class of the exception (Ruby)
 * or at the frames (Dart).
 */
export function stepMessage(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const first = firstByte(b, at, end);
  if (entry.lines > MESSAGE_LINES_MAX) return false;
  if (first === HASH || isFirstFrame(b, at, end)) entry.mode = modes.frames;
  else if (entry.depth === RUBY && at < end && b[end - 1] === RPAREN) {
    entry.mode = modes.frames;
    entry.depth = 0;
  }
  return true;
}
const MESSAGE_LINES_MAX = 10;
