import { limits } from '../../base/limits.ts';

/**
 * Names found in logs (sources, severities, events, titles), kept once per process and spoken of by number.
 * Bounded: a guest that invents tags fills its share and no more; what comes after is id 0, the empty name.
 */
export const NAMES_MAX = 32_768;
const NAME_BYTES_MAX = 128;
const SLOTS = NAMES_MAX * 4;

const texts: string[] = [''];
const bytes: Buffer[] = [Buffer.alloc(0)];
const slots = new Uint16Array(SLOTS);

/** @returns the id of `text`, made if it is new; for start-up tables, not for the hot path */
export function nameId(text: string): number {
  const buffer = Buffer.from(text);
  return nameIdOf(buffer, 0, buffer.length);
}

export const nameText = (id: number): string => texts[id] ?? '';

/** Names that guests choose count against a share of their own, so that they leave room for the others. */
export const namesOf = {
  sources: { count: 0, max: limits.parse.sources_max },
  events: { count: 0, max: limits.parse.events_max },
  titles: { count: 0, max: limits.parse.titles_max },
};

/** Whether buffer[start, end) is the name with this id. */
export function isName(id: number, buffer: Uint8Array, start: number, end: number): boolean {
  const known = bytes[id]!;
  if (known.length !== end - start) return false;
  let same = 0;
  while (same < known.length && known[same] === buffer[start + same]) same++;
  return same === known.length;
}

/** @returns the id of the name in buffer[start, end), or 0 when it is empty, too long, or one too many */
export function nameIdOf(
  buffer: Uint8Array,
  start: number,
  end: number,
  share?: { count: number; max: number },
): number {
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

function add(
  buffer: Uint8Array,
  start: number,
  end: number,
  slot: number,
  share?: { count: number; max: number },
): number {
  if (texts.length >= NAMES_MAX) return 0;
  if (share) {
    if (share.count >= share.max) return 0;
    share.count++;
  }
  const copy = Buffer.from(buffer.subarray(start, end));
  slots[slot] = texts.length;
  bytes.push(copy);
  return texts.push(copy.toString('utf8')) - 1;
}
