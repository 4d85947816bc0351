import { bytes, firstByte, isBlankByte } from '../line/bytes.ts';
import { modes, type OpenEntry } from '../line/entry.ts';

const { LBRACE, LBRACKET, QUOTE, RBRACE, RBRACKET, SPACE, TAB } = bytes;

const isOpener = (byte: number): boolean => byte === LBRACE || byte === LBRACKET;
const isCloserByte = (byte: number | undefined): boolean => byte === RBRACE || byte === RBRACKET;

/** Whether the line ends with a brace or bracket that stays open: `{`, `: [`. */
export function opensBlock(b: Uint8Array, at: number, end: number): boolean {
  const last = b[end - 1]!;
  if (end <= at || !isOpener(last)) return false;
  // `[` also ends progress bars and prompts, so it must be alone or follow a blank.
  return last === LBRACE || end - 1 === at || b[end - 2] === SPACE;
}

export const isCloser = (b: Uint8Array, at: number, end: number): boolean => at < end && isCloserByte(b[at]);

/** Whether the line belongs to the block: it is indented, or begins with a quote or a closing brace. */
export function stepBlock(entry: OpenEntry, b: Uint8Array, at: number, end: number): boolean {
  const first = firstByte(b, at, end);
  const isIndented = isBlankByte(first);
  if (!isIndented && !isCloserByte(first) && first !== QUOTE) return false;
  let word = at;
  while (word < end && (b[word] === SPACE || b[word] === TAB)) word++;
  if (isCloserByte(b[word]) && word < end) entry.depth--;
  if (word < end && isOpener(b[end - 1]!)) entry.depth++;
  if (entry.depth <= 0) {
    entry.mode = modes.single;
    entry.depth = 0;
  }
  return true;
}
