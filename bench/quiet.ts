/**
 * Measures an agent with little work: 10,000 quiet sandboxes, then 1,000 of them with 10 lines per second
 * each.
 *
 *   node bench/quiet.ts [--sandboxes 10000] [--seconds 60] [--busy 1000] [--lines 10] [--profile DIR]
 *
 * For comparison, a bare watcher (bare_watcher.ts) runs over the same folders in the same run: the cost of
 * fs.watch and reading in Node.js. The agent delivers to a real ClickHouse. `--profile` saves the agent's CPU
 * profile in DIR.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { migrate } from '../src/store/care/migrate.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { AgentProcess, cpuSeconds, memoryOf, printTable, reached, Script } from './process.ts';

const { values } = parseArgs({
  options: {
    sandboxes: { type: 'string', default: '10000' },
    seconds: { type: 'string', default: '60' },
    busy: { type: 'string', default: '1000' },
    lines: { type: 'string', default: '10' },
    profile: { type: 'string' },
  },
});
const [sandboxes, seconds] = [Number(values.sandboxes), Number(values.seconds)];
const dir = mkdtempSync(join(tmpdir(), 'afterlog-quiet-'));
const vms = join(dir, 'data', 'vms');
/** The first bytes of each log. */
const boot = Buffer.from('[    0.123456] EXT4-fs (vda): mounted filesystem\r\n'.repeat(20));
for (let index = 0; index < sandboxes; index++) {
  const folder = join(vms, `sb-${String(index).padStart(6, '0')}`);
  mkdirSync(folder, { recursive: true });
  for (const name of ['console.log', 'events.jsonl', 'firecracker.log'])
    writeFileSync(join(folder, name), boot);
}

/** The figures of one watcher. */
interface Measured {
  start_s: number;
  start_cpu_s: number;
  now_mb: number;
  peak_mb: number;
  quiet_cpu_s: number;
  busy_cpu_s: number;
  busy_lines: number;
  busy_seconds: number;
}

async function measure(
  pid: () => number,
  start: () => Promise<void>,
  taken: () => Promise<void>,
): Promise<Measured> {
  const from_ms = performance.now();
  await start();
  const start_s = (performance.now() - from_ms) / 1_000;
  const start_cpu_s = cpuSeconds(pid());
  await sleep(5_000);
  const before_quiet = cpuSeconds(pid());
  await sleep(seconds * 1_000);
  const quiet_cpu_s = cpuSeconds(pid()) - before_quiet;
  const { now_mb, peak_mb } = memoryOf(pid());
  const before_busy = cpuSeconds(pid());
  const writer = new Script('steady_lines.ts', [vms, values.busy, values.lines, String(seconds / 2)]);
  const { lines, seconds: busy_seconds } = JSON.parse(await writer.result()) as {
    lines: number;
    seconds: number;
  };
  await taken();
  const busy_cpu_s = cpuSeconds(pid()) - before_busy;
  return { start_s, start_cpu_s, now_mb, peak_mb, quiet_cpu_s, busy_cpu_s, busy_lines: lines, busy_seconds };
}

const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
try {
  const client = createClient({ url: clickhouse.url });
  await migrate(client, 'afterlog');
  await client.close();
  const node = values.profile ? ['--cpu-prof', `--cpu-prof-dir=${values.profile}`] : [];
  const agent = new AgentProcess(join(dir, 'data'), clickhouse.url, node);
  let wanted = sandboxes * boot.length * 3;
  const delivered = async (): Promise<void> =>
    reached('all bytes delivered', async () => {
      const status = await agent.status();
      return status !== null && status.bytes >= wanted && status.spool_bytes === 0;
    });
  const start = async (): Promise<void> => {
    await agent.start();
    await delivered();
  };
  const ours = await measure(() => agent.pid, start, delivered);
  wanted = 0;
  await agent.end('SIGTERM');
  let bareScript: Script | null = null;
  const bare = await measure(
    () => bareScript!.pid,
    async () => {
      bareScript = new Script('bare_watcher.ts', [vms]);
      await bareScript.said();
    },
    () => sleep(1_000),
  );
  await bareScript!.end('SIGKILL');
  const row = (what: string, of: (m: Measured) => number, digits: number): string[] => [
    what,
    of(ours).toFixed(digits),
    of(bare).toFixed(digits),
    of(bare) === 0 ? '–' : (of(ours) / of(bare)).toFixed(1),
  ];
  printTable([
    [`${sandboxes} sandboxes, 3 logs each`, 'agent', 'bare watcher', 'ratio'],
    row('start: wall s until all is read', (m) => m.start_s, 2),
    row('start: CPU s', (m) => m.start_cpu_s, 2),
    row('memory while quiet, MB', (m) => m.now_mb, 0),
    row('highest memory, MB', (m) => m.peak_mb, 0),
    row(`quiet: % of a core over ${seconds} s`, (m) => (m.quiet_cpu_s / seconds) * 100, 2),
    row(
      `${values.busy} × ${values.lines} lines/s: % of a core`,
      (m) => (m.busy_cpu_s / m.busy_seconds) * 100,
      1,
    ),
    row(
      `${values.busy} × ${values.lines} lines/s: CPU µs a line`,
      (m) => (m.busy_cpu_s / m.busy_lines) * 1e6,
      1,
    ),
  ]);
} finally {
  await clickhouse.stop();
  rmSync(dir, { recursive: true, force: true });
}
