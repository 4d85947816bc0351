import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import type { Settings } from '../../src/config/settings.ts';
import type { ConsumerStatus } from '../../src/consume/consumer.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { makeBatch, type Wanted } from './batches.ts';
import { overrideLimits } from './limits.ts';
import { clickhouse, testSettings } from './servers.ts';

// A consumer in the process of a test stops in order. One that is only kept waiting must not count as dead, for it reads
// again then, and counts again.
overrideLimits({ consume: { session_ms: 60_000 } });

/** Batches `from` to `to` of an epoch. */
export const run = (epoch: number, from: number, to: number, more: Partial<Wanted> = {}) =>
  Array.from({ length: to - from + 1 }, (_, at) => makeBatch({ epoch, sequence: from + at, ...more }));

export interface Site {
  settings: Settings;
  client: ClickHouseClient;
  database: string;
}

/** Settings of an installation of the test's own, its database migrated. */
export async function site(t: TestContext, flags: Record<string, unknown> = {}): Promise<Site> {
  const settings = await testSettings(t, flags);
  const client = clickhouse(t);
  const { database } = settings.clickhouse;
  await migrate(client, database);
  return { settings, client, database };
}

/** A consumer as a real process, killed at the test's end at the latest. */
export function consumerProcess(
  t: TestContext,
  settings: Settings,
  env: Record<string, string> = {},
): ChildProcess {
  const script = new URL('./consumer_child.ts', import.meta.url).pathname;
  const started = spawn(process.execPath, [script, JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, AFTERLOG_LOG_LEVEL: 'fatal', ...env },
  });
  t.after(() => started.kill('SIGKILL'));
  return started;
}

/** What such a process tells of itself. */
export async function statusOf(consumer: ChildProcess): Promise<ConsumerStatus> {
  const told = once(consumer.stdout!, 'data');
  consumer.stdin!.write('status\n');
  return JSON.parse(String((await told)[0])) as ConsumerStatus;
}
