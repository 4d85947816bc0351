import { lower, SECRET_BYTES_MAX } from './bytes.ts';
import type { Kind } from './kinds.ts';

/** A secret that a check found: bytes [from, to). */
export interface Span {
  kind: Kind;
  from: number;
  to: number;
  /** Where the search stood when it found it, and where it went on. */
  at: number;
  next: number;
}

/**
 * Looks for a secret at a sign that starts at `at`, and adds what it finds. It reads b[start, end): at most
 * LOOK_BACK_BYTES before the sign and SECRET_BYTES_MAX from there on, so that a secret is the same one
 * however a long line is read.
 * @returns where the search continues; -1 if there is no secret
 */
export type Check = (found: Span[], b: Uint8Array, at: number, start: number, end: number) => number;

/** A text that stands in or before a secret. */
export interface Sign {
  text: string;
  /** Whether the case of letters counts. */
  anyCase?: boolean;
  check: Check;
}

interface Entry {
  bytes: Uint8Array;
  anyCase: boolean;
  /** Offset of the pair's second byte. */
  pivot: number;
  check: Check;
}

/** From the most frequent byte of logs to the rarest. Bytes that are not listed are rarer. */
const FREQUENT = ' e0at1o2isn3r4:5"-l6d7c8/9u.pm,ghf=_by[]vwkT(){}xESAIRCNODPjMLFGBqUVHWK|z\\;@';
const rarity = (byte: number): number => {
  const index = FREQUENT.indexOf(String.fromCharCode(byte));
  return index < 0 ? FREQUENT.length : index;
};

/**
 * All signs, found by their rarest pair of bytes: a byte of a line costs one look-up of it and the byte
 * before it, and only a pair that some sign has costs more.
 */
export class SignTable {
  /** By pair, 7 bits of each byte: the number of its list; 0 if no sign has the pair. */
  private readonly pairs = new Uint16Array(1 << 14);
  private readonly lists: Entry[][] = [[]];

  constructor(signs: readonly Sign[]) {
    for (const sign of signs) this.add(sign);
  }

  get isEmpty(): boolean {
    return this.lists.length === 1;
  }

  private add({ text, anyCase = false, check }: Sign): void {
    const bytes = Buffer.from(anyCase ? text.toLowerCase() : text, 'latin1');
    let pivot = 0;
    let best = -1;
    for (let at = 1; at < bytes.length; at++) {
      const both = rarity(bytes[at]!) + rarity(bytes[at - 1]!);
      if (both > best) [pivot, best] = [at, both];
    }
    const entry = { bytes, anyCase, pivot, check };
    const forms = (byte: number): number[] =>
      anyCase && lower(byte - 32) === byte ? [byte, byte - 32] : [byte];
    // A sign of one byte stands behind any other.
    const before = pivot === 0 ? Array.from({ length: 128 }, (_, n) => n) : forms(bytes[pivot - 1]!);
    for (const one of before) for (const two of forms(bytes[pivot]!)) this.put((one << 7) | two, entry);
  }

  private put(pair: number, entry: Entry): void {
    if (this.pairs[pair] === 0) this.pairs[pair] = this.lists.push([]) - 1;
    this.lists[this.pairs[pair]!]!.push(entry);
  }

  /** Adds the secrets whose signs' pairs end in b[from, end). Checks read back to `start`. */
  find(found: Span[], b: Uint8Array, from: number, start: number, end: number): void {
    const { pairs } = this;
    let before = from > start ? b[from - 1]! : 0;
    for (let at = from; at < end; at++) {
      const byte = b[at]!;
      const list = pairs[((before & 127) << 7) | (byte & 127)]!;
      before = byte;
      if (list === 0) continue;
      const next = check(this.lists[list]!, found, b, at, start, end);
      if (next < 0) continue;
      at = next - 1;
      before = b[at]!;
    }
  }
}

function check(
  list: readonly Entry[],
  found: Span[],
  b: Uint8Array,
  at: number,
  start: number,
  end: number,
): number {
  for (const entry of list) {
    const from = at - entry.pivot;
    if (from < start || !isAt(entry, b, from, end)) continue;
    const count = found.length;
    const to = entry.check(found, b, from, start, Math.min(end, from + SECRET_BYTES_MAX));
    if (to < 0) continue;
    const next = Math.max(to, at + 1);
    // A sign without a secret may move the search on too: an empty secret notes that.
    if (found.length === count) add(found, 'pattern', from, from);
    for (let index = count; index < found.length; index++) Object.assign(found[index]!, { at, next });
    return next;
  }
  return -1;
}

function isAt({ bytes, anyCase }: Entry, b: Uint8Array, at: number, end: number): boolean {
  if (at + bytes.length > end) return false;
  for (let index = 0; index < bytes.length; index++) {
    const byte = b[at + index]!;
    if ((anyCase ? lower(byte) : byte) !== bytes[index]) return false;
  }
  return true;
}

/** Adds one secret. @returns its end */
export function add(found: Span[], kind: Kind, from: number, to: number): number {
  found.push({ kind, from, to, at: 0, next: to });
  return to;
}
