/**
 * The writer of quiet.ts, latency.ts and followers.ts: `node bench/steady_lines.ts VMS SANDBOXES LINES_PER_S
 * SECONDS` appends single lines to the first SANDBOXES consoles of VMS, LINES_PER_S to each, spread over the
 * second. Each line contains the time of its write, in µs since 1970. Prints what it wrote.
 */
import { openSync, readdirSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const SLICE_MS = 10;

const [vms, ...numbers] = process.argv.slice(2) as [string, ...string[]];
const [sandboxes, lines_per_s, seconds] = numbers.map(Number) as [number, number, number];
const files = readdirSync(vms)
  .sort()
  .slice(0, sandboxes)
  .map((name) => openSync(join(vms, name, 'console.log'), 'a'));
const text = '2026-06-01T15:30:18Z [agent] request 4711 done in 12 ms, 3 rows, cache miss, written ';
const nextLine = (): string =>
  `${text}${Math.round((performance.timeOrigin + performance.now()) * 1_000)}\r\n`;
const started = performance.now();
let lines = 0;
for (let at_ms = 0; at_ms < seconds * 1_000; at_ms = performance.now() - started) {
  const due = Math.floor((at_ms / 1_000) * lines_per_s * files.length);
  while (lines < due) writeSync(files[lines++ % files.length]!, nextLine());
  await sleep(SLICE_MS);
}
console.log(
  JSON.stringify({ lines, bytes: lines * nextLine().length, seconds: (performance.now() - started) / 1_000 }),
);
