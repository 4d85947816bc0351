/**
 * Measures the cost of followers for the server, and the delay from the write of a line to its followers: one
 * follower for each of 1,000 sandboxes, and 1,000 for one sandbox, compared with the same lines without
 * followers.
 *
 *   node bench/followers.ts [--followers 1000] [--sandboxes 1000] [--rate 10000] [--one-rate 50]
 *                           [--seconds 15] [--only each] [--profile DIR]
 *
 * Needs no Kafka: an agent in direct mode, ClickHouse, a server, the writer and the followers are processes
 * on this machine. Each line contains the time of its write. `--one-rate` is in lines per second of the one
 * sandbox that all follow. `--only nobody`, `each` or `one` measures only that case. `--profile` saves a CPU
 * profile of the server.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { freePort } from '../src/base/child_process.ts';
import { migrate } from '../src/store/care/migrate.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { cpuSeconds, memoryOf, printTable, reached, Script } from './process.ts';

const { values } = parseArgs({
  options: {
    followers: { type: 'string', default: '1000' },
    sandboxes: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '10000' },
    'one-rate': { type: 'string', default: '50' },
    seconds: { type: 'string', default: '15' },
    only: { type: 'string' },
    profile: { type: 'string' },
  },
});
const [followers, sandboxes, rate, one_rate, seconds] = [
  values.followers,
  values.sandboxes,
  values.rate,
  values['one-rate'],
  values.seconds,
].map(Number) as [number, number, number, number, number];
const WARM_S = 3;

const dir = mkdtempSync(join(tmpdir(), 'afterlog-followers-'));
const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
const client = createClient({ url: clickhouse.url });
const table: (string | number)[][] = [
  [
    ...['', 'lines got', 'p50 ms', 'p99 ms', 'max ms', 'server MB'],
    ...['CPU-s/s: server', 'ClickHouse', 'agent', 'writer', 'clients'],
  ],
];
try {
  const { only } = values;
  const lines = `${sandboxes} sandboxes × ${rate / sandboxes} lines/s`;
  if (only === undefined || only === 'nobody') await measure(`${lines}, nobody follows`, sandboxes, rate, 0);
  if (only === undefined || only === 'each') {
    await measure(`${lines}, one follower of each`, sandboxes, rate, sandboxes);
  }
  if (only === undefined || only === 'one') {
    await measure(`${followers} followers of one, ${one_rate} lines/s`, 1, one_rate, followers);
  }
  printTable(table);
} finally {
  await client.close();
  await clickhouse.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function measure(what: string, count: number, lines_s: number, follow: number): Promise<void> {
  const database = `bench_${table.length}`;
  await migrate(client, database);
  const data_dir = join(dir, database);
  const vms = join(data_dir, 'vms');
  for (let index = 0; index < count; index++) {
    const sandbox = join(vms, `sb-${index}`);
    mkdirSync(sandbox, { recursive: true });
    writeFileSync(join(sandbox, 'console.log'), 'a first line\n');
  }
  const port = await freePort();
  const environment = {
    ...process.env,
    AFTERLOG_DATA_DIR: data_dir,
    AFTERLOG_KAFKA_BROKERS: '',
    AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
    AFTERLOG_CLICKHOUSE_DATABASE: database,
    AFTERLOG_LISTEN: `127.0.0.1:${port}`,
    AFTERLOG_AGENT_LISTEN: '127.0.0.1:0',
    AFTERLOG_LOG_LEVEL: 'warn',
  };
  const profile = values.profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', values.profile];
  const agent = new Script('../src/cli/main.ts', ['agent'], environment);
  const server = new Script('../src/cli/main.ts', ['server'], environment, profile);
  let clients: Script | null = null;
  try {
    await reached('the first lines', async () => {
      const query = `SELECT uniqExact(sandbox_id) AS n FROM ${database}.console_logs`;
      const [row] = await (await client.query({ query, format: 'JSONEachRow' })).json<{ n: string }>();
      return Number(row!.n) === count;
    });
    await reached('the server', () =>
      fetch(`http://127.0.0.1:${port}/healthz`).then(
        (r) => r.ok,
        () => false,
      ),
    );
    if (follow > 0) {
      clients = new Script('follower_clients.ts', [
        '127.0.0.1',
        ...[port, count, follow, WARM_S].map(String),
      ]);
      await clients.said();
    }
    const writer = new Script('steady_lines.ts', [
      vms,
      String(count),
      String(lines_s / count),
      String(seconds + WARM_S),
    ]);
    await sleep(WARM_S * 1_000);
    const pids = [server.pid, clickhouse.pid, agent.pid, writer.pid, clients?.pid];
    const cpu = (): number[] => pids.map((pid) => (pid === undefined ? Number.NaN : cpuSeconds(pid)));
    const [before, from_ms] = [cpu(), performance.now()];
    await sleep(seconds * 1_000 - 500);
    const [after, took_s] = [cpu(), (performance.now() - from_ms) / 1_000];
    const { now_mb } = memoryOf(server.pid);
    await writer.result();
    await sleep(1_500);
    let delays = { lines: 0, p50_ms: Number.NaN, p99_ms: Number.NaN, max_ms: Number.NaN };
    if (clients !== null) {
      await clients.end('SIGTERM');
      delays = JSON.parse(clients.lastWords.split('\n').at(-1)!) as typeof delays;
    }
    table.push([
      what,
      ...Object.values(delays),
      now_mb.toFixed(0),
      ...after.map((cpu_s, index) => ((cpu_s - before[index]!) / took_s).toFixed(2)),
    ]);
  } finally {
    if (clients?.isRunning) await clients.end('SIGKILL');
    await server.end('SIGTERM');
    await agent.end('SIGTERM');
    await client.command({ query: `DROP DATABASE ${database}` });
  }
}
