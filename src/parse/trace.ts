import { isCloser, opensBlock, stepBlock } from './block.ts';
import { classOf, indexOf, isDigit, isWordByte, LETTER, startsWith, UPPER } from './bytes.ts';
import { asked, type Entry, modes } from './entry.ts';
import { isGoHeader, stepGo } from './trace_go.ts';

const text = (words: string): Buffer => Buffer.from(words);
const words = {
  at: text('at '),
  eval_at: text('eval at '),
  file: text('File "'),
  more: text('... '),
  caused: text('Caused by:'),
  suppressed: text('Suppressed:'),
  end_of: text('--- '),
  nested: text('nested exception is:'),
  parameter: text('Parameter name:'),
  stack_trace: text('Stack trace'),
  stacktrace: text('[stacktrace]'),
  stack_backtrace: text('stack backtrace:'),
  big_stack_backtrace: text('Stack backtrace:'),
  traceback: text('Traceback (most recent call last)'),
  group: text('+ Exception Group Traceback'),
  during: text('During handling of the above exception'),
  above: text('The above exception was the direct cause'),
  panic: text('panic: '),
  fatal: text('fatal error: '),
  goroutine: text('goroutine '),
  thread: text("thread '"),
  panicked: text(' panicked at '),
  note: text('note: '),
  unhandled: text('Unhandled '),
  uncaught: text('Uncaught '),
  exception_in: text('Exception in thread '),
  php: text('PHP Fatal error'),
  fatal_uncaught: text('Fatal error: Uncaught'),
  error: text('Error:'),
  suspension: text('<asynchronous suspension>'),
  next: text('Next '),
  node_js: text('Node.js v'),
  require: text('Require stack:'),
  application_panicked: text('The application panicked (crashed).'),
  full_dump: text('Full thread dump'),
  tid: text(' tid='),
  prio: text(' prio='),
} as const;

/** Whether b[at, end), whose first word ends at `asked.wordEnd`, is an exception's headline: `java.io.IOException: …`, `TypeError`. */
export function isHeadline(b: Uint8Array, at: number, end: number): boolean {
  if (at >= end || (classOf[b[at]!]! & LETTER) === 0) return false;
  switch (b[at]) {
    case 69: // E
      if (startsWith(b, at, end, words.exception_in)) return true;
      break;
    case 85: // U
      if (startsWith(b, at, end, words.unhandled) || startsWith(b, at, end, words.uncaught)) return true;
      break;
    case 80: // P
      if (startsWith(b, at, end, words.php)) return true;
      break;
    case 70: // F
      if (startsWith(b, at, end, words.fatal_uncaught)) return true;
      break;
    case 84: // T
      if (startsWith(b, at, end, words.traceback)) return true;
      break;
    case 116: // t
      if (isRustPanic(b, at, end)) return true;
      break;
    case 102: // f
      if (startsWith(b, at, end, words.fatal)) return true;
      break;
  }
  // The name is the first word, without its colon; most words do not end like one.
  let name = asked.wordEnd;
  while (name > at && b[name - 1] === 58) name--;
  if (name - at < SUFFIX_MIN) return false;
  switch (b[name - 1]) {
    case 114: // r
      if (!endsIn(b, at, name, suffixes.error)) return false;
      break;
    case 110: // n
      if (!endsIn(b, at, name, suffixes.exception)) return false;
      break;
    case 101: // e
      if (!endsIn(b, at, name, suffixes.throwable)) return false;
      break;
    case 116: // t
      if (!endsIn(b, at, name, suffixes.interrupt) && !endsIn(b, at, name, suffixes.fault)) return false;
      break;
    default:
      return false;
  }
  // Behind it a colon, nothing, or what some put in brackets: not the next word of a sentence.
  if (name + 1 < end && b[name] === 32 && b[name + 1] !== 91 && b[name + 1] !== 40) return false;
  for (let i = at; i < name; i++) if (classOf[b[i]!] === 0 && !isNamePart(b[i]!)) return false;
  return true;
}

/** How names of exceptions end. */
const suffixes = {
  error: text('Error'),
  exception: text('Exception'),
  throwable: text('Throwable'),
  interrupt: text('Interrupt'),
  fault: text('Fault'),
};
const SUFFIX_MIN = 5;

