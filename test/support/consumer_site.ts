import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { TestContext } from 'node:test';
import type { Settings } from '../../src/config/settings.ts';
import type { ConsumerStatus } from '../../src/consume/consumer.ts';
import { migrated, type Site } from './clickhouse.ts';
import { testSettings } from './kafka.ts';
import { overrideLimits } from './limits.ts';

// A consumer in the process of a test stops cleanly. A slow one must not count as dead, because it would then
// read and count batches again.
overrideLimits({ consume: { session_ms: 60_000 } });

/** Settings of an installation of the test's own, its database migrated. */
export const site = async (t: TestContext, flags: Record<string, unknown> = {}): Promise<Site> =>
  migrated(t, await testSettings(t, flags));

/** A consumer in its own process, killed at the end of the test at the latest. */
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

/** The status of such a process. */
export async function statusOf(consumer: ChildProcess): Promise<ConsumerStatus> {
  const told = once(consumer.stdout!, 'data');
  consumer.stdin!.write('status\n');
  return JSON.parse(String((await told)[0])) as ConsumerStatus;
}
