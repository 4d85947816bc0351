import { limits } from '../../base/limits.ts';
import { byteClass, byteClasses, bytes, isDigit, startsWith } from '../line/bytes.ts';
import {
  hold,
  isName,
  knownId,
  leftOut,
  nameId,
  nameIdOf,
  type SourceHolder,
  shares,
} from '../line/names.ts';
import { severityOfWord } from './level_words.ts';

const { COLON, DOT, LBRACKET, MINUS, RBRACKET, SLASH, UNDERSCORE } = bytes;
const { LETTER } = byteClasses;

/** The sources that the parser itself names. */
export const source = {
  none: 0,
  app: nameId('app'),
  kernel: nameId('kernel'),
  init: nameId('init'),
  systemd: nameId('systemd'),
  runtime: nameId('runtime'),
  firecracker: nameId('firecracker'),
  stdout: nameId('stdout'),
  stderr: nameId('stderr'),
} as const;

export const SOURCE_BYTES_MAX = 32;

/**
 * The sources that the lines of a stream name. The table has a column of few values for them, so a stream has
 * at most `stream_sources_max`. Lines of further sources get `app`.
 */
export class Sources implements SourceHolder {
  readonly known: number[] = [];
  held = 0;
  most: number = limits.parse.stream_sources_max;
  /** The last source: most lines have the same source as the line before. */
  private last = 0;

  /** The id of the tag b[start, end); 0 if it names no source. */
  tagId(b: Uint8Array, start: number, end: number): number {
    if (this.last !== 0 && isName(this.last, b, start, end)) return this.last;
    return isSourceName(b, start, end) ? this.idOf(b, start, end) : 0;
  }

  /** The id of the name in b[start, end); `app` if the stream has too many sources. */
  idOf(b: Uint8Array, start: number, end: number): number {
    if (this.last !== 0 && isName(this.last, b, start, end)) return this.last;
    let id = knownId(b, start, end);
    if (id === 0 || !this.known.includes(id)) {
      if (this.known.length < this.most) id = nameIdOf(b, start, end, shares.sources);
      else id = 0;
      if (id === 0) {
        leftOut.sources_left_out++;
        return source.app;
      }
      if (this.known.length === 0) hold(this);
      this.known.push(id);
    }
    this.last = id;
    return id;
  }

  allow(most: number): void {
    this.known.length = Math.min(this.known.length, most);
    this.most = most;
    this.last = 0;
  }
}

export const isSourceByte = (byte: number): boolean =>
  byteClass[byte] !== 0 || byte === MINUS || byte === UNDERSCORE || byte === DOT;

/** The offset of the closing bracket of the `[tag]` at `at`, or -1. */
export function tagEnd(b: Uint8Array, at: number, end: number): number {
  if (at >= end || b[at] !== LBRACKET) return -1;
  let close = at + 1;
  while (close < end && close - at <= SOURCE_BYTES_MAX && isSourceByte(b[close]!)) close++;
  return close >= end || b[close] !== RBRACKET || close === at + 1 ? -1 : close;
}

/** Levels and threads are no sources: `[INFO]`, `[W]`, `[http-nio-8080-exec-1]`, `[main]`. */
const isSourceName = (b: Uint8Array, at: number, end: number): boolean =>
  end > at + 1 &&
  (byteClass[b[at]!]! & LETTER) !== 0 &&
  severityOfWord(b, at, end) === 0 &&
  !isThread(b, at, end);

const main = Buffer.from('main');
/** A name that ends in a minus and a number is a thread of a pool. */
function isThread(b: Uint8Array, at: number, end: number): boolean {
  if (end - at === 4 && startsWith(b, at, end, main)) return true;
  let digits = end;
  while (digits > at && isDigit(b[digits - 1])) digits--;
  return digits < end && digits - 1 > at && b[digits - 1] === MINUS;
}

/** Whether the value of a JSON field can be a source: a name, not a sentence. */
export function isSourceValue(b: Uint8Array, at: number, end: number): boolean {
  if (end - at > VALUE_BYTES_MAX) return false;
  for (; at < end; at++) {
    const byte = b[at]!;
    if (
      byteClass[byte] === 0 &&
      byte !== MINUS &&
      byte !== DOT &&
      byte !== SLASH &&
      byte !== UNDERSCORE &&
      byte !== COLON
    )
      return false;
  }
  return true;
}
const VALUE_BYTES_MAX = 48;