/** `KeyError`, `net.Error`, `Error`; not `noerror`. */
const endsIn = (b: Uint8Array, at: number, end: number, suffix: Buffer): boolean =>
  end - at >= suffix.length && startsWith(b, end - suffix.length, end, suffix);

// . $ _ : \ `
const isNamePart = (byte: number): boolean =>
  byte === 46 || byte === 36 || byte === 95 || byte === 58 || byte === 92 || byte === 96;

const isRustPanic = (b: Uint8Array, at: number, end: number): boolean => {
  if (!startsWith(b, at, end, words.thread)) return false;
  // Behind the name, newer compilers print the thread's number.
  return indexOf(b, at, Math.min(end, at + 120), words.panicked) > 0;
};

/** Past the blanks at `at`. */
function indent(b: Uint8Array, at: number, end: number): number {
  while (at < end && (b[at] === 32 || b[at] === 9)) at++;
  return at;
}

/**
 * Whether b[at, end) is a frame that belongs to the line before, whatever that is: `  at f (x.js:1:2)`, `\tfrom x.rb:1:in`.
 * The first frame must look like one; later ones have less to prove.
 */
function isFirstFrame(b: Uint8Array, at: number, end: number): boolean {
  const word = indent(b, at, end);
  if (word === at || word >= end) return false;
  switch (b[word]) {
    case 97: // a
      if (startsWith(b, word, end, words.at) && isPlace(b, word + 3, end)) return true;
      break;
    case 101: // e
      if (startsWith(b, word, end, words.eval_at)) return true;
      break;
    case 35: // #
      return b[word + 1] === 48 && b[word + 2] === 32;
    case 110: // n
      if (startsWith(b, word, end, words.nested)) return true;
      break;
  }
  return isRubyPlace(b, word, end);
}

/** What stands behind `at`: one word, or something with brackets. */
function isPlace(b: Uint8Array, at: number, end: number): boolean {
  let hasBlank = false;
  for (; at < end; at++) {
    const byte = b[at]!;
    if (byte === 40 || byte === 91) return true;
    if (byte === 32) hasBlank = true;
  }
  return !hasBlank;
}

/** `x.rb:13:in ` in the first bytes. */
function isRubyPlace(b: Uint8Array, at: number, end: number): boolean {
  for (const last = Math.min(end - 4, at + 240); at < last; at++) {
    if (b[at] !== 58 || !isDigit(b[at + 1])) continue;
    let digits = at + 1;
    while (digits < end && isDigit(b[digits])) digits++;
    if (b[digits] === 58 && b[digits + 1] === 105 && b[digits + 2] === 110 && b[digits + 3] === 32)
      return digits + 3 < end;
    at = digits - 1;
  }
  return false;
}

/** `#3      main (…)`, un-indented. */
const isNumberedFrame = (b: Uint8Array, at: number, end: number): boolean =>
  b[at] === 35 && at + 2 < end && isDigit(b[at + 1]);

/**
 * Whether the line b[at, end) belongs to the entry; its mode moves on. A line that does not is left for `open`.
 * `b[at]` is no escape: colours at the start are stepped over before.
 */
