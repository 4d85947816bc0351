import { closeSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import * as lines from '../src/demo/lines.ts';
import { createRandom, type Random } from '../src/demo/random.ts';

/**
 * Generates the corpus of the benchmarks: consoles with the same bytes for the same seed on every machine. By
 * lines, 3 % are kernel lines and 25 % JSON; the rest are tracebacks, access lines, and lines with a
 * timestamp and tag, with a time of day, or with neither.
 */
const usage = 'node bench/corpus.ts OUT [--bytes 512000000] [--sandboxes 64] [--seed 1]';
const epoch_ms = Date.parse('2026-11-01T00:00:00Z');
const buffer_bytes = 1024 * 1024;
/** Room for the longest entry, so that one check per entry is enough. */
const entry_bytes_max = 16 * 1024;

interface Totals {
  bytes: number;
  lines: number;
}

/** Writes one console of at least `size` bytes. */
function writeConsole(file: string, random: Random, size: number): Totals {
  const out = openSync(file, 'w');
  const buffer = Buffer.allocUnsafe(buffer_bytes + entry_bytes_max);
  const totals = { bytes: 0, lines: 0 };
  const started_ms = epoch_ms + random.int(0, 3_600_000);
  let at_ms = started_ms;
  let used = 0;
  const put = (line: string): void => {
    used += buffer.write(line, used, 'latin1');
    buffer[used++] = 13;
    buffer[used++] = 10;
    totals.lines++;
  };
  while (totals.bytes + used < size) {
    at_ms += random.int(0, 40);
    entry(random, at_ms, (at_ms - started_ms) / 1000, put);
    if (used >= buffer_bytes) {
      writeSync(out, buffer, 0, used);
      totals.bytes += used;
      used = 0;
    }
  }
  writeSync(out, buffer, 0, used);
  totals.bytes += used;
  closeSync(out);
  return totals;
}

/** One entry. A traceback has about ten lines, so its share of entries is a tenth of its share of lines. */
function entry(random: Random, at_ms: number, uptime_s: number, put: (line: string) => void): void {
  const draw = random.next();
  if (draw < 0.03) put(lines.kernel(random, uptime_s));
  else if (draw < 0.29) put(lines.json(random, at_ms));
  else if (draw < 0.294) for (const line of lines.pythonTraceback(random)) put(line);
  else if (draw < 0.296) for (const line of lines.nodeTraceback(random)) put(line);
  else if (draw < 0.48) put(lines.access(random, at_ms));
  else if (draw < 0.58) put(lines.timed(random, at_ms));
  else if (draw < 0.66) put(lines.plain(random, at_ms));
  else put(lines.stamped(random, at_ms));
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      bytes: { type: 'string', default: '512000000' },
      sandboxes: { type: 'string', default: '64' },
      seed: { type: 'string', default: '1' },
    },
  });
  const [out] = positionals;
  const [bytes, sandboxes, seed] = [values.bytes, values.sandboxes, values.seed].map(Number);
  const whole = [bytes, sandboxes, seed].every((value) => Number.isSafeInteger(value) && value! >= 0);
  if (out === undefined || positionals.length > 1 || !whole || sandboxes === 0) {
    console.error(`usage: ${usage}`);
    process.exitCode = 2;
    return;
  }
  const random = createRandom(seed!);
  const started = performance.now();
  const totals = { bytes: 0, lines: 0 };
  for (let left = sandboxes!; left > 0; left--) {
    const dir = join(out, 'vms', `sb-${random.hex(12)}`);
    mkdirSync(dir, { recursive: true });
    const written = writeConsole(join(dir, 'console.log'), random.fork(), (bytes! - totals.bytes) / left);
    totals.bytes += written.bytes;
    totals.lines += written.lines;
  }
  const mean = totals.bytes / Math.max(1, totals.lines);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(
    `${sandboxes} consoles, ${totals.bytes} bytes, ${totals.lines} lines, mean ${mean.toFixed(1)} bytes, ${seconds} s`,
  );
}

main();
