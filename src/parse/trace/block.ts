import { firstByte, isBlankByte } from '../line/bytes.ts';
import { type Entry, modes } from '../line/entry.ts';

const isOpener = (byte: number): boolean => byte === 123 || byte === 91;
const isCloserByte = (byte: number | undefined): boolean => byte === 125 || byte === 93;

/** Whether the line ends with a brace that the next lines fill: `{`, `: [`. */
export function opensBlock(b: Uint8Array, at: number, end: number): boolean {
  const last = b[end - 1]!;
  if (end <= at || !isOpener(last)) return false;
  // `[` also ends words of progress bars and prompts: it stands alone, or behind a blank.
  return last === 123 || end - 1 === at || b[end - 2] === 32;
}

export const isCloser = (b: Uint8Array, at: number, end: number): boolean => at < end && isCloserByte(b[at]);

/** Lines between braces are indented, or begin with a quote or a closing brace. */
export function stepBlock(entry: Entry, b: Uint8Array, at: number, end: number): boolean {
  const first = firstByte(b, at, end);
  const isIndented = isBlankByte(first);
  if (!isIndented && !isCloserByte(first) && first !== 34) return false;
  let word = at;
  while (word < end && (b[word] === 32 || b[word] === 9)) word++;
  if (isCloserByte(b[word]) && word < end) entry.depth--;
  if (word < end && isOpener(b[end - 1]!)) entry.depth++;
  if (entry.depth <= 0) {
    entry.mode = modes.single;
    entry.depth = 0;
  }
  return true;
}
