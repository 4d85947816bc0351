import { readSync } from 'node:fs';

const [NEW_LINE, RETURN, DIGIT_0, DIGIT_9] = [10, 13, 48, 57];
/** Lines are compared with so many bytes before them, and as many behind. */
const AROUND_BYTES = 65_536;

/**
 * How far lines go on that two contents of a file may well have at the same place: empty lines, lines that
 * stand more than once around, and lines without a number. Others have a time or a number of their own.
 * @param at where a line of the new content would begin
 * @param size of the file
 * @param isStart whether a line of the former content began there, too; else the rest of one is there
 * @returns the offset behind the last of these lines; `at` if there is none
 */
export function commonLinesTo(fd: number, at: number, size: number, isStart: boolean): number {
  const from = Math.max(0, at - AROUND_BYTES);
  const around = Buffer.alloc(Math.min(size, at + AROUND_BYTES) - from);
  const bytes = around.subarray(0, readSync(fd, around, 0, around.length, from));
  let start = at - from;
  for (let isWhole = isStart; start < bytes.length; isWhole = true) {
    const end = bytes.indexOf(NEW_LINE, start) + 1 || bytes.length;
    if (!isCommon(bytes, start, end, isWhole)) return from + start;
    start = end;
  }
  return size;
}

function isCommon(bytes: Buffer, start: number, end: number, isWhole: boolean): boolean {
  const line = bytes.subarray(start, end);
  if (line.every((byte) => byte === NEW_LINE || byte === RETURN)) return true;
  if (isWhole && !line.some((byte) => byte >= DIGIT_0 && byte <= DIGIT_9)) return true;
  if (start > 0 && bytes.subarray(0, line.length).equals(line)) return true;
  // Behind the end of another line.
  const again = Buffer.concat([Buffer.of(NEW_LINE), line]);
  const first = bytes.indexOf(again);
  return first >= 0 && (first !== start - 1 || bytes.indexOf(again, start) >= 0);
}
