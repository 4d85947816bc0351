import { limits } from '../../base/limits.ts';

/**
 * Names found in logs (sources, severities, events, titles). The process keeps each name once and uses its
 * number. The number of names is bounded: when a share is full, new names get id 0, the empty name.
 */
export const NAMES_MAX = 32_768;
const NAME_BYTES_MAX = 128;

/** Names that guests choose count against shares, so that they leave room for the parser's own names. */
export const shares = { own: 0, sources: 1, events: 2, titles: 3 } as const;
type Share = (typeof shares)[keyof typeof shares];
const { sources_max, events_max, titles_max, stream_sources_max, sources_sweep_ms } = limits.parse;
const shareMax = [NAMES_MAX, sources_max, events_max, titles_max];
const shareCount = [0, 0, 0, 0];

/** Ids from here on are titles. They last for one batch, so no guest uses them up for long. */
const FIRST_TITLE = NAMES_MAX - titles_max;

const NOTHING = Buffer.alloc(0);
const texts = new Array<string>(NAMES_MAX).fill('');
const bytes = new Array<Buffer>(NAMES_MAX).fill(NOTHING);
/** Hash tables of ids. */
const slots = new Uint16Array(NAMES_MAX * 4);
const titleSlots = new Uint16Array(titles_max * 4);
/** The next id that was never used, of the names that are no titles. */
let next = 1;

/** Rows whose source or title is not stored, because the share or the bound of their stream is full. */
export const leftOut = { sources_left_out: 0, titles_left_out: 0 };

/** @returns the id of `text`; a new name gets a new id. For tables at start-up, not for the hot path. */
export function nameId(text: string, share: Share = shares.own): number {
  const buffer = Buffer.from(text);
  return nameIdOf(buffer, 0, buffer.length, share);
}

export const nameText = (id: number): string => texts[id] ?? '';

export const isTitle = (id: number): boolean => id >= FIRST_TITLE;

/** A number by which a stream remembers a name whose id is used again later. */
export const nameHash = (id: number): number => hashOf(bytes[id]!, 0, bytes[id]!.length);

/** Whether buffer[start, end) is the name with this id. */
export function isName(id: number, buffer: Uint8Array, start: number, end: number): boolean {
  const known = bytes[id]!;
  if (known.length !== end - start) return false;
  let same = 0;
  while (same < known.length && known[same] === buffer[start + same]) same++;
  return same === known.length;
}

function hashOf(buffer: Uint8Array, start: number, end: number): number {
  let hash = 0x811c9dc5;
  for (let at = start; at < end; at++) hash = Math.imul(hash ^ buffer[at]!, 0x01000193);
  return hash >>> 0;
}

/** The slot of the name, or the empty slot where it belongs. */
function slotOf(table: Uint16Array, buffer: Uint8Array, start: number, end: number): number {
  for (let slot = hashOf(buffer, start, end) % table.length; ; slot = (slot + 1) % table.length) {
    const id = table[slot]!;
    if (id === 0 || isName(id, buffer, start, end)) return slot;
  }
}

/** The id of the name in buffer[start, end), which is no title; 0 if it is not known. */
export const knownId = (buffer: Uint8Array, start: number, end: number): number =>
  slots[slotOf(slots, buffer, start, end)]!;

/** @returns the id of the name in buffer[start, end), or 0 if it is empty, too long, or its share is full */
export function nameIdOf(buffer: Uint8Array, start: number, end: number, share: Share = shares.own): number {
  const length = end - start;
  if (length === 0 || length > NAME_BYTES_MAX) return 0;
  const table = share === shares.titles ? titleSlots : slots;
  const slot = slotOf(table, buffer, start, end);
  return table[slot] || add(buffer, start, end, table, slot, share);
}

function add(
  buffer: Uint8Array,
  start: number,
  end: number,
  table: Uint16Array,
  slot: number,
  share: Share,
): number {
  const count = shareCount[share]!;
  const isFull = count >= shareMax[share]!;
  if (isFull && share === shares.sources) isSweepWanted = true;
  if (isFull) return 0;
  let id = FIRST_TITLE + count;
  if (share !== shares.titles) {
    id = (share === shares.sources ? free.pop() : undefined) ?? next++;
    if (id >= FIRST_TITLE) {
      next = FIRST_TITLE;
      return 0;
    }
  }
  shareCount[share] = count + 1;
  isSource[id] = share === shares.sources ? 1 : 0;
  const copy = Buffer.from(buffer.subarray(start, end));
  bytes[id] = copy;
  texts[id] = copy.toString('utf8');
  table[slot] = id;
  return id;
}

