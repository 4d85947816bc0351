/**
 * Measures only the parser, in one process: CPU ns per line and MB/s, compared with a loop that only splits
 * lines.
 *
 *   node bench/parse.ts [--lines 300000] [--runs 5] [--dir DIR]
 *
 * The row `corpus` is the corpus of bench/corpus.ts (or the console.log files below DIR); each other row is
 * one kind of line. The fastest run counts, because other work of the machine can only slow a run down.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as lines from '../src/demo/lines.ts';
import { createRandom } from '../src/demo/random.ts';
import { newLine } from '../src/parse/line/line.ts';
import { lineEnd } from '../src/parse/line/split.ts';
import { LineParser } from '../src/parse/line_parser.ts';

const { values } = parseArgs({
  options: {
    lines: { type: 'string', default: '300000' },
    runs: { type: 'string', default: '5' },
    dir: { type: 'string' },
  },
});
const count = Number(values.lines);
const runs = Number(values.runs);
/** Bytes per read, as in the tail. */
const CHUNK = 256 * 1024;
const buffer = Buffer.allocUnsafeSlow(CHUNK);
const EPOCH_S = 1_793_491_200;

const random = createRandom(1);
const kinds: [string, (at_ms: number) => string[]][] = [
  ['kernel', (at_ms) => [lines.kernel(random, at_ms / 1000 - EPOCH_S)]],
  ['JSON', (at_ms) => [lines.json(random, at_ms)]],
  ['stamp and tag', (at_ms) => [lines.stamped(random, at_ms)]],
  ['time of day and tag', (at_ms) => [lines.timed(random, at_ms)]],
  ['access log', (at_ms) => [lines.access(random, at_ms)]],
  ['no stamp', (at_ms) => [lines.plain(random, at_ms)]],
  ['traceback, Python', () => lines.pythonTraceback(random)],
  ['traceback, Node.js', () => lines.nodeTraceback(random)],
];

console.log(
  `${'lines'.padEnd(22)} ${'mean bytes'.padStart(10)} ${'split ns'.padStart(9)} ${'parse ns'.padStart(9)} ${'MB/s'.padStart(7)}`,
);
measure('corpus', corpus());
for (const [name, make] of kinds) {
  const made: string[] = [];
  for (let at_ms = EPOCH_S * 1000; made.length < count / 4; at_ms += 20) made.push(...make(at_ms));
  measure(name, [Buffer.from(`${made.join('\r\n')}\r\n`, 'latin1')]);
}

function corpus(): Buffer[] {
  const dir = values.dir ?? mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
  if (!values.dir) {
    const args = ['corpus.ts', dir, '--bytes', String(count * 117), '--sandboxes', '4'];
    execFileSync(process.execPath, args, { cwd: import.meta.dirname, stdio: 'ignore' });
  }
  const files = readdirSync(join(dir, 'vms')).map((id) => readFileSync(join(dir, 'vms', id, 'console.log')));
  if (!values.dir) rmSync(dir, { recursive: true, force: true });
  return files;
}

function measure(name: string, consoles: Buffer[]): void {
  const split = fastest(consoles, false);
  const parse = fastest(consoles, true);
  const bytes = consoles.reduce((sum, console) => sum + console.length, 0);
  const each = (ns: number): string => (ns / parse.lines).toFixed(0);
  console.log(
    `${name.padEnd(22)} ${(bytes / parse.lines).toFixed(1).padStart(10)} ${each(split.ns).padStart(9)} ${each(parse.ns).padStart(9)} ${((bytes / parse.ns) * 1000).toFixed(0).padStart(7)}`,
  );
}

function fastest(consoles: Buffer[], withParser: boolean): { ns: number; lines: number } {
  let best = { ns: Number.POSITIVE_INFINITY, lines: 0 };
  for (let run = 0; run < runs; run++) {
    const started = process.cpuUsage();
    let total = 0;
    for (const console of consoles) total += readConsole(console, withParser);
    const { user, system } = process.cpuUsage(started);
    const ns = (user + system) * 1000;
    if (ns < best.ns) best = { ns, lines: total };
  }
  return best;
}

function readConsole(bytes: Buffer, withParser: boolean): number {
  const line = newLine();
  const parser = new LineParser('console', EPOCH_S, 0);
  let total = 0;
  for (let from = 0; from < bytes.length; ) {
    const chunk = buffer.subarray(0, bytes.copy(buffer, 0, from, from + CHUNK));
    let at = 0;
    for (let end = lineEnd(chunk, 0, false); end >= 0; at = end, end = lineEnd(chunk, at, false)) {
      if (withParser) parser.parse(chunk, at, end, from + at, EPOCH_S + 7200, 0, line);
      total++;
    }
    if (at === 0) break;
    from += at;
  }
  return total;
}
