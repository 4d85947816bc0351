import { readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';

const fixtures = resolve(import.meta.dirname, '../../fixtures/consoles');

/** A small seeded generator (mulberry32), so that a failing run can be repeated. */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const below = (random: () => number, bound: number): number => Math.floor(random() * bound);

export function randomBytes(random: () => number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let at = 0; at < length; at++) bytes[at] = below(random, 256);
  return bytes;
}

const kinds: ((random: () => number) => Buffer)[] = [
  (random) => recordings()[below(random, recordings().length)]!,
  (random) => randomBytes(random, 20_000),
  () => Buffer.from('a line\r\nanother\r\r\n\r\nbare cr \r over \r and out\r\n'.repeat(50)),
  () => Buffer.from('nul \0 and \0\0\n\0\0\0\n'.repeat(50)),
  () =>
    Buffer.from(
      '\x1b[32m  OK  \x1b[0m \x1b[1mbold\x1b[0m\n[\x1b[0;31mFAILED\x1b[0m] Failed to start x.\n'.repeat(50),
    ),
  // Nowhere the same: nobody can tell how far a writer got that writes what is there already.
  (random) => Buffer.from(`${randomBytes(random, 786_432).toString('base64')}\nafter a line of 1 MiB\n`),
  (random) => Buffer.from(`no newline at the end ${below(random, 1e9)}`),
  () => Buffer.from('\n\n\n\nempty lines\n\n'),
  (random) =>
    Buffer.from(
      Array.from(
        { length: 300 },
        (_, at) =>
          `2026-06-01T15:30:${String(at % 60).padStart(2, '0')}Z [agent] request ${below(random, 1e6)} done\n`,
      ).join(''),
    ),
  () => Buffer.from('{"level":30,"msg":"json \\u0000 line","n":1}\n12345\n"just a string"\n'.repeat(40)),
];

let kept: Buffer[] | null = null;
function recordings(): Buffer[] {
  kept ??= readdirSync(fixtures)
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(resolve(fixtures, name)));
  return kept;
}

/** The content of one console: two or three kinds in sequence; every kind occurs in some console. */
export function contentOf(index: number, random: () => number): Buffer {
  const parts = [kinds[index % kinds.length]!(random)];
  for (let more = below(random, 3); more > 0; more--) parts.push(kinds[below(random, kinds.length)]!(random));
  return Buffer.concat(parts);
}

/** Cuts bytes into writes of random length, also in the middle of lines. */
export function writesOf(bytes: Buffer, random: () => number, lengthMax: number): Buffer[] {
  const writes: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + below(random, lengthMax));
    writes.push(bytes.subarray(at, end));
    at = end;
  }
  return writes;
}
