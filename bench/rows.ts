/**
 * Measures the agent's work for a row, in one process: bytes → lines → parsed rows → batches, by the length
 * of lines. CPU ns per row and per byte, beside the corpus of bench/corpus.ts in the same run.
 *
 *   node bench/rows.ts [--lines 300000] [--runs 5]
 *
 * The fastest run counts, because other work of the machine can only slow a run down. The last line tells
 * how many bytes of the corpus cost as much as an empty line: `limits.fair.row_cost_bytes`.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RowTarget } from '../src/rows/row_target.ts';
import { StreamRows } from '../src/rows/stream_rows.ts';
import { BatchBuilder } from '../src/wire/batch_builder.ts';

const { values } = parseArgs({
  options: { lines: { type: 'string', default: '300000' }, runs: { type: 'string', default: '5' } },
});
const count = Number(values.lines);
/** Bytes per read, as in the tail. */
const CHUNK = 256 * 1024;
const STARTED = '1793491200000000000';

interface Measured {
  ns: number;
  rows: number;
  bytes: number;
  batches: number;
}

const kinds: [string, Buffer[]][] = [
  ['corpus', corpus()],
  ['empty lines', [Buffer.alloc(count, '\n')]],
  ['empty lines, CR LF', [Buffer.alloc(count * 2, '\r\n')]],
  ['one-byte lines', [Buffer.alloc(count * 2, 'x\n')]],
  ['short lines', [Buffer.alloc(count * 12, 'hello world\n')]],
  ['alternating', [Buffer.alloc(count * 6, 'abcd\n\n')]],
];
console.log(
  `${'lines'.padEnd(20)} ${'mean bytes'.padStart(10)} ${'ns a row'.padStart(9)} ${'of the corpus'.padStart(13)} ${'ns a byte'.padStart(10)} ${'of the corpus'.padStart(13)} ${'rows a batch'.padStart(12)}`,
);
const all = new Map(kinds.map(([name, consoles]) => [name, fastest(consoles)]));
const whole = all.get('corpus')!;
for (const [name, one] of all) {
  const [row, byte] = [one.ns / one.rows, one.ns / one.bytes];
  const share = (part: number, of: number): string => (part / of).toFixed(2).padStart(13);
  console.log(
    `${name.padEnd(20)} ${(one.bytes / one.rows).toFixed(1).padStart(10)} ${row.toFixed(0).padStart(9)} ${share(row, whole.ns / whole.rows)} ${byte.toFixed(1).padStart(10)} ${share(byte, whole.ns / whole.bytes)} ${(one.rows / one.batches).toFixed(0).padStart(12)}`,
  );
}
// cost = a · bytes + b · rows, from the corpus and from empty lines.
const empty = all.get('empty lines')!;
const rowsOf = ({ rows, bytes }: Measured): number => rows / bytes;
const perEmpty = empty.ns / empty.bytes;
const perByte = (whole.ns / whole.bytes - rowsOf(whole) * perEmpty) / (1 - rowsOf(whole));
console.log(`\na row costs as much as ${((perEmpty - perByte) / perByte).toFixed(0)} bytes`);

function corpus(): Buffer[] {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
  const args = ['corpus.ts', dir, '--bytes', String(count * 117), '--sandboxes', '4'];
  execFileSync(process.execPath, args, { cwd: import.meta.dirname, stdio: 'ignore' });
  const files = readdirSync(join(dir, 'vms')).map((id) => readFileSync(join(dir, 'vms', id, 'console.log')));
  rmSync(dir, { recursive: true, force: true });
  return files;
}

function fastest(consoles: Buffer[]): Measured {
  let best = run(consoles);
  for (let runs = Number(values.runs); runs > 1; runs--) {
    const next = run(consoles);
    if (next.ns < best.ns) best = next;
  }
  return best;
}

function run(consoles: Buffer[]): Measured {
  const target = new RowTarget(new BatchBuilder('host'));
  const done = { ns: 0, rows: 0, bytes: 0, batches: 0 };
  const before = process.cpuUsage();
  const finish = (): void => {
    target.builder.finish(1, ++done.batches, 20_000);
  };
  for (const [index, console] of consoles.entries()) {
    const rows = new StreamRows(target, { sandbox: `sb-${index}`, log: 'console', started: STARTED });
    const point = { position: 0, crc32: 0 };
    for (let from = 0; from < console.length; ) {
      const chunk = console.subarray(from, from + CHUNK);
      const taken = rows.lines(point, chunk, 0, from + CHUNK >= console.length, 1_793_491_300_000);
      point.position += taken.bytes;
      point.crc32 = taken.crc32;
      done.rows += taken.lines;
      from += taken.bytes;
      if (taken.isFull) finish();
    }
    done.bytes += console.length;
  }
  finish();
  const { user, system } = process.cpuUsage(before);
  done.ns = (user + system) * 1_000;
  return done;
}