/** The sources that a stream has named. */
export interface SourceHolder {
  readonly known: readonly number[];
  /** A source in use that may not be among them; 0 if there is none. */
  readonly held: number;
  /** The number of names that it may have. */
  readonly most: number;
  /** Keeps only the first names, and adds others up to this number. */
  allow(most: number): void;
}

const holders = new Set<WeakRef<SourceHolder>>();
const HOLDERS_SMALL = 1_024;
/** The next look for holders that live no more: each doubles the number, so all looks cost little. */
let lookAt = HOLDERS_SMALL;
/** Ids of the share of sources. */
const isSource = new Uint8Array(NAMES_MAX);
/** Ids of sources that no stream names any more. */
const free: number[] = [];
let isSweepWanted = false;
let sweep_ms = 0;

/** The names of a stream stay while it lives. */
export function hold(holder: SourceHolder): void {
  holders.add(new WeakRef(holder));
  if (holders.size >= lookAt) lookAt = Math.max(HOLDERS_SMALL, 2 * livingHolders().length);
}

/** How many streams are known as holders, ended ones included. For tests. */
export const holderCount = (): number => holders.size;

/** Forgets the others. */
function livingHolders(): SourceHolder[] {
  const living: SourceHolder[] = [];
  for (const ref of holders) {
    const holder = ref.deref();
    if (holder === undefined) holders.delete(ref);
    else living.push(holder);
  }
  return living;
}

/** Grows when ids have got other names. */
export let generation = 0;

/**
 * Forgets the titles, and, if their share is full, the sources that no stream names. Called when no row waits
 * that has ids: at the end of a batch.
 */
export function recycleNames(): void {
  if (shareCount[shares.titles]! > 0) {
    titleSlots.fill(0);
    shareCount[shares.titles] = 0;
    generation++;
  }
  if (isSweepWanted && performance.now() >= sweep_ms) sweepSources();
}

/**
 * If the streams that live need more than half of the share, those that named the most keep fewer, so that
 * nobody keeps others from theirs.
 */
function sweepSources(): void {
  isSweepWanted = false;
  sweep_ms = performance.now() + sources_sweep_ms;
  const living = livingHolders();
  let most: number = stream_sources_max;
  let used = usedSources(living, most);
  while (used.count > sources_max / 2 && most > 1) {
    most = Math.floor(most / 2);
    used = usedSources(living, most);
  }
  for (const holder of living) if (holder.known.length > most) holder.allow(most);
  giveBack(living, used.count);
  slots.fill(0);
  for (let id = 1; id < next; id++) {
    if (isSource[id] === 1 && used.of[id] === 0) {
      isSource[id] = 0;
      texts[id] = '';
      bytes[id] = NOTHING;
      free.push(id);
    }
    const name = bytes[id]!;
    if (name.length > 0) slots[slotOf(slots, name, 0, name.length)] = id;
  }
  shareCount[shares.sources] = used.count;
  generation++;
}

/**
 * Lets streams that keep fewer have more again, as far as they cannot crowd the share with it. Looks again at
 * the next sweep while some keep fewer.
 */
function giveBack(living: readonly SourceHolder[], count: number): void {
  const poor = living.filter(({ most }) => most < stream_sources_max);
  const isCrowded = (most: number): boolean =>
    poor.reduce((sum, { known }) => sum + Math.max(0, most - known.length), count) > sources_max / 2;
  let most: number = stream_sources_max;
  while (most > 1 && isCrowded(most)) most = Math.floor(most / 2);
  for (const holder of poor) if (holder.most < most) holder.allow(most);
  isSweepWanted = poor.some((holder) => holder.most < stream_sources_max);
}

function usedSources(living: SourceHolder[], most: number): { of: Uint8Array; count: number } {
  const of = new Uint8Array(NAMES_MAX);
  let count = 0;
  const use = (id: number): void => {
    if (isSource[id] === 0 || of[id] === 1) return;
    of[id] = 1;
    count++;
  };
  for (const { known, held } of living) {
    for (let at = 0; at < known.length && at < most; at++) use(known[at]!);
    use(held);
  }
  return { of, count };
}
