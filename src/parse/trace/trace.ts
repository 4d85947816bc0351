import { bytes, firstByte, isBlankByte, isDigit, startsWith, startsWithAny } from '../line/bytes.ts';
import { modes, type OpenEntry } from '../line/entry.ts';
import type { Traits } from '../line/traits.ts';
import { opensBlock, stepBlock } from './block.ts';
import { isRubyHeadline, isRustPanic, isSourcePlace } from './headline.ts';
import { indent, isFirstFrame, stepFrames, stepHeadline, stepMessage, stepTitle } from './trace_frames.ts';
import { isGoHeader, stepGo } from './trace_go.ts';
import { beginsPython, stepPython } from './trace_python.ts';
import { ascii, BRACES, ERROR, GROUP, NODE, RUBY, RULE, words } from './trace_words.ts';

const {
  COLON,
  DIGIT_0,
  EQUALS,
  HASH,
  LBRACKET,
  LOWER_F,
  LOWER_G,
  LOWER_P,
  LOWER_T,
  PLUS,
  QUOTE,
  RPAREN,
  SPACE,
  TAB,
  UPPER_E,
  UPPER_F,
  UPPER_S,
  UPPER_T,
  UPPER_U,
  UPPER_W,
} = bytes;

/**
 * Whether the line b[at, end) belongs to the entry. Updates the mode. A line that does not belong to it
 * begins the next entry with `open`. The line has no colors at its start.
 */
export function step(entry: OpenEntry, b: Uint8Array, at: number, end: number, traits: Traits): boolean {
  const isEmpty = at >= end;
  const isIndented = isBlankByte(firstByte(b, at, end));
  switch (entry.mode) {
    case modes.single:
      return stepSingle(entry, b, at, end, traits);
    case modes.headline:
      return stepHeadline(entry, b, at, end);
    case modes.frames:
      return stepFrames(entry, b, at, end);
    case modes.python:
    case modes.python_done:
    case modes.python_chain:
      return stepPython(entry, b, at, end);
    case modes.go:
      return stepGo(entry, b, at, end);
    case modes.rust:
      if (entry.depth > 0 && !isEmpty) {
        entry.depth--;
        return true;
      }
      return (
        isIndented || startsWith(b, at, end, words.note) || startsWith(b, at, end, words.stack_backtrace)
      );
    case modes.eyre:
      return isEmpty || isIndented || startsWithAny(b, at, end, eyreLines);
    case modes.message:
      return stepMessage(entry, b, at, end);
    case modes.node:
      return stepNode(entry, b, at, end);
    case modes.block:
      return stepBlock(entry, b, at, end);
    case modes.piece:
      return true;
    case modes.sanitizer:
      return isEmpty || isIndented || startsWithAny(b, at, end, sanitizerLines);
    case modes.threads:
      return isEmpty || isIndented || isThreadHeader(b, at, end);
    default:
      return false;
  }
}

function stepSingle(entry: OpenEntry, b: Uint8Array, at: number, end: number, traits: Traits): boolean {
  const first = firstByte(b, at, end);
  const isIndented = isBlankByte(first);
  if (isIndented) {
    if (entry.isBlank || !isFirstFrame(b, at, end)) return stepEyre(entry, b, at, end);
    entry.mode = modes.frames;
    return true;
  }
  switch (first) {
    case UPPER_S:
    case LBRACKET:
    case HASH:
      if (stepTitle(entry, b, at, end)) return true;
      break;
    case UPPER_T:
      if (!entry.isRecord || !startsWith(b, at, end, words.traceback)) break;
      entry.mode = modes.python;
      return true;
    case LOWER_G:
      if (!entry.isRecord || !isGoHeader(b, at, end)) break;
      entry.mode = modes.go;
      return true;
    case EQUALS:
      // The rule above the report of a sanitizer.
      if (entry.depth !== RULE || b[at + 1] !== EQUALS || !isDigit(b[at + 2])) break;
      entry.mode = modes.sanitizer;
      return true;
    case UPPER_W:
      if (entry.depth !== RULE || !startsWith(b, at, end, threadSanitizer)) break;
      entry.mode = modes.sanitizer;
      return true;
  }
  if (entry.isRecord && traits.isHeadline) {
    entry.mode = modes.headline;
    return true;
  }
  return false;
}

/** `   0: …` after an empty first line: a report of eyre, which begins with a line break. */
function stepEyre(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  if (!entry.isBlank || entry.lines !== 1) return false;
  const number = indent(b, at, end);
  if (number - at < 3 || b[number] !== DIGIT_0 || b[number + 1] !== COLON) return false;
  entry.mode = modes.eyre;
  return true;
}

