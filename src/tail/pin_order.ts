import type { FoundPin } from './pins.ts';

/** Without birth times, a file of a chain was written before the one that came after it. */
export function byTime(a: FoundPin, b: FoundPin): number {
  const byBirth = compare(a.pin.born, b.pin.born);
  if (byBirth !== 0 || a.pin.born !== '0') return byBirth || a.generation - b.generation;
  return Number(a.written_ns - b.written_ns) || b.age - a.age || a.generation - b.generation;
}

/**
 * Pins of one log that earlier agents made and did not name, in the order of their files, oldest first. One
 * look links the oldest name first, so its pins are in order; a copy is older than its original, although it
 * was born later. What several looks linked is ordered by time.
 */
export function inOrder(found: FoundPin[]): FoundPin[] {
  const looks = looksOf(found);
  const ordered: FoundPin[] = [];
  for (;;) {
    const heads = looks.filter((look) => look.length > 0).sort((a, b) => byTime(a[0]!, b[0]!));
    const oldest = heads[0]?.shift();
    if (oldest === undefined) return ordered;
    ordered.push(oldest);
  }
}

/** What each look linked, in the order in which it did: names get newer, until the next look begins. */
function looksOf(found: FoundPin[]): FoundPin[][] {
  const looks: FoundPin[][] = [];
  const byLinking = found.toSorted((a, b) =>
    a.life < b.life ? -1 : a.life > b.life ? 1 : a.generation - b.generation,
  );
  for (const one of byLinking) {
    const look = looks.at(-1);
    const before = look?.at(-1);
    if (before?.life === one.life && before.age > one.age) look!.push(one);
    else looks.push([one]);
  }
  return looks;
}

/** Compares numbers in decimal, as text. */
export const compare = (a: string, b: string): number => (BigInt(a) < BigInt(b) ? -1 : a === b ? 0 : 1);
