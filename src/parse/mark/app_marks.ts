import { byteClass, bytes, startsWithAny } from '../line/bytes.ts';
import { modes } from '../line/entry.ts';
import { event } from '../line/events.ts';
import type { Line } from '../line/line.ts';
import { stable, stableId, textOf, titleId } from '../line/title.ts';
import type { Traits } from '../line/traits.ts';

const { LBRACE } = bytes;

/** The last entry with an exception, and what its title waits for. The spool keeps it. */
export interface SavedApp {
  entry: number;
  /**
   * The title of a headline that is an exception only if frames follow; or the title without the message of
   * the next line.
   */
  pending: string;
  /** One of `waits`. */
  waits: number;
  isMarked: boolean;
}

const waits = { nothing: 0, frames: 1, message: 2 } as const;

/** Marks the exceptions of programs, with type and message, on the line that names them. */
export class AppMarks {
  private last: SavedApp = { entry: -1, pending: '', waits: waits.nothing, isMarked: false };

  get isWaiting(): boolean {
    return this.last.waits !== waits.nothing;
  }

  save(): SavedApp | null {
    return this.last.entry < 0 ? null : { ...this.last };
  }

  restore(saved: SavedApp | null): void {
    if (saved !== null) this.last = { ...saved };
  }

  read(b: Uint8Array, at: number, end: number, position: number, line: Line, traits: Traits): void {
    const entry = position - line.entry_back;
    const { last } = this;
    if (last.waits !== waits.nothing) {
      if (last.entry !== entry) last.waits = waits.nothing;
      else if (this.awaited(b, at, end, line, traits)) return;
    }
    if (!mayName(line, traits)) return;
    const isNew = last.entry !== entry;
    if (!isNew && last.isMarked && traits.mode !== modes.python_done) return;
    if (isPlain(b, at, end, traits.mode)) {
      if (isNew) this.last = { entry, pending: '', waits: waits.nothing, isMarked: false };
      this.put(stableId(b, at, end), event.exception, line);
      return;
    }
    const title = titleOf(textOf(b, at, end).trim(), traits, line.entry_back === 0);
    if (title === null) return;
    if (isNew) this.last = { entry, pending: '', waits: waits.nothing, isMarked: false };
    if (title.needs === 'frames') {
      this.last.pending = title.text;
      this.last.waits = waits.frames;
    } else this.mark(title.text, line);
    if (title.needs === 'message') {
      this.last.pending = title.text;
      this.last.waits = waits.message;
    }
  }

  /** Reads a line while the title waits. @returns whether it is the line that the title waits for */
  private awaited(b: Uint8Array, at: number, end: number, line: Line, traits: Traits): boolean {
    const { last } = this;
    if (last.waits === waits.frames) {
      if (traits.mode !== modes.frames && traits.mode !== modes.eyre) return false;
      last.waits = waits.nothing;
      this.mark(last.pending, line);
      return true;
    }
    const message = textOf(b, at, end).trim();
    if (message === '') return true;
    last.waits = waits.nothing;
    line.title = titleId(`${last.pending}: ${stable(message)}`) || event.exception;
    return true;
  }

  private mark(title: string, line: Line): void {
    this.put(titleId(title), title.startsWith('segfault') ? event.segfault : event.exception, line);
  }

  private put(title: number, id: number, line: Line): void {
    // A later exception in the entry (a chain of Python) has the better title, but is no event of its own.
    if (!this.last.isMarked) line.event = id;
    this.last.isMarked = true;
    line.title = title || id;
  }
}

/** Beginnings of headlines whose title is only a part of the line. */
const wordy = [
  'Error',
  'Exception in',
  'Unhandled',
  'Uncaught',
  'PHP',
  'Fatal',
  'fatal',
  'thread',
  'Traceback',
].map((text) => Buffer.from(text));

/**
 * Whether the whole line is the title, as in most cases: `KeyError: 'x'`, `java.io.IOException: closed`. Such
 * a title needs no string.
 */
function isPlain(b: Uint8Array, at: number, end: number, mode: number): boolean {
  if (mode === modes.python_done) return true;
  if (mode !== modes.headline || b[end - 1] === LBRACE) return false;
  return byteClass[b[at]!] !== 0 && !startsWithAny(b, at, end, wordy);
}

/** Whether the line may name an exception, judged by the mode of its entry. Most lines of a trace do not. */
function mayName(line: Line, traits: Traits): boolean {
  switch (traits.mode) {
    case modes.headline:
      return traits.isHeadline;
    case modes.frames:
      return traits.isHeadline || traits.modeBefore === modes.node || line.entry_back === 0;
    case modes.python_done:
      return traits.modeBefore === modes.python;
    case modes.go:
    case modes.rust:
    case modes.message:
    case modes.sanitizer:
      return traits.modeBefore !== traits.mode;
    case modes.eyre:
      return traits.isHeadline;
    default:
      return false;
  }
}

interface Title {
  text: string;
  needs?: 'frames' | 'message';
}

/** The title in the text of a headline; null if it names no exception. */
function titleOf(text: string, traits: Traits, isFirst: boolean): Title | null {
  const { mode, modeBefore: before } = traits;
  if (mode === modes.python_done) return before === modes.python ? { text: stable(text) } : null;
  if (mode === modes.sanitizer) {
    const match = /^==\d+==ERROR: (\w+): ([\w-]+)(?: on (unknown address))?/.exec(text);
    return match === null || match[1] === 'LeakSanitizer' ? leak(text) : { text: `${match[1]}: ${match[2]}` };
  }
  const go = isFirst && mode === modes.go ? /^(?:panic|fatal error): .*/.exec(text) : null;
  if (go !== null) return { text: stable(go[0].replace(/ \[recovered\]$/, '')) };
  const rust = /^thread '[^']*' (?:\(\d+\) )?panicked at (?:'(.*)', )?([^:]+)/.exec(text);
  if (rust !== null) {
    if (rust[1] !== undefined) return { text: `panicked at ${rust[2]}: ${stable(rust[1])}` };
    return { text: `panicked at ${rust[2]}`, needs: 'message' };
  }
  // The traceback of the Python thread follows.
  if (/^Traceback \(most|^Exception in thread [^"].*:$/.test(text)) return null;
  const ruby = /^\S+:\d+:in [`'][^']*'?: (.*) \(([A-Z][\w:]*)\)$/.exec(text);
  if (ruby !== null) return { text: `${ruby[2]}: ${stable(ruby[1]!)}` };
  const php = /^(?:PHP )?Fatal error: +(?:Uncaught )?(.*?)(?: in \S+:\d+| in \S+ on line \d+)?$/.exec(text);
  if (php !== null) return { text: stable(php[1]!) };
  if (/^Unhandled exception:$/.test(text)) return { text: 'Unhandled exception', needs: 'message' };
  const named =
    /^(?:Exception in thread "[^"]*" |Unhandled exception\. |Uncaught (?:exception: )?)?(.+)$/.exec(text);
  if (named === null) return null;
  if (!traits.isHeadline && before !== modes.node) return null;
  if (/^fatal error: /.test(text)) return null;
  const plain = stable(named[1]!.replace(/\s*\{$/, ''));
  // Many programs print `Error: no such file`. It is an exception only if frames follow.
  return /^(?:\w*[a-z])?Error:|^Error\b/.test(plain) && /^Error\b/.test(plain) && before !== modes.node
    ? { text: plain, needs: 'frames' }
    : { text: plain };
}

const leak = (text: string): Title | null =>
  /^==\d+==ERROR: LeakSanitizer/.test(text) ? { text: 'LeakSanitizer: detected memory leaks' } : null;