export function step(entry: Entry, b: Uint8Array, at: number, end: number): boolean {
  const isEmpty = at >= end;
  const first = isEmpty ? 0 : b[at]!;
  const isIndented = first === 32 || first === 9;
  switch (entry.mode) {
    case modes.single:
      return stepSingle(entry, b, at, end, first, isIndented);
    case modes.headline:
      return stepHeadline(entry, b, at, end, first, isIndented);
    case modes.frames:
      return stepFrames(entry, b, at, end, first, isIndented);
    case modes.python:
      if (isIndented) return true;
      if (isEmpty || entry.depth === GROUP || !isPythonEnd(b, at, end)) return false;
      entry.mode = modes.python_done;
      return true;
    case modes.python_done:
      if (isEmpty) return !entry.isBlank;
      if (isIndented) return !entry.isBlank && !beginsPython(b, at, end);
      if (!entry.isBlank && pythonTails.some((tail) => startsWith(b, at, end, tail))) return true;
      if (!startsWith(b, at, end, words.during) && !startsWith(b, at, end, words.above)) return false;
      entry.mode = modes.python_chain;
      return true;
    case modes.python_chain:
      if (isEmpty) return true;
      if (!startsWith(b, at, end, words.traceback)) return false;
      entry.mode = modes.python;
      return true;
    case modes.go:
      return stepGo(entry, b, at, end, first);
    case modes.rust:
      if (entry.depth > 0 && !isEmpty) {
        entry.depth--;
        return true;
      }
      return (
        isIndented || startsWith(b, at, end, words.note) || startsWith(b, at, end, words.stack_backtrace)
      );
    case modes.eyre:
      return isEmpty || isIndented || eyreLines.some((line) => startsWith(b, at, end, line));
    case modes.message:
      return stepMessage(entry, b, at, end, first);
    case modes.node:
      return stepNode(entry, b, at, end, isIndented);
    case modes.block:
      return stepBlock(entry, b, at, end, first, isIndented);
    case modes.piece:
      return true;
    case modes.sanitizer:
      return isEmpty || isIndented || sanitizerLines.some((line) => startsWith(b, at, end, line));
    case modes.threads:
      return isEmpty || isIndented || isThreadHeader(b, at, end);
    default:
      return false;
  }
}

function stepSingle(
  entry: Entry,
  b: Uint8Array,
  at: number,
  end: number,
  first: number,
  isIndented: boolean,
): boolean {
  if (isIndented) {
    if (entry.isBlank || !isFirstFrame(b, at, end)) return stepEyre(entry, b, at, end);
    entry.mode = modes.frames;
    return true;
  }
  switch (first) {
    case 83: // S
    case 91: // [
      if (
        entry.isBlank ||
        !(startsWith(b, at, end, words.stack_trace) || startsWith(b, at, end, words.stacktrace))
      )
        break;
      entry.mode = modes.frames;
      return true;
    case 35: // #
      if (entry.isBlank || b[at + 1] !== 48 || b[at + 2] !== 32 || at + 2 >= end) break;
      entry.mode = modes.frames;
      return true;
    case 84: // T
      if (!entry.isRecord || !startsWith(b, at, end, words.traceback)) break;
      entry.mode = modes.python;
      return true;
    case 103: // g
      if (!entry.isRecord || !isGoHeader(b, at, end)) break;
      entry.mode = modes.go;
      return true;
    case 61: // =
      // the rule above a sanitizer's report
      if (entry.depth !== RULE || b[at + 1] !== 61 || !isDigit(b[at + 2])) break;
      entry.mode = modes.sanitizer;
      return true;
    case 87: // W
      if (entry.depth !== RULE || !startsWith(b, at, end, threadSanitizer)) break;
      entry.mode = modes.sanitizer;
      return true;
  }
  if (entry.isRecord && asked.isHeadline) {
    entry.mode = modes.headline;
    return true;
  }
  return false;
}

/** `   0: …` after an empty line or `Error:`: a report of eyre, which begins with a line break. */
function stepEyre(entry: Entry, b: Uint8Array, at: number, end: number): boolean {
  if (!entry.isBlank || entry.lines !== 1) return false;
  const number = indent(b, at, end);
  if (number - at < 3 || b[number] !== 48 || b[number + 1] !== 58) return false;
  entry.mode = modes.eyre;
  return true;
}

function stepHeadline(
  entry: Entry,
  b: Uint8Array,
  at: number,
  end: number,
  first: number,
  isIndented: boolean,
): boolean {
  if (isIndented) {
    if (isFirstFrame(b, at, end)) {
      entry.mode = modes.frames;
      if (startsWith(b, indent(b, at, end), end, words.nested)) entry.depth = NESTED;
    } else if (stepNumbered(b, at, end)) entry.mode = modes.eyre;
    return !entry.isBlank || entry.mode !== modes.headline;
  }
  switch (first) {
    case 0: // empty: `Caused by:` of anyhow may follow
      return !entry.isBlank && entry.lines === 1 && entry.depth === ERROR;
    case 67: // C
      if (!startsWith(b, at, end, words.caused)) return false;
      entry.mode = entry.isBlank ? modes.eyre : modes.frames;
      return true;
    case 83: // S
    case 91: // [
    case 35: // #
    case 60: // <
      return stepSingle(entry, b, at, end, first, false);
    case 80: // P
      return startsWith(b, at, end, words.parameter);
    case 82: // R
      return startsWith(b, at, end, words.require);
    case 45: // -
      return b[at + 1] === 32 && entry.lines > 1;
    default:
      return false;
  }
}

