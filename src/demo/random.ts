/** Random numbers that a seed reproduces. Not for secrets. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** Whole number, both ends included. */
  int(low: number, high: number): number;
  pick<T>(list: readonly T[]): T;
  chance(share: number): boolean;
  /** Lower-case hexadecimal digits. */
  hex(digits: number): string;
  /** A latency in ms: mostly near `typical`, sometimes ten times as long. */
  latency(typical: number): number;
  /** A separate generator, so that the draws of one sandbox do not change those of the next one. */
  fork(): Random;
}

/** sfc32 (public domain): 128 bits of state, of which 32 are a counter. */
export function createRandom(seed: number): Random {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = seed >>> 0;
  let counter = (Math.floor(seed / 2 ** 32) + 1) >>> 0;
  const draw = (): number => {
    const result = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + result) | 0;
    return result >>> 0;
  };
  // The first numbers of similar seeds are similar, so some are skipped.
  for (let round = 0; round < 16; round++) draw();

  const next = (): number => draw() / 2 ** 32;
  const int = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    int,
    pick: (list) => list[Math.floor(next() * list.length)]!,
    chance: (share) => next() < share,
    hex: (digits) => {
      let text = '';
      while (text.length < digits) text += draw().toString(16).padStart(8, '0');
      return text.slice(0, digits);
    },
    latency: (typical) => Math.max(1, Math.round(typical * (0.4 - Math.log(1 - next()) * 0.7))),
    fork: () => createRandom(draw() * 2 ** 20 + (draw() >>> 12)),
  };
}
