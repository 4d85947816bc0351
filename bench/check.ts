/**
 * Measures the check of batches in a consumer, beside `zstd -1` over the same text in the same run: once the
 * headers and the frame alone, as 0.1.0 did, and once with the whole block.
 *
 *   node bench/check.ts [--dir DIR] [--bytes 64000000]
 *
 * Without --dir it makes a corpus. Prints CPU-seconds and ratios; the least of five rounds counts.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { fromKafka, toKafkaHeaders } from '../src/wire/header.ts';
import { type Received, receivedBatch } from '../src/wire/received.ts';
import { corpusText, HostBatches } from './host_batches.ts';

const ROUNDS = 5;
const { values } = parseArgs({
  options: { dir: { type: 'string' }, bytes: { type: 'string', default: '64000000' } },
});
const own = mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
try {
  const dir = values.dir ?? own;
  if (values.dir === undefined) {
    const script = join(import.meta.dirname, 'corpus.ts');
    execFileSync(process.execPath, [script, dir, '--bytes', values.bytes, '--sandboxes', '4']);
  }
  const text = corpusText(dir);
  const file = join(own, 'text');
  writeFileSync(file, text);
  const host = new HostBatches('host-1', text);
  const messages: (Received & { value: Buffer })[] = [];
  while (host.bytes < text.length) {
    const { header, value } = host.next();
    messages.push({ key: Buffer.from(header.host), headers: toKafkaHeaders(header), value });
  }
  const zstd_s = least(() => zstdSeconds(file));
  const frame_s = least(() =>
    seconds(() => messages.forEach((one) => void fromKafka(one.headers, one.value))),
  );
  const whole_s = least(() => seconds(() => messages.forEach((one) => void receivedBatch(one, 1_000))));
  console.log(`${messages.length} batches of ${host.rows} lines, ${text.length} bytes of text`);
  for (const [what, cpu_s] of [
    ['zstd -1 of the text', zstd_s],
    ['headers and frame, as in 0.1.0', frame_s],
    ['the same and the whole block', whole_s],
  ] as const) {
    console.log(`${what.padEnd(32)} CPU ${cpu_s.toFixed(3)} s   ratio ${(cpu_s / zstd_s).toFixed(2)}`);
  }
} finally {
  rmSync(own, { recursive: true, force: true });
}

function least(measure: () => number): number {
  return Math.min(...Array.from({ length: ROUNDS }, measure));
}

function seconds(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/** The second line of the shell's `times` is for its children. */
function zstdSeconds(path: string): number {
  const script = 'zstd -q -1 -T1 -c "$1" > /dev/null; times';
  const output = execFileSync('bash', ['-c', script, 'bash', path], { encoding: 'utf8' });
  const line = output.trim().split('\n').at(-1)!;
  return [...line.matchAll(/(\d+)m([\d.]+)s/g)].reduce(
    (sum, [, m, s]) => sum + Number(m) * 60 + Number(s),
    0,
  );
}