const stepNumbered = (b: Uint8Array, at: number, end: number): boolean => {
  const number = indent(b, at, end);
  return number - at >= 3 && b[number] === 48 && b[number + 1] === 58;
};

function stepFrames(
  entry: Entry,
  b: Uint8Array,
  at: number,
  end: number,
  first: number,
  isIndented: boolean,
): boolean {
  const wasBlank = entry.isBlank;
  if (isIndented) {
    if (wasBlank && entry.depth !== NESTED) return false;
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
    case 67: // C
      return !wasBlank && startsWith(b, at, end, words.caused);
    case 83: // S
      return (
        startsWith(b, at, end, words.suppressed) || (!wasBlank && startsWith(b, at, end, words.stack_trace))
      );
    case 45: // -
      return startsWith(b, at, end, words.end_of) || (entry.depth === NODE && b[at + 1] === 32);
    case 82: // R
      return entry.depth === NODE && startsWith(b, at, end, words.require);
    case 46: // .
      return startsWith(b, at, end, words.more);
    case 60: // <
      return startsWith(b, at, end, words.suspension);
    case 35: // #
      if (!isNumberedFrame(b, at, end)) return false;
      entry.depth = b[end - 1] === 125 ? PHP : entry.depth; // `#2 {main}`
      return true;
    case 78: // N
      return (
        startsWith(b, at, end, words.node_js) ||
        (entry.depth === PHP && wasBlank && startsWith(b, at, end, words.next))
      );
    case 125: // }
    case 93: // ]
      if (entry.depth !== BRACES || !isCloser(b, at, end)) return false;
      entry.depth = NODE;
      return true;
    default:
      return false;
  }
}

/** What `depth` means in modes other than `block`. */
const RULE = -1;
const NESTED = -2;
const BRACES = -3;
const NODE = -4;
const PHP = -5;
const ERROR = -6;
/** A group of exceptions in Python: its last line is indented too. */
const GROUP = -8;

/** A message of several lines ends with the exception's class (Ruby), or where the frames begin (Dart). */
function stepMessage(entry: Entry, b: Uint8Array, at: number, end: number, first: number): boolean {
  if (entry.lines > MESSAGE_LINES_MAX) return false;
  if (first === 35 || isFirstFrame(b, at, end)) entry.mode = modes.frames;
  else if (entry.depth === RUBY && at < end && b[end - 1] === 41) {
    entry.mode = modes.frames;
    entry.depth = 0;
  }
  return true;
}
const MESSAGE_LINES_MAX = 10;
const RUBY = -7;

/** Node.js: line 2 is the source, line 3 marks the place in it, then an empty line and the exception. */
function stepNode(entry: Entry, b: Uint8Array, at: number, end: number, isIndented: boolean): boolean {
  if (entry.lines === 1) return true;
  if (at >= end) return !entry.isBlank;
  if (!entry.isBlank) return isIndented;
  entry.mode = modes.frames;
  entry.depth = opensBlock(b, at, end) ? BRACES : NODE;
  return true;
}

/** `  File "x.py", line 2` of a syntax error, `  + Exception Group Traceback`: reports without a first line of their own. */
function beginsPython(b: Uint8Array, at: number, end: number): boolean {
  const word = indent(b, at, end);
  return startsWith(b, word, end, words.file) || startsWith(b, word, end, words.group);
}

/** What SQLAlchemy prints below the exception. */
const pythonTails = ['[SQL: ', '[parameters: ', '(Background on this error'].map(text);

function isPythonEnd(b: Uint8Array, at: number, end: number): boolean {
  let name = at;
  let stop = at;
  while (stop < end && (isWordByte(b[stop]) || b[stop] === 46 || b[stop] === 95))
    if (b[stop++] === 46) name = stop;
  // `ValueError`, `json.decoder.JSONDecodeError: …`, `socket.error: …`; not the next line of the program
  if (stop === name || (stop < end && b[stop] !== 58)) return false;
  return name > at || b[name] === 95 || classOf[b[name]!] === UPPER;
}

