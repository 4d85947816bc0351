/**
 * Measures the cost of redaction in one process: CPU ns per line, compared with the cost of parsing.
 *
 *   node bench/redact.ts [--lines 200000] [--runs 5]
 *
 * The lines are those of the demo's programs; one in 500 contains an e-mail address, and with `--secrets` one
 * in 50 a token. The fastest run counts, because other work of the machine can only slow a run down. Without
 * redaction there is no cost, because the agent then has no redactor.
 *
 * Patterns stand beside JavaScript's RegExp, which searches by backtracking. On lines of 64 KiB that a guest
 * chose, RegExp does not end with most patterns, so only the first of them has it.
 */
import { parseArgs } from 'node:util';
import * as lines from '../src/demo/lines.ts';
import { createRandom } from '../src/demo/random.ts';
import { newLine } from '../src/parse/line/line.ts';
import { lineEnd } from '../src/parse/line/split.ts';
import { LineParser } from '../src/parse/line_parser.ts';
import { builtInKinds, type Kind } from '../src/redact/kinds.ts';
import { Redactor } from '../src/redact/redactor.ts';

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '200000' },
    runs: { type: 'string', default: '5' },
    secrets: { type: 'boolean', default: false },
  },
});
const runs = Number(values.runs);
const CHUNK = 256 * 1024;
const EPOCH_S = 1_793_491_200;

const random = createRandom(1);
const makers = [lines.json, lines.stamped, lines.timed, lines.access, lines.plain];
const made = Array.from({ length: Number(values.lines) }, (_, n) => {
  const text = random.pick(makers)(random, EPOCH_S * 1000 + n * 20);
  return values.secrets && n % 50 === 0 ? `${text} gh${'p_'}${random.hex(36)}` : text;
});
const bytes = Buffer.from(`${made.join('\r\n')}\r\n`, 'latin1');

const without = (...left: Kind[]): Kind[] => builtInKinds.filter((kind) => !left.includes(kind));
const ways: [string, () => number][] = [
  ['parse alone', () => overChunks(parseChunk())],
  ['all kinds', () => overChunks(hide(new Redactor(builtInKinds, [])))],
  ['all but e-mail', () => overChunks(hide(new Redactor(without('email'), [])))],
  ['aws', () => overChunks(hide(new Redactor(['aws'], [])))],
  ...['acct_\\d{8,}', '[A-Z]{2}\\d{2}(?: ?\\d{4}){4}', 'password=.{1,64};', '\\w+@\\w+\\.com'].flatMap(
    (pattern): [string, () => number][] => [
      [pattern, () => overChunks(hide(new Redactor([], [pattern])))],
      ['  as RegExp', () => overChunks(matchByRegExp(pattern))],
    ],
  ),
];
console.log(`${made.length} lines of ${(bytes.length / made.length).toFixed(0)} bytes`);
for (const [name, run] of ways) {
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < runs; time++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) * 1000);
  }
  const each = (best / made.length).toFixed(0);
  console.log(
    `${name.padEnd(30)} ${each.padStart(6)} ns a line ${((bytes.length / best) * 1000).toFixed(0).padStart(6)} MB/s`,
  );
}

const LONG = 65_534;
const mixed = Array.from({ length: LONG }, () => random.pick([...'abc!'])).join('');
const hostile: [pattern: string, line: string][] = [
  ['\\w+[:=]', 'a'.repeat(LONG / 8)],
  ['a{1,64}a{1,64}a{1,64}b', 'a'.repeat(LONG)],
  ['(\\w{1,8}){1,8}!', `!${'a'.repeat(LONG - 1)}`],
  ['a[^b]*b|a', 'a'.repeat(LONG)],
  ['.{1,60};.{1,60}:', 'x;: '.repeat(LONG / 4)],
  ['.{1,60}[ab].{1,60}[bc].{1,60}[cd]!', mixed],
  ['.{1,60}[ab].{1,60}[bc].{1,60}[cd]!', mixed.slice(0, 8_000)],
];
console.log('\nlines that a guest chose');
for (const [index, [pattern, line]] of hostile.entries()) {
  const text = Buffer.from(`${line}\n`);
  const redactor = new Redactor([], [pattern]);
  const hidden = (): unknown => redactor.hide(text, 0, null);
  hidden();
  redactor.took(text.length);
  const what = redactor.counts.whole_line === 1 ? 'hidden whole' : 'matched';
  const byRegExp = index > 0 ? '' : `, as RegExp ${costOf(() => matchByRegExp(pattern)(text), text.length)}`;
  console.log(
    `${pattern.padEnd(36)} ${costOf(hidden, text.length).padStart(8)} ns a byte, ${what}${byRegExp}`,
  );
}

/** CPU ns a byte of the fastest run. */
function costOf(run: () => unknown, size: number): string {
  let best = Number.POSITIVE_INFINITY;
  for (let time = 0; time < runs; time++) {
    const before = process.cpuUsage();
    run();
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) * 1000);
  }
  return (best / size).toFixed(1);
}

function matchByRegExp(pattern: string) {
  const regexp = new RegExp(pattern, 'g');
  return (chunk: Buffer): number => {
    let at = 0;
    for (let end = lineEnd(chunk, 0, false); end >= 0; at = end, end = lineEnd(chunk, at, false)) {
      const text = chunk.toString('latin1', at, end);
      regexp.lastIndex = 0;
      while (regexp.exec(text) !== null);
    }
    return at;
  };
}

function overChunks(work: (chunk: Buffer, position: number) => number): number {
  let from = 0;
  while (from < bytes.length) {
    const took = work(bytes.subarray(from, from + CHUNK), from);
    if (took === 0) break;
    from += took;
  }
  return from;
}

function hide(redactor: Redactor) {
  return (chunk: Buffer): number => {
    redactor.hide(chunk, 0, null);
    const at = chunk.lastIndexOf(10) + 1;
    redactor.took(at);
    return at;
  };
}

function parseChunk() {
  const parser = new LineParser('console', EPOCH_S, 0);
  const line = newLine();
  return (chunk: Buffer, position: number): number => {
    let at = 0;
    for (let end = lineEnd(chunk, 0, false); end >= 0; at = end, end = lineEnd(chunk, at, false)) {
      parser.parse(chunk, at, end, position + at, EPOCH_S + 7200, 0, line);
    }
    return at;
  };
}
