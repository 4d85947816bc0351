/**
 * What followers cost the server, and how long a line takes from its write to them: 1,000 followers of one sandbox, and
 * one of each of 1,000, beside the same without any.
 *
 *   node bench/followers.ts [--followers 1000] [--sandboxes 1000] [--rate 10000] [--one-rate 50] [--seconds 15]
 *
 * Needs no Kafka: an agent in direct mode, a ClickHouse, a server, the writer and the followers share this machine. Lines
 * carry the time of their write. `--one-rate`: lines a second of the one sandbox that all follow.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { createClient } from '@clickhouse/client';
import { freePort } from '../src/child_process.ts';
import { startEmbedded } from '../src/store/embedded.ts';
import { migrate } from '../src/store/migrate.ts';
import { cpuSeconds, memoryOf, printTable, reached, Script } from './process.ts';

const { values } = parseArgs({
  options: {
    followers: { type: 'string', default: '1000' },
    sandboxes: { type: 'string', default: '1000' },
    rate: { type: 'string', default: '10000' },
    'one-rate': { type: 'string', default: '50' },
    seconds: { type: 'string', default: '15' },
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
  ['', 'lines got', 'p50 ms', 'p99 ms', 'max ms', 'server CPU-s/s', 'server MB', 'ClickHouse CPU-s/s'],
];
try {
  await measure(
    `${sandboxes} sandboxes × ${rate / sandboxes} lines/s, nobody follows`,
    sandboxes,
    rate,
    () => [],
  );
  await measure(`one follower of each of ${sandboxes}`, sandboxes, rate, (names) => names);
  await measure(`${followers} followers of one, ${one_rate} lines/s`, 1, one_rate, ([name]) =>
    Array.from({ length: followers }, () => name!),
  );
  printTable(table);
} finally {
  await client.close();
  await clickhouse.stop();
  rmSync(dir, { recursive: true, force: true });
}

async function measure(
  what: string,
  count: number,
  lines_s: number,
  followed: (names: string[]) => string[],
): Promise<void> {
  const database = `bench_${table.length}`;
  await migrate(client, database);
  const data_dir = join(dir, database);
  const vms = join(data_dir, 'vms');
  const names = Array.from({ length: count }, (_, index) => `sb-${index}`);
  for (const name of names) {
    mkdirSync(join(vms, name), { recursive: true });
    writeFileSync(join(vms, name, 'console.log'), 'a first line\n');
  }
  const listen = `127.0.0.1:${await freePort()}`;
  const environment = {
    ...process.env,
    AFTERLOG_DATA_DIR: data_dir,
    AFTERLOG_KAFKA_BROKERS: '',
    AFTERLOG_CLICKHOUSE_URL: clickhouse.url,
    AFTERLOG_CLICKHOUSE_DATABASE: database,
    AFTERLOG_LISTEN: listen,
    AFTERLOG_AGENT_LISTEN: '127.0.0.1:0',
    AFTERLOG_LOG_LEVEL: 'warn',
  };
  const [agent, server] = ['agent', 'server'].map(
    (role) => new Script('../src/cli/main.ts', [role], environment),
  ) as [Script, Script];
  const delays: number[] = [];
  const streams: { destroy(): void }[] = [];
  try {
    await reached('the first lines', async () => {
      const query = `SELECT uniqExact(sandbox_id) AS n FROM ${database}.console_logs`;
      const [row] = await (await client.query({ query, format: 'JSONEachRow' })).json<{ n: string }>();
      return Number(row!.n) === count;
    });
    await reached('the server', () =>
      fetch(`http://${listen}/healthz`).then(
        (r) => r.ok,
        () => false,
      ),
    );
    let opened = 0;
    let from_ms = Number.POSITIVE_INFINITY;
    for (const name of followed(names)) {
      streams.push(
        request(
          `http://${listen}/v1/sandboxes/${name}/logs?follow=1&tail=0`,
          { agent: false },
          (response) => {
            opened++;
            response.setEncoding('utf8').on('error', () => {});
            response.on('data', (text: string) => {
              const now_ms = performance.timeOrigin + performance.now();
              for (const [, at] of text.matchAll(/written (\d+)\n/g)) {
                const written_ms = Number(at) / 1_000;
                if (written_ms >= from_ms) delays.push(now_ms - written_ms);
              }
            });
          },
        )
          .on('error', () => {})
          .end(),
      );
    }
    await reached('the followers', () => opened === streams.length);
    const writer = new Script('steady_lines.ts', [
      vms,
      String(count),
      String(lines_s / count),
      String(seconds + WARM_S),
    ]);
    await sleep(WARM_S * 1_000);
    from_ms = performance.timeOrigin + performance.now();
    const before = [cpuSeconds(server.pid), cpuSeconds(clickhouse.pid)];
    await sleep(seconds * 1_000 - 500);
    const after = [cpuSeconds(server.pid), cpuSeconds(clickhouse.pid)];
    const took_s = (performance.timeOrigin + performance.now() - from_ms) / 1_000;
    const { now_mb } = memoryOf(server.pid);
    await writer.result();
    await sleep(1_500);
    delays.sort((a, b) => a - b);
    const at = (share: number): string =>
      (delays[Math.ceil(delays.length * share) - 1] ?? Number.NaN).toFixed(0);
    table.push([
      what,
      delays.length,
      at(0.5),
      at(0.99),
      at(1),
      ((after[0]! - before[0]!) / took_s).toFixed(2),
      now_mb.toFixed(0),
      ((after[1]! - before[1]!) / took_s).toFixed(2),
    ]);
  } finally {
    for (const stream of streams) stream.destroy();
    await server.end('SIGTERM');
    await agent.end('SIGTERM');
    await client.command({ query: `DROP DATABASE ${database}` });
  }
}
