import { nameIdOf, namesOf } from './names.ts';

/** Names are no longer than this, so neither are titles. */
const TITLE_BYTES_MAX = 120;
/** A headline is told by its first bytes. */
const TEXT_BYTES_MAX = 400;

// biome-ignore lint/suspicious/noControlCharactersInRegex: colours begin with one
const colours = /\x1b\[[0-9;?]*[A-Za-z]?/g;

/** The text of b[at, end), as much of it as headlines need. */
export function textOf(b: Uint8Array, at: number, end: number): string {
  // Lines are read into Buffers; a view of its own would be one object more.
  const text = (b as Buffer).toString('utf8', at, Math.min(end, at + TEXT_BYTES_MAX));
  return text.includes('\x1b') ? text.replace(colours, '') : text;
}

/** An id; an address of the network; one of memory, or a sum; a number, also with a unit. */
const changing =
  /\b(?:([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})|((?:\d{1,3}\.){3}\d{1,3})|((?<!exitcode=)0x[0-9a-f]+|(?=[0-9a-f]*\d)[0-9a-f]{8,}))\b|(?<![\w.])\d+(?:\.\d+)*(?=[a-z]?\b|[kmg]?b\b|ms\b)/gi;

/** Out of a text what differs from run to run: addresses, ids, numbers. */
export function stable(text: string): string {
  if (!/\d/.test(text)) return text;
  return text.replace(changing, (_, id, network, address) =>
    id ? 'UUID' : network ? 'IP' : address ? 'ADDR' : 'NUM',
  );
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
