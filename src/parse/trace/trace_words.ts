export const text = (words: string): Buffer => Buffer.from(words);
/** What lines of traces begin with. */
export const words = {
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

/** What `depth` means in modes other than `block`. */
export const RULE = -1;
export const NESTED = -2;
export const BRACES = -3;
export const NODE = -4;
export const PHP = -5;
export const ERROR = -6;
/** A group of exceptions in Python: its last line is indented too. */
export const GROUP = -8;
export const RUBY = -7;