const isThreadHeader = (b: Uint8Array, at: number, end: number): boolean => {
  if (b[at] !== 34) return false;
  for (const last = Math.min(end, at + 160); at < last; at++) {
    if (b[at] === 32 && (startsWith(b, at, end, words.tid) || startsWith(b, at, end, words.prio)))
      return true;
  }
  return false;
};

const eyreLines = [
  'Error:',
  'Note',
  'Warning',
  'Suggestion',
  'Location:',
  'Message:',
  'Backtrace omitted',
  'SpanTrace',
  'Caused by:',
  'Stack backtrace:',
  'stack backtrace:',
  'Run with ',
].map(text);
const threadSanitizer = text('WARNING: ThreadSanitizer');
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
].map(text);

/** Begins an entry with the line b[at, end): what may follow it. */
export function open(entry: Entry, b: Uint8Array, at: number, end: number): void {
  entry.mode = modes.single;
  entry.depth = 0;
  if (at >= end) return;
  const first = b[at]!;
  switch (first) {
    case 84: // T
      if (startsWith(b, at, end, words.traceback)) entry.mode = modes.python;
      else if (startsWith(b, at, end, words.application_panicked)) entry.mode = modes.eyre;
      break;
    case 32:
    case 9:
      if (!beginsPython(b, at, end)) break;
      entry.mode = modes.python;
      if (b[indent(b, at, end)] === 43) entry.depth = GROUP;
      break;
    case 112: // p
      if (startsWith(b, at, end, words.panic)) entry.mode = modes.go;
      break;
    case 102: // f
      if (startsWith(b, at, end, words.fatal)) entry.mode = modes.go;
      break;
    case 103: // g
      if (isGoHeader(b, at, end)) entry.mode = modes.go;
      break;
    case 116: // t
      if (!isRustPanic(b, at, end)) break;
      entry.mode = modes.rust;
      entry.depth = b[end - 1] === 58 ? 1 : 0;
      break;
    case 61: // =
      if (b[end - 1] === 61 && b[at + 1] === 61 && end - at > 15) entry.depth = RULE;
      else if (b[at + 1] === 61 && isDigit(b[at + 2])) entry.mode = modes.sanitizer;
      break;
    case 85: // U
      if (b[end - 1] === 58 && startsWith(b, at, end, words.unhandled)) entry.mode = modes.message;
      break;
    case 34: // "
      if (isThreadHeader(b, at, end)) entry.mode = modes.threads;
      break;
    case 70: // F
      if (startsWith(b, at, end, words.full_dump)) entry.mode = modes.threads;
      break;
    case 69: // E
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
  } else if (asked.isHeadline) entry.mode = modes.headline;
  else if (isRubyHeadline(b, at)) {
    entry.mode = b[end - 1] === 41 ? modes.frames : modes.message;
    entry.depth = b[end - 1] === 41 ? 0 : RUBY;
  }
}

/** `/srv/app.js:12`, `node:internal/modules:123`: a place and nothing else. */
function isSourcePlace(b: Uint8Array, at: number, end: number): boolean {
  let colon = end - 1;
  while (colon > at && isDigit(b[colon])) colon--;
  if (b[colon] !== 58 || colon - at < 5) return false;
  const isNode =
    b[at] === 110 && b[at + 1] === 111 && b[at + 2] === 100 && b[at + 3] === 101 && b[at + 4] === 58;
  const letters = b[colon - 1] === 115 && (b[colon - 2] === 106 || b[colon - 2] === 116); // js, ts
  if (!isNode && !letters) return false;
  for (let i = at; i < colon; i++) if (b[i] === 32) return false;
  return true;
}

/** `/srv/x.rb:13:in 'f': …`: the first word ends with `:in`. */
function isRubyHeadline(b: Uint8Array, at: number): boolean {
  const word = asked.wordEnd;
  return (
    word - at > 5 && b[word - 1] === 110 && b[word - 2] === 105 && b[word - 3] === 58 && isDigit(b[word - 4])
  );
}
