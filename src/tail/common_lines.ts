import { readSync } from 'node:fs';

const [NEW_LINE, DIGIT_0, DIGIT_9] = [10, 48, 57];
/** Lines are compared with so many bytes before them, and as many behind. */
const AROUND_BYTES = 65_536;

/**
 * How far lines go on from a line's beginning that two contents of a file may well have at the same place:
 * lines without a number, and lines that stand more than once around. Other lines have a time or a number of
 * their own.
 * @param at where a line begins
 * @param size of the file
 * @returns the offset behind the last of these lines; `at` if there is none
 */
export function commonLinesTo(fd: number, at: number, size: number): number {
  const from = Math.max(0, at - AROUND_BYTES);
  const around = Buffer.alloc(Math.min(size, at + AROUND_BYTES) - from);
  const length = readSync(fd, around, 0, around.length, from);
  const bytes = around.subarray(0, length);
  let start = at - from;
  while (start < length) {
    const end = bytes.indexOf(NEW_LINE, start) + 1 || length;
    if (!isCommon(bytes, start, end)) return from + start;
    start = end;
  }
  return size;
}

function isCommon(bytes: Buffer, start: number, end: number): boolean {
  const line = bytes.subarray(start, end);
  if (!line.some((byte) => byte >= DIGIT_0 && byte <= DIGIT_9)) return true;
  return bytes.indexOf(line) < start || bytes.indexOf(line, start + 1) > 0;
}
