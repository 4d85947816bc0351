export const ascii = (text: string): Buffer => Buffer.from(text);

/** Beginnings of lines of traces. */
export const words = {
  at: ascii('at '),
  eval_at: ascii('eval at '),
  file: ascii('File "'),
  more: ascii('... '),
  caused: ascii('Caused by:'),
  suppressed: ascii('Suppressed:'),
  end_of: ascii('--- '),
  nested: ascii('nested exception is:'),
  parameter: ascii('Parameter name:'),
  stack_trace: ascii('Stack trace'),
  stacktrace: ascii('[stacktrace]'),
  stack_backtrace: ascii('stack backtrace:'),
  traceback: ascii('Traceback (most recent call last)'),
  group: ascii('+ Exception Group Traceback'),
  during: ascii('During handling of the above exception'),
  above: ascii('The above exception was the direct cause'),
  panic: ascii('panic: '),
  fatal: ascii('fatal error: '),
  thread: ascii("thread '"),
  panicked: ascii(' panicked at '),
  note: ascii('note: '),
  unhandled: ascii('Unhandled '),
  uncaught: ascii('Uncaught '),
  exception_in: ascii('Exception in thread '),
  php: ascii('PHP Fatal error'),
  fatal_uncaught: ascii('Fatal error: Uncaught'),
  error: ascii('Error:'),
  suspension: ascii('<asynchronous suspension>'),
  next: ascii('Next '),
  node_js: ascii('Node.js v'),
  require: ascii('Require stack:'),
  application_panicked: ascii('The application panicked (crashed).'),
  full_dump: ascii('Full thread dump'),
  tid: ascii(' tid='),
  prio: ascii(' prio='),
} as const;

// Values of `depth` in modes other than `block`.
/** A rule of `=`: the report of a sanitizer may follow. */
export const RULE = -1;
/** Frames below `nested exception is:`, which need no indent. */
export const NESTED = -2;
/** The last frame opened a brace: the fields of an exception follow. */
export const BRACES = -3;
/** An exception of Node.js, which lines of Node.js itself may follow. */
export const NODE = -4;
/** The last frame of PHP (`{main}`): the next exception of its chain may follow. */
export const PHP = -5;
/** The headline is `Error:`. */
export const ERROR = -6;
/** The message of a Ruby exception. */
export const RUBY = -7;
/** A group of exceptions in Python, whose last line is indented too. */
export const GROUP = -8;
