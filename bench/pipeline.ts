/**
 * Measures the whole pipeline on the benchmark corpus: files → agent → Kafka → consumer → ClickHouse, with
 * each role in its own process, compared with `zstd -1` over the same files in the same run.
 *
 *   node bench/pipeline.ts [--bytes 512000000] [--sandboxes 64] [--dir DIR]
 *
 * Needs Java and Maven (for the broker) and zstd. Prints one table: CPU-seconds, peak memory, wall seconds.
 */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { startLocalKafka } from '../src/kafka/local_kafka.ts';
import { migrate } from '../src/store/care/migrate.ts';
import { startEmbedded } from '../src/store/embedded/embedded.ts';
import { cpuSeconds, zstdSeconds } from './process.ts';

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: '512000000' },
    sandboxes: { type: 'string', default: '64' },
    dir: { type: 'string' },
  },
});
const dir = values.dir ?? mkdtempSync(join(tmpdir(), 'afterlog-bench-'));
const here = import.meta.dirname;

interface Measured {
  cpu_s: number;
  peak_mb: number;
  wall_s: number;
  status: Record<string, number>;
}

const data = join(dir, 'data');
execFileSync(
  process.execPath,
  [join(here, 'corpus.ts'), data, '--bytes', values.bytes, '--sandboxes', values.sandboxes],
  {
    stdio: 'inherit',
  },
);
const files = readdirSync(join(data, 'vms')).map((id) => join(data, 'vms', id, 'console.log'));
const bytes = files.reduce((sum, file) => sum + statSync(file).size, 0);
const rows = Number(execFileSync('sh', ['-c', 'cat "$@" | wc -l', 'sh', ...files]).toString());

const kafka = await startLocalKafka({ dir: join(dir, 'kafka') });
const clickhouse = await startEmbedded({ dir: join(dir, 'clickhouse') });
const table: [string, Partial<Measured>][] = [];
try {
  const client = createClient({ url: clickhouse.url });
  await migrate(client, 'afterlog');
  const env = {
    ...process.env,
    AFTERLOG_DATA_DIR: data,
    AFTERLOG_KAFKA_BROKERS: kafka.broker,
    AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
    AFTERLOG_AGENT_LISTEN: '127.0.0.1:0',
    AFTERLOG_CONSUMER_LISTEN: '127.0.0.1:0',
    AFTERLOG_LOG_LEVEL: 'warn',
  };
  table.push(['zstd -1 of the files', { cpu_s: zstdSeconds(1, files) }]);
  const agent = await role('agent', bytes, env);
  table.push(['agent: files → Kafka', agent]);
  const before = cpuSeconds(clickhouse.pid);
  const consumer = await role('consumer', rows, env);
  table.push(['consumer: Kafka → ClickHouse', consumer]);
  table.push(['ClickHouse during it', { cpu_s: cpuSeconds(clickhouse.pid) - before }]);
  await client.command({ query: 'OPTIMIZE TABLE afterlog.console_logs FINAL' });
  table.push(['ClickHouse, with all merges', { cpu_s: cpuSeconds(clickhouse.pid) - before }]);
  const disk = await client.query({
    query: `SELECT sum(bytes_on_disk) AS disk, sum(rows) AS rows FROM system.parts WHERE active AND database = 'afterlog' AND table = 'console_logs'`,
    format: 'JSONEachRow',
  });
  const [stored] = await disk.json<{ disk: string; rows: string }>();
  await client.close();
  const packed = Number(
    execFileSync('sh', ['-c', 'cat "$@" | zstd -3 -c | wc -c', 'sh', ...files]).toString(),
  );
  console.log(
    `\n${rows} lines, ${bytes} bytes; ${agent.status.batches_delivered} batches, ${consumer.status.inserts} INSERTs`,
  );
  for (const [what, m] of table) {
    console.log(
      `${what.padEnd(30)} CPU ${m.cpu_s!.toFixed(2).padStart(6)} s   peak ${m.peak_mb?.toFixed(0).padStart(4) ?? '   –'} MB   wall ${m.wall_s?.toFixed(1).padStart(5) ?? '    –'} s`,
    );
  }
  console.log(
    `stored ${stored!.rows} rows in ${(Number(stored!.disk) / 1e6).toFixed(1)} MB; zstd -3 of the files ${(packed / 1e6).toFixed(1)} MB`,
  );
} finally {
  await kafka.stop();
  await clickhouse.stop();
  if (!values.dir) rmSync(dir, { recursive: true, force: true });
}

async function role(name: string, until: number, env: NodeJS.ProcessEnv): Promise<Measured> {
  const child = spawn(process.execPath, [join(here, 'role.ts'), name, String(until)], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
  });
  await new Promise((resolve) => child.on('close', resolve));
  return JSON.parse(output) as Measured;
}