/**
 * Node.js: line 2 is the source, line 3 marks the place in it; then follow an empty line and the exception.
 */
function stepNode(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const isIndented = isBlankByte(firstByte(b, at, end));
  if (entry.lines === 1) return true;
  if (at >= end) return !entry.isBlank;
  if (!entry.isBlank) return isIndented;
  entry.mode = modes.frames;
  entry.depth = opensBlock(b, at, end) ? BRACES : NODE;
  return true;
}

const isThreadHeader = (b: Uint8Array, at: number, end: number): boolean => {
  if (b[at] !== QUOTE) return false;
  for (const last = Math.min(end, at + 160); at < last; at++) {
    if (b[at] === SPACE && (startsWith(b, at, end, words.tid) || startsWith(b, at, end, words.prio)))
      return true;
  }
  return false;
};

const eyreLines = [
  'Error:',
  'Note',
  'Warning',
  'Suggestion',
  'Help',
  'Location:',
  'Message:',
  'Backtrace omitted',
  'SpanTrace',
  'Caused by:',
  'Stack backtrace:',
  'stack backtrace:',
  'Run with ',
].map(ascii);
const threadSanitizer = ascii('WARNING: ThreadSanitizer');
const sanitizerLines = [
  '==',
  'SUMMARY:',
  'Shadow',
  'READ of',
  'WRITE of',
  '0x',
  '=>0x',
  'freed by',
  'previously allocated',
  'allocated by',
  'Direct leak',
  'Indirect leak',
  'HINT:',
  'Address ',
  'This frame has',
  'Thread ',
  'The signal is',
  'AddressSanitizer',
  'LeakSanitizer',
  'Objects leaked',
].map(ascii);

/** Begins an entry with the line b[at, end). The mode decides which lines may follow. */
export function open(entry: OpenEntry, b: Uint8Array, at: number, end: number, traits: Traits): void {
  entry.mode = modes.single;
  entry.depth = 0;
  if (at >= end) return;
  const first = b[at]!;
  switch (first) {
    case UPPER_T:
      if (startsWith(b, at, end, words.traceback)) entry.mode = modes.python;
      else if (startsWith(b, at, end, words.application_panicked)) entry.mode = modes.eyre;
      break;
    case SPACE:
    case TAB:
      if (!beginsPython(b, at, end)) break;
      entry.mode = modes.python;
      if (b[indent(b, at, end)] === PLUS) entry.depth = GROUP;
      break;
    case LOWER_P:
      if (startsWith(b, at, end, words.panic)) entry.mode = modes.go;
      break;
    case LOWER_F:
      if (startsWith(b, at, end, words.fatal)) entry.mode = modes.go;
      break;
    case LOWER_G:
      if (isGoHeader(b, at, end)) entry.mode = modes.go;
      break;
    case LOWER_T:
      if (!isRustPanic(b, at, end)) break;
      entry.mode = modes.rust;
      entry.depth = b[end - 1] === COLON ? 1 : 0;
      break;
    case EQUALS:
      if (b[end - 1] === EQUALS && b[at + 1] === EQUALS && end - at > 15) entry.depth = RULE;
      else if (b[at + 1] === EQUALS && isDigit(b[at + 2])) entry.mode = modes.sanitizer;
      break;
    case UPPER_U:
      if (b[end - 1] === COLON && startsWith(b, at, end, words.unhandled)) entry.mode = modes.message;
      break;
    case QUOTE:
      if (isThreadHeader(b, at, end)) entry.mode = modes.threads;
      break;
    case UPPER_F:
      if (startsWith(b, at, end, words.full_dump)) entry.mode = modes.threads;
      break;
    case UPPER_E:
      if (startsWith(b, at, end, words.error)) {
        entry.mode = indent(b, at + words.error.length, end) === end ? modes.eyre : modes.headline;
        entry.depth = ERROR;
      }
      break;
  }
  if (entry.mode !== modes.single || entry.depth !== 0) return;
  if (isDigit(b[end - 1]) && isSourcePlace(b, at, end)) entry.mode = modes.node;
  else if (opensBlock(b, at, end)) {
    entry.mode = modes.block;
    entry.depth = 1;
  } else if (traits.isHeadline) entry.mode = modes.headline;
  else if (isRubyHeadline(b, at, traits.wordEnd)) {
    entry.mode = b[end - 1] === RPAREN ? modes.frames : modes.message;
    entry.depth = b[end - 1] === RPAREN ? 0 : RUBY;
  }
}
