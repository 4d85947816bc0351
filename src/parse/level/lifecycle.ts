import { indexOf } from '../line/bytes.ts';
import { nameIdOf, namesOf } from '../line/names.ts';

const key = Buffer.from('"type"');
const EVENT_BYTES_MAX = 64;

/** The id of what a line of events.jsonl tells: its `"type":"sandbox.running"`; 0 when it has none that could be a name. */
export function eventOf(b: Uint8Array, start: number, end: number): number {
  let at = indexOf(b, start, end, key);
  if (at < 0) return 0;
  at += key.length;
  while (at < end && b[at] === 32) at++;
  if (at >= end || b[at] !== 58) return 0;
  at++;
  while (at < end && b[at] === 32) at++;
  if (at >= end || b[at] !== 34) return 0;
  const first = at + 1;
  let last = first;
  while (last < end && last - first <= EVENT_BYTES_MAX && isNameByte(b[last]!)) last++;
  return last < end && b[last] === 34 ? nameIdOf(b, first, last, namesOf.events) : 0;
}

// a-z 0-9 . _ -
const isNameByte = (byte: number): boolean =>
  (byte >= 97 && byte <= 122) || (byte >= 48 && byte <= 57) || byte === 46 || byte === 95 || byte === 45;
