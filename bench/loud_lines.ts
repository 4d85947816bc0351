/**
 * The loud writer of neighbour.ts: `node bench/loud_lines.ts CONSOLE TEXT BYTES_PER_S SECONDS` appends the bytes of
 * the file TEXT to CONSOLE, again and again. Prints what it wrote.
 */
import { openSync, readFileSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 10;
const WRITE_BYTES = 64 * 1024;

const [console_log, file, ...numbers] = process.argv.slice(2) as [string, string, ...string[]];
const [bytes_per_s, seconds] = numbers.map(Number) as [number, number];
const text = readFileSync(file);
const fd = openSync(console_log, 'a');
const started = performance.now();
let bytes = 0;
for (let at_ms = 0; at_ms < seconds * 1_000; at_ms = performance.now() - started) {
  while (bytes < (at_ms / 1_000) * bytes_per_s) {
    const from = bytes % text.length;
    bytes += writeSync(fd, text, from, Math.min(WRITE_BYTES, text.length - from));
  }
  await sleep(SLICE_MS);
}
console.log(JSON.stringify({ bytes, seconds: (performance.now() - started) / 1_000 }));
