import { limits } from '../base/limits.ts';

/** A longer run of NULs becomes one row that tells its length. */
const RUN_BYTES_MAX = limits.parse.line_bytes_max;
const zeros = Buffer.alloc(RUN_BYTES_MAX);

/** NULs between content, or behind all of it, as indexes of a chunk. */
export interface NulRun {
  from: number;
  to: number;
}

/** Whether NULs of this length are a row of their own; fewer are a part of their line. */
export const isLongRun = (bytes: number): boolean => bytes > RUN_BYTES_MAX;

/** Index of the first byte of chunk[from, to) that is no NUL; `to` if there is none. */
export function skipNuls(chunk: Buffer, from: number, to: number): number {
  let at = from;
  while (to - at >= zeros.length && chunk.compare(zeros, 0, zeros.length, at, at + zeros.length) === 0)
    at += zeros.length;
  while (at < to && chunk[at] === 0) at++;
  return at;
}

/**
 * The first NULs of chunk[from, to) that are not simply a part of a line: a long run, or NULs that go on to
 * the end. Of the bytes of a chunk without NULs, it looks at five.
 */
export function firstRun(chunk: Buffer, from: number, to: number): NulRun | null {
  // A long run covers at least one of the bytes that are looked at.
  for (let probe = from; probe < to; probe += RUN_BYTES_MAX) {
    if (chunk[probe] !== 0) continue;
    const end = skipNuls(chunk, probe, to);
    const start = startOfNuls(chunk, from, probe);
    if (end === to || isLongRun(end - start)) return { from: start, to: end };
  }
  return to > from && chunk[to - 1] === 0 ? { from: startOfNuls(chunk, from, to), to } : null;
}

/** Index of the first of the NULs that end just before `at`. */
function startOfNuls(chunk: Buffer, from: number, at: number): number {
  while (at > from && chunk[at - 1] === 0) at--;
  return at;
}

/** The bytes without the NULs at their end. */
export const withoutNulsAtEnd = (bytes: Buffer): Buffer =>
  bytes.subarray(0, startOfNuls(bytes, 0, bytes.length));
