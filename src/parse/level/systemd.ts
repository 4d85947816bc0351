import { byteClass, byteClasses, bytes, startsWith, startsWithAny } from '../line/bytes.ts';

const { ESCAPE, LOWER_M, RBRACKET, SPACE } = bytes;
const { UPPER } = byteClasses;

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

/**
 * The meaning of a status on the boot screen of systemd (`[  OK  ]`, `[FAILED]`, …, mostly colored), or null.
 */
export function systemdStatus(b: Uint8Array, start: number, end: number): 'none' | 'error' | 'warn' | null {
  let at = start + 1;
  if (b[at] === ESCAPE) {
    while (at < end && at < start + 16 && b[at] !== LOWER_M) at++;
    at++;
  }
  const blanks = at;
  while (at < end && b[at] === SPACE) at++;
  if (at >= end || byteClass[b[at]!] !== UPPER) return null;
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
  return startsWithAny(b, start + 9, end, starting);
}
