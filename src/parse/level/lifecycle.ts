import { bytes, indexOf } from '../line/bytes.ts';
import { nameIdOf, shares } from '../line/names.ts';

const { COLON, DIGIT_0, DIGIT_9, DOT, LOWER_A, LOWER_Z, MINUS, QUOTE, SPACE, UNDERSCORE } = bytes;

const key = Buffer.from('"type"');
const EVENT_BYTES_MAX = 64;

/** The id of the event of a line of events.jsonl: its `"type":"sandbox.running"`; 0 if that is no name. */
export function eventOf(b: Uint8Array, start: number, end: number): number {
  let at = indexOf(b, start, end, key);
  if (at < 0) return 0;
  at += key.length;
  while (at < end && b[at] === SPACE) at++;
  if (at >= end || b[at] !== COLON) return 0;
  at++;
  while (at < end && b[at] === SPACE) at++;
  if (at >= end || b[at] !== QUOTE) return 0;
  const first = at + 1;
  let last = first;
  while (last < end && last - first <= EVENT_BYTES_MAX && isNameByte(b[last]!)) last++;
  return last < end && b[last] === QUOTE ? nameIdOf(b, first, last, shares.events) : 0;
}

const isNameByte = (byte: number): boolean =>
  (byte >= LOWER_A && byte <= LOWER_Z) ||
  (byte >= DIGIT_0 && byte <= DIGIT_9) ||
  byte === DOT ||
  byte === UNDERSCORE ||
  byte === MINUS;
