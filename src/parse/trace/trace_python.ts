import {
  byteClass,
  byteClasses,
  bytes,
  firstByte,
  isBlankByte,
  isWordByte,
  startsWith,
  startsWithAny,
} from '../line/bytes.ts';
import { modes, type OpenEntry } from '../line/entry.ts';
import { indent } from './trace_frames.ts';
import { ascii, GROUP, words } from './trace_words.ts';

const { COLON, DOT, UNDERSCORE } = bytes;
const { UPPER } = byteClasses;

/**
 * Whether the line belongs to a traceback: indented lines, the exception, and further exceptions in its
 * chain.
 */
export function stepPython(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const isIndented = isBlankByte(firstByte(b, at, end));
  const isEmpty = at >= end;
  switch (entry.mode) {
    case modes.python:
      if (isIndented) return true;
      if (isEmpty || entry.depth === GROUP || !isPythonEnd(b, at, end)) return false;
      entry.mode = modes.python_done;
      return true;
    case modes.python_done:
      if (isEmpty) return !entry.isBlank;
      if (isIndented) return !entry.isBlank && !beginsPython(b, at, end);
      if (!entry.isBlank && startsWithAny(b, at, end, pythonTails)) return true;
      if (!startsWith(b, at, end, words.during) && !startsWith(b, at, end, words.above)) return false;
      entry.mode = modes.python_chain;
      return true;
    case modes.python_chain:
      if (isEmpty) return true;
      if (!startsWith(b, at, end, words.traceback)) return false;
      entry.mode = modes.python;
      return true;
    default:
      return false;
  }
}

/**
 * The first line of a report without a headline: `  File "x.py", line 2` of a syntax error, `  + Exception
 * Group Traceback`.
 */
export function beginsPython(b: Uint8Array, at: number, end: number): boolean {
  const word = indent(b, at, end);
  return startsWith(b, word, end, words.file) || startsWith(b, word, end, words.group);
}

/** Lines that SQLAlchemy prints below the exception. */
const pythonTails = ['[SQL: ', '[parameters: ', '(Background on this error'].map(ascii);

/** Whether the line names the exception of a traceback. */
function isPythonEnd(b: Uint8Array, at: number, end: number): boolean {
  let name = at;
  let stop = at;
  while (stop < end && (isWordByte(b[stop]) || b[stop] === DOT || b[stop] === UNDERSCORE))
    if (b[stop++] === DOT) name = stop;
  // `ValueError`, `json.decoder.JSONDecodeError: …`, `socket.error: …`; not the next line of the program.
  if (stop === name || (stop < end && b[stop] !== COLON)) return false;
  return name > at || b[name] === UNDERSCORE || byteClass[b[name]!] === UPPER;
}
