import { limits } from '../../base/limits.ts';

/**
 * Names found in logs (sources, severities, events, titles). The process keeps each name once and uses its
 * number. The number of names is bounded: when a share is full, new names get id 0, the empty name.
 */
export const NAMES_MAX = 32_768;
const NAME_BYTES_MAX = 128;
const SLOTS = NAMES_MAX * 4;

const texts: string[] = [''];
const bytes: Buffer[] = [Buffer.alloc(0)];
const slots = new Uint16Array(SLOTS);

/** @returns the id of `text`; a new name gets a new id. For tables at start-up, not for the hot path. */
export function nameId(text: string): number {
  const buffer = Buffer.from(text);
  return nameIdOf(buffer, 0, buffer.length);
}

export const nameText = (id: number): string => texts[id] ?? '';

/** Names that guests choose count against shares, so that they leave room for the parser's own names. */
export const shares = { own: 0, sources: 1, events: 2, titles: 3 } as const;
type Share = (typeof shares)[keyof typeof shares];
const { sources_max, events_max, titles_max } = limits.parse;
const shareMax = [NAMES_MAX, sources_max, events_max, titles_max];
const shareCount = [0, 0, 0, 0];

/** Whether buffer[start, end) is the name with this id. */
export function isName(id: number, buffer: Uint8Array, start: number, end: number): boolean {
  const known = bytes[id]!;
  if (known.length !== end - start) return false;
  let same = 0;
  while (same < known.length && known[same] === buffer[start + same]) same++;
  return same === known.length;
}

/** @returns the id of the name in buffer[start, end), or 0 if it is empty, too long, or its share is full */
export function nameIdOf(buffer: Uint8Array, start: number, end: number, share: Share = shares.own): number {
  const length = end - start;
  if (length === 0 || length > NAME_BYTES_MAX) return 0;
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ buffer[at]!, 0x01000193);
  for (let slot = (hash >>> 0) % SLOTS; ; slot = (slot + 1) % SLOTS) {
    const id = slots[slot]!;
    if (id === 0) return add(buffer, start, end, slot, share);
    const known = bytes[id]!;
    if (known.length !== length) continue;
    let same = 0;
    while (same < length && known[same] === buffer[start + same]) same++;
    if (same === length) return id;
  }
}

function add(buffer: Uint8Array, start: number, end: number, slot: number, share: Share): number {
  if (texts.length >= NAMES_MAX || shareCount[share]! >= shareMax[share]!) return 0;
  shareCount[share]!++;
  const copy = Buffer.from(buffer.subarray(start, end));
  slots[slot] = texts.length;
  bytes.push(copy);
  return texts.push(copy.toString('utf8')) - 1;
}
