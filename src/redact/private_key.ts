import { BASE64, classOf } from './bytes.ts';

const BEGIN = Buffer.from('-----BEGIN ');
const END = Buffer.from('-----END ');
const KEY = Buffer.from('PRIVATE KEY');

/** A block without an end marker ends after this many bytes: longer keys do not exist. */
export const KEY_BYTES_MAX = 16 * 1024;
/** Longest label between the dashes, such as `RSA PRIVATE KEY` and `PGP PRIVATE KEY BLOCK`. */
const LABEL_BYTES_MAX = 64;
/**
 * Runs of base64 from this length on are part of the key; shorter ones are words of other log lines in
 * between.
 */
const RUN_BYTES_MIN = 20;

/** End of the first `-----BEGIN … PRIVATE KEY-----` that starts in b[at, end); -1 if there is none. */
export const keyBegins = (b: Buffer, at: number, end: number): number => marker(b, at, end, BEGIN);

/** Start of the first `-----END … PRIVATE KEY-----` in b[at, end); -1 if there is none. */
export function keyEnds(b: Buffer, at: number, end: number): number {
  for (let from = b.indexOf(END, at); from >= 0 && from < end; from = b.indexOf(END, from + 1)) {
    if (isKey(b, from + END.length, end) >= 0) return from;
  }
  return -1;
}

function marker(b: Buffer, at: number, end: number, text: Buffer): number {
  for (let from = b.indexOf(text, at); from >= 0 && from < end; from = b.indexOf(text, from + 1)) {
    const after = isKey(b, from + text.length, end);
    if (after >= 0) return after;
  }
  return -1;
}

function isKey(b: Buffer, at: number, end: number): number {
  const most = Math.min(end, at + LABEL_BYTES_MAX);
  const key = b.subarray(at, most).indexOf(KEY);
  if (key < 0) return -1;
  for (let index = at; index < at + key; index++) if (!isLabel(b[index]!)) return -1;
  const behind = b.subarray(at + key, most);
  const dashes = behind.indexOf('-----');
  // A marker stands in one line.
  return dashes < 0 || behind.subarray(0, dashes).includes(10) ? -1 : at + key + dashes + 5;
}

const isLabel = (byte: number): boolean =>
  byte === 32 || (byte >= 65 && byte <= 90) || (byte >= 48 && byte <= 57);

/** Whether b[at, end) has only lower-case letters. */
function isWord(b: Uint8Array, at: number, end: number): boolean {
  while (at < end && b[at]! >= 97 && b[at]! <= 122) at++;
  return at === end;
}

/**
 * Finds the key's bytes in b[at, end), which is inside a block: long runs of base64, and short runs that end
 * a line and are not words. Timestamps and tags that the console puts before each line stay visible.
 */
export function keyRuns(b: Buffer, at: number, end: number, found: (from: number, to: number) => void): void {
  for (let index = at; index < end; ) {
    if ((classOf[b[index]!]! & BASE64) === 0) {
      index++;
      continue;
    }
    let to = index + 1;
    while (to < end && (classOf[b[to]!]! & BASE64) !== 0) to++;
    const next = b[to];
    const isDashes = next === 45 && b[to + 1] === 45;
    const isLast = to < b.length && (next === 10 || next === 13 || next === 92 || isDashes);
    if (to - index >= RUN_BYTES_MIN || (isLast && to - index >= 2 && !isWord(b, index, to))) found(index, to);
    index = to;
  }
}
