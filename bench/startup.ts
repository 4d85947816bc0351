/**
 * Measures the start of the commands: CPU-seconds (user and system) and peak memory, compared with `node -e
 * 0` in the same run; the median of the rounds.
 *
 *   node bench/startup.ts [--rounds 9]
 *
 * Measures the built package (`npm run build` first). Needs Java and Maven, because the roles use a real
 * Kafka and a real ClickHouse. A role is ready when it answers on its address; a consumer must also have its
 * partitions.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { appendFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { freePort } from '../src/base/child_process.ts';
import { startLocalKafka } from '../src/kafka/local_kafka.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';

const { values } = parseArgs({ options: { rounds: { type: 'string', default: '9' } } });
const root = resolve(import.meta.dirname, '..');
const hook = join(import.meta.dirname, 'usage_hook.cjs');
const afterlog = join(root, 'bin', 'afterlog.js');
const sandbox = 'sb-0a1b2c3d4e5f';

interface Usage {
  cpu_s: number;
  peak_mb: number;
  wall_s: number;
}
interface Measured {
  name: string;
  args: string[];
  /** For a role: whether its status shows that it is ready. */
  isReady?: (status: Record<string, unknown>) => boolean;
  usages: Usage[];
}

const dir = mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
const kafka = await startLocalKafka({ dir: join(dir, 'kafka') });
const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
const port = await freePort();
const address = `127.0.0.1:${port}`;
const env = {
  ...process.env,
  AFTERLOG_DATA_DIR: join(dir, 'data'),
  AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
  AFTERLOG_LISTEN: address,
  AFTERLOG_AGENT_LISTEN: address,
  AFTERLOG_CONSUMER_LISTEN: address,
  AFTERLOG_LOG_LEVEL: 'warn',
};
const brokers = ['--kafka-brokers', kafka.broker];
const up = (): boolean => true;
const command = (name: string, ...args: string[]): Measured => ({
  name: `afterlog ${name}`,
  args: [afterlog, ...args],
  usages: [],
});
const all: Measured[] = [
  { name: 'node -e 0', args: ['-e', '0'], usages: [] },
  command('--help', '--help'),
  command('parse FILE', 'parse', join(root, 'fixtures/consoles/ok-boot.log')),
  command('sandboxes', 'sandboxes'),
  command('logs ID --tail 20', 'logs', sandbox, '--tail', '20'),
  { ...command('server, ready', 'server'), isReady: up },
  { ...command('agent, ready', 'agent', ...brokers), isReady: up },
  { ...command('agent without Kafka, ready', 'agent'), isReady: up },
  {
    ...command('consumer, ready', 'consumer', ...brokers),
    isReady: (status) => typeof status.lag === 'number',
  },
];

try {
  await prepare();
  for (let round = 0; round < Number(values.rounds); round++) {
    for (const one of all) one.usages.push(await measure(one));
  }
  const base = median(all[0]!.usages, 'cpu_s');
  console.log(`${''.padEnd(36)} CPU s   beside node   peak MB   wall s`);
  for (const { name, usages } of all) {
    const [cpu_s, peak_mb, wall_s] = (['cpu_s', 'peak_mb', 'wall_s'] as const).map((key) =>
      median(usages, key),
    );
    console.log(
      `${name.padEnd(36)} ${cpu_s!.toFixed(3)} ${(cpu_s! / base).toFixed(1).padStart(12)} ` +
        `${peak_mb!.toFixed(0).padStart(10)} ${wall_s!.toFixed(2).padStart(9)}`,
    );
  }
} finally {
  await Promise.allSettled([kafka.stop(), clickhouse.stop()]);
  rmSync(dir, { recursive: true, force: true });
}

/** Creates tables, topic, and a sandbox with lines for the commands to show. */
async function prepare(): Promise<void> {
  const folder = join(dir, 'data', 'vms', sandbox);
  mkdirSync(folder, { recursive: true });
  appendFileSync(
    join(folder, 'console.log'),
    '2026-06-01T15:30:18Z [agent] sandbox.running tap=tap0\r\n'.repeat(200),
  );
  await measure(command('', 'migrate'));
  await measure({
    ...command('', 'agent', ...brokers),
    isReady: (status) => Number(status.lines) > 0 && status.spool_bytes === 0,
  });
  await measure({ ...command('', 'consumer', ...brokers), isReady: (status) => Number(status.rows) > 0 });
}

async function measure({ name, args, isReady }: Measured): Promise<Usage> {
  const started_ms = performance.now();
  const child = spawn(process.execPath, ['--require', hook, ...args], {
    env,
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const reported = once(child.stdio[3] as Readable, 'data') as Promise<[Buffer]>;
  if (isReady) {
    await ready(child, isReady);
    child.kill('SIGUSR2');
  }
  const [first] = await reported;
  const wall_s = (performance.now() - started_ms) / 1000;
  if (isReady) child.kill('SIGTERM');
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  if (child.exitCode !== 0) throw new Error(`${name} ended with ${child.exitCode}`);
  const usage = JSON.parse(String(first).split('\n')[0]!) as NodeJS.ResourceUsage;
  return {
    cpu_s: (usage.userCPUTime + usage.systemCPUTime) / 1e6,
    peak_mb: usage.maxRSS / 1024,
    wall_s,
  };
}

async function ready(child: ChildProcess, isReady: NonNullable<Measured['isReady']>): Promise<void> {
  for (let looks = 0; looks < 6_000 && child.exitCode === null; looks++) {
    const answer = await fetch(`http://${address}/healthz`, { headers: { connection: 'close' } }).catch(
      () => null,
    );
    const status = answer?.ok ? ((await answer.json()) as Record<string, unknown>) : null;
    if (status !== null && isReady(status)) return;
    await sleep(5);
  }
  throw new Error('It did not become ready.');
}

function median(usages: Usage[], key: keyof Usage): number {
  const sorted = usages.map((usage) => usage[key]).toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)]!;
}
