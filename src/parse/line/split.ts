import { limits } from '../../base/limits.ts';
import { bytes } from './bytes.ts';
import type { Line } from './line.ts';

const { NEWLINE, RETURN } = bytes;

// Read for every line: a lookup in the large table of limits would be slow.
const { line_bytes_max } = limits.parse;

/**
 * Finds the end of the physical line that starts at `start`: after its newline, or after `line_bytes_max`
 * bytes. The rest of such a long line is another row.
 * @param final whether no more bytes follow, so that an unfinished line is complete
 * @returns the offset after the line; -1 if the line is unfinished or there is none
 */
export function lineEnd(bytes: Buffer, start: number, final: boolean): number {
  if (start >= bytes.length) return -1;
  const after = bytes.indexOf(NEWLINE, start) + 1;
  const longest = start + line_bytes_max;
  if (after > longest || (after === 0 && bytes.length >= longest)) return longest;
  if (after > 0) return after;
  return final ? bytes.length : -1;
}

/** Finds where the message of the line b[start, end) ends and which line end follows. */
export function splitEnding(b: Uint8Array, start: number, end: number, line: Line): void {
  let at = end;
  line.ending = 0;
  if (at > start && b[at - 1] === NEWLINE) {
    at--;
    line.ending = 1;
    while (line.ending < 3 && at > start && b[at - 1] === RETURN) {
      at--;
      line.ending++;
    }
  }
  line.message_end = at;
}
