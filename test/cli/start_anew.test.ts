import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { limits } from '../../src/base/limits.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { until } from '../support/patience.ts';
import { afterlog, environmentOf, RoleProcess } from '../support/roles.ts';

/** A role of an installation with one sandbox of one line, in which `signal` is raised at a crash point. */
async function started(t: TestContext, args: string[], point: string, signal: string) {
  const port = await freePort();
  const one = await site(t, { agentListen: `127.0.0.1:${port}` });
  const env = environmentOf(one.settings);
  const folder = join(one.settings.data_dir, 'vms', 'sb-1');
  mkdirSync(folder, { recursive: true });
  const write = (text: string): void => appendFileSync(join(folder, 'console.log'), text);
  write('before the fault\n');
  const role = new RoleProcess(t, args, { ...env, TEST_CRASH_AT: point, TEST_CRASH_SIGNAL: signal });
  role.start();
  const messages = async (): Promise<string[]> => {
    const query = `SELECT message FROM ${one.database}.console_logs WHERE record = 'line' ORDER BY position`;
    return (await rowsOf<{ message: string }>(one.client, query)).map(({ message }) => message);
  };
  const told = (): string => role.output;
  return { ...one, env, role, write, messages, told, url: `http://127.0.0.1:${port}` };
}

test('an agent that meets an unforeseen exception logs its stack, counts it, and goes on from its spool', async (t) => {
  const { role, env, messages, write, told, url } = await started(t, ['agent'], 'sender.read', 'THROW');
  const { pid } = role;
  new RoleProcess(t, ['consumer'], env).start();
  await until(async () => (await messages()).length === 1, told);
  write('after it\n');
  await until(async () => (await messages()).length === 2, told);
  assert.deepEqual(await messages(), ['before the fault', 'after it']);
  assert.ok(role.isRunning && role.pid === pid);
  const faults = role.output.split('\n').filter((line) => line.includes('"ROLE_FAULT"'));
  assert.equal(faults.length, 1, told());
  const { level, stack } = JSON.parse(faults[0]!) as { level: number; stack: string };
  assert.equal(level, 50);
  assert.match(stack, /^Error: thrown at sender\.read\n +at .*crash_point\.ts/);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^afterlog_agent_unforeseen_faults 1$/m);
  assert.equal(await role.stop(), 0, 'it still stops in order');
});

test('a fault that repeats ends the agent with exit code 1', async (t) => {
  const { role, told } = await started(t, ['agent'], 'sender.read', 'THROW_AGAIN');
  await until(() => !role.isRunning, told);
  assert.equal(await role.stop(), 1);
  assert.equal(role.output.split('"ROLE_FAULT"').length - 1, limits.role.faults_max + 1, told());
});

test('`up` starts all of its parts anew, also if its ClickHouse ends', async (t) => {
  const { env, write, role: unused } = await started(t, ['--version'], 'none', 'THROW');
  await until(() => !unused.isRunning);
  const { AFTERLOG_CLICKHOUSE_URL: _url, ...own } = {
    ...env,
    AFTERLOG_KAFKA_BROKERS: '',
  } as NodeJS.ProcessEnv;
  const up = new RoleProcess(t, ['up'], { ...own, TEST_CRASH_AT: 'sender.read', TEST_CRASH_SIGNAL: 'THROW' });
  up.start();
  const { pid } = up;
  const isStored = async (text: string): Promise<void> =>
    until(
      async () => String((await afterlog(own, 'logs', 'sb-1', '--raw')).stdout) === text,
      () => up.output,
    );
  await isStored('before the fault\n');
  const [, clickhouse] = up.family();
  process.kill(clickhouse!, 'SIGABRT');
  write('after it\n');
  await isStored('before the fault\nafter it\n');
  assert.equal(up.pid, pid);
  assert.equal(up.output.split('"ROLE_FAULT"').length - 1, 2, up.output);
  assert.doesNotMatch(up.output, /stopping the other parts/);
  assert.equal(await up.stop(), 0, up.output);
});
