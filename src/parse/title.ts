import { nameIdOf, namesOf } from './names.ts';

/** Names are no longer than this, so neither are titles. */
const TITLE_BYTES_MAX = 120;
/** A headline is told by its first bytes. */
const TEXT_BYTES_MAX = 400;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const colours = /\x1b\[[0-9;?]*[A-Za-z]?/g;

/** The text of b[at, end), as much of it as headlines need. */
export function textOf(b: Uint8Array, at: number, end: number): string {
  const length = Math.max(0, Math.min(end - at, TEXT_BYTES_MAX));
  const text = Buffer.from(b.buffer, b.byteOffset + at, length).toString('utf8');
  return text.includes('\x1b') ? text.replace(colours, '') : text;
}

/** Out of a text what differs from run to run: addresses, ids, numbers. */
export function stable(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/gi, 'UUID')
    .replace(/\b(?:\d{1,3}\.){3}\d{1,3}\b/g, 'IP')
    .replace(/(?<!exitcode=)\b0x[0-9a-f]+\b|\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b/gi, 'ADDR')
    .replace(/(?<![\w.])\d+(?:\.\d+)*(?=[A-Za-z]?\b|[kMG]?B\b|ms\b)/g, 'NUM');
}

/** The id of a title; a text that is too long is cut between two characters. */
export function titleId(text: string): number {
  let bytes = Buffer.from(text.trim());
  if (bytes.length > TITLE_BYTES_MAX) {
    let end = TITLE_BYTES_MAX;
    while (end > 0 && (bytes[end]! & 0xc0) === 0x80) end--;
    bytes = bytes.subarray(0, end);
  }
  return nameIdOf(bytes, 0, bytes.length, namesOf.titles);
}
