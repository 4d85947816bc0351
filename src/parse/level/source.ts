import { limits } from '../../base/limits.ts';
import { bytes, classOf, DIGIT, isDigit, LETTER, startsWith, UPPER } from '../line/bytes.ts';
import { isName, nameId, nameIdOf, namesOf } from '../line/names.ts';
import { severityOfWord } from './severity.ts';

const { COLON, DOT, ESCAPE, LBRACKET, LOWER_M, MINUS, RBRACKET, SPACE, UNDERSCORE } = bytes;

/** Sources with names of their own. */
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

const NAME_BYTES_MAX = 32;

/**
 * Names that a stream's lines bring. A guest that invents names gets so many and no more: what comes after is `app`, as the
 * column that holds them is one of few values, on every host.
 */
export class Sources {
  private readonly known: number[] = [];
  /** The last one: most lines come from where the line before came from. */
  private last = 0;

  /** Id of the `[tag]` at `at`, which ends at `tag.end`; 0 when it names no source. */
  tagAt(b: Uint8Array, at: number, end: number): number {
    if (at >= end || b[at] !== LBRACKET) return 0;
    let close = at + 1;
    while (close < end && close - at <= NAME_BYTES_MAX && isNameByte(b[close]!)) close++;
    if (close >= end || b[close] !== RBRACKET || close === at + 1) return 0;
    tag.end = close;
    if (this.last !== 0 && isName(this.last, b, at + 1, close)) return this.last;
    return isSourceName(b, at + 1, close) ? this.idOf(b, at + 1, close) : 0;
  }

  /** @returns the id of the name in b[start, end), or of `app` when it is one too many */
  idOf(b: Uint8Array, start: number, end: number): number {
    const id = nameIdOf(b, start, end, namesOf.sources);
    if (id === 0) return source.app;
    if (id === this.last) return id;
    if (!this.known.includes(id)) {
      if (this.known.length >= limits.parse.stream_sources_max) return source.app;
      this.known.push(id);
    }
    this.last = id;
    return id;
  }
}

const isNameByte = (byte: number): boolean =>
  classOf[byte] !== 0 || byte === MINUS || byte === UNDERSCORE || byte === DOT;

/** Where the tag ends that `tagAt` found: one object for the process. */
export const tag = { end: 0 };

/** `[INFO]`, `[http-nio-8080-exec-1]`, `[main]`, `[W]`: levels and threads are no sources. */
const isSourceName = (b: Uint8Array, at: number, end: number): boolean =>
  end > at + 1 &&
  (classOf[b[at]!]! & LETTER) !== 0 &&
  severityOfWord(b, at, end) === 0 &&
  !isThread(b, at, end);

const main = Buffer.from('main');
/** Names that end in a number behind a minus or hash are threads of a pool. */
function isThread(b: Uint8Array, at: number, end: number): boolean {
  if (end - at === 4 && startsWith(b, at, end, main)) return true;
  let digits = end;
  while (digits > at && isDigit(b[digits - 1])) digits--;
  return digits < end && digits - 1 > at && b[digits - 1] === MINUS;
}

/** What `programEnd` found: one object for the process. */
export const program = { start: 0, end: 0, text: 0 };

/** `sshd[812]: text` at `at`, also without the process id when `isSyslog`. Fills `program`. */
export function programAt(b: Uint8Array, at: number, end: number, isSyslog: boolean): boolean {
  let stop = at;
  while (stop < end && stop - at < NAME_BYTES_MAX && isNameByte(b[stop]!)) stop++;
  if (stop === at || stop >= end || classOf[b[at]!]! === DIGIT) return false;
  let colon = stop;
  if (b[stop] === LBRACKET) {
    colon++;
    while (colon < end && isDigit(b[colon])) colon++;
    if (colon === stop + 1 || b[colon] !== RBRACKET) return false;
    colon++;
  } else if (!isSyslog) return false;
  if (colon >= end || b[colon] !== COLON || (colon + 1 < end && b[colon + 1] !== SPACE)) return false;
  program.start = at;
  program.end = stop;
  program.text = Math.min(end, colon + 2);
  return true;
}

/** ` host program[pid]: text` behind a syslog stamp; the host, and the `user.warn` of some, are stepped over. */
export function syslogProgram(b: Uint8Array, at: number, end: number): boolean {
  for (let fields = 0; fields < 3; fields++) {
    while (at < end && b[at] === SPACE) at++;
    if (fields > 0 && programAt(b, at, end, true)) return true;
    while (at < end && b[at] !== SPACE) at++;
  }
  return false;
}

const GUEST_PREFIX = Buffer.from('pandastack-');

/** `pandastack-init: …`: the runtime's own programs in the guest. Fills `program`. */
export function guestProgram(b: Uint8Array, start: number, end: number): boolean {
  if (!startsWith(b, start, end, GUEST_PREFIX)) return false;
  const name = start + GUEST_PREFIX.length;
  let at = name;
  while (at < end && at - name < NAME_BYTES_MAX && isNameByte(b[at]!)) at++;
  if (at === name || at + 1 >= end || b[at] !== COLON || b[at + 1] !== SPACE) return false;
  program.start = name;
  program.end = at;
  program.text = at + 2;
  return true;
}

const statuses: readonly [string, 'none' | 'error' | 'warn'][] = [
  ['OK', 'none'],
  ['FAILED', 'error'],
  ['DEPEND', 'error'],
  ['TIME', 'error'],
  ['INFO', 'none'],
  ['SKIP', 'none'],
  ['WARN', 'warn'],
];
const statusBytes = statuses.map(([word, means]) => ({ word: Buffer.from(word), means }));

/** `[  OK  ]`, `[FAILED]`, … of systemd's boot screen, mostly coloured: what it means, or null. */
export function systemdStatus(b: Uint8Array, start: number, end: number): 'none' | 'error' | 'warn' | null {
  let at = start + 1;
  if (b[at] === ESCAPE) {
    while (at < end && at < start + 16 && b[at] !== LOWER_M) at++;
    at++;
  }
  const blanks = at;
  while (at < end && b[at] === SPACE) at++;
  if (at >= end || classOf[b[at]!] !== UPPER) return null;
  for (const { word, means } of statusBytes) {
    if (!startsWith(b, at, end, word)) continue;
    const after = b[at + word.length];
    const isColumn = at > blanks || after === ESCAPE || word.length === 6;
    if (at + word.length < end && isColumn && (after === SPACE || after === ESCAPE || after === RBRACKET))
      return means;
  }
  return null;
}

const starting = ['Starting ', 'Stopping ', 'Mounting ', 'Unmounting ', 'Activating ', 'Reloading '].map(
  (text) => Buffer.from(text),
);

/** `         Starting nginx.service…`: nine blanks, the width of a status. */
export function isSystemdJob(b: Uint8Array, start: number, end: number): boolean {
  if (end - start < 18 || b[start + 8] !== SPACE || b[start + 9] === SPACE) return false;
  for (let at = start; at < start + 8; at++) if (b[at] !== SPACE) return false;
  return starting.some((text) => startsWith(b, start + 9, end, text));
}
