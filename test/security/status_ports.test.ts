import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { defense, releasedRole, runReleased } from '../support/released.ts';
import type { RoleProcess } from '../support/roles.ts';
import { temporaryDir } from '../support/temporary.ts';

const TOKEN = 'the-token-of-all-agents';
const bearing = { Authorization: `Bearer ${TOKEN}` };

interface Answer {
  status: number;
  body: string;
}

/** Asks over a socket; null if nobody listens. */
async function ask(
  [host, port]: readonly [string, number],
  [method, path]: readonly [string, string],
  headers: Record<string, string> = {},
): Promise<Answer | null> {
  return await new Promise((resolve) => {
    const asked = request({ host, port, method, path, headers, agent: false }, (response) => {
      text(response).then(
        (body) => resolve({ status: response.statusCode!, body }),
        () => resolve(null),
      );
    });
    asked.on('error', () => resolve(null));
    asked.end();
  });
}

const health = ['GET', '/healthz'] as const;
const metrics = ['GET', '/metrics'] as const;
const flush = ['POST', '/flush/sb-1'] as const;

/** An agent with one sandbox. Its ClickHouse is a closed port. */
async function agentOn(t: TestContext, host: string, more: Record<string, string> = {}) {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms', 'sb-1'), { recursive: true });
  writeFileSync(join(dir, 'vms', 'sb-1', 'console.log'), 'a line\n');
  const port = await freePort();
  const environment = {
    AFTERLOG_DATA_DIR: dir,
    AFTERLOG_HOST: 'host-1',
    AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
    AFTERLOG_AGENT_LISTEN: `${host}:${port}`,
    ...more,
  };
  const agent = releasedRole(t, ['agent'], environment);
  agent.start();
  const at = ['127.0.0.1', port] as const;
  await startedOrEnded(agent, at);
  return { agent, at, port, environment };
}

async function startedOrEnded(role: RoleProcess, at: readonly [string, number]): Promise<void> {
  await until(
    async () => !role.isRunning || (await ask(at, health)) !== null,
    () => role.output,
  );
}

test('nobody on the network can ask an agent without a token anything', async (t) => {
  const { agent, port } = await agentOn(t, '0.0.0.0');
  const own = Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal);
  const from = own?.address ?? '127.0.0.1';
  for (const what of [health, metrics, flush]) {
    assert.equal(await ask([from, port], what), null, `${what} is answered on ${from}`);
  }
  await until(() => !agent.isRunning);
  assert.match(agent.output, /agent_listen.*AFTERLOG_AGENT_TOKEN.*SETTING_INVALID/s);
});

test('roles refuse to start where others could reach them without a token', async (t) => {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms'));
  for (const [role, variable] of [
    ['agent', 'AFTERLOG_AGENT_LISTEN'],
    ['consumer', 'AFTERLOG_CONSUMER_LISTEN'],
    ['up', 'AFTERLOG_AGENT_LISTEN'],
  ] as const) {
    const port = await freePort();
    const environment: Record<string, string> = {
      AFTERLOG_DATA_DIR: dir,
      AFTERLOG_KAFKA_BROKERS: NOWHERE,
      AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}`,
      [variable]: `[::]:${port}`,
    };
    const started = releasedRole(t, [role], environment);
    started.start();
    await startedOrEnded(started, ['127.0.0.1', port]);
    assert.equal(started.isRunning, false, `${role} serves everybody at [::]:${port}`);
    const ended = await runReleased([role], environment);
    assert.equal(ended.code, 2, ended.stderr);
    assert.match(ended.stderr, new RegExp(`${variable}.*AFTERLOG_AGENT_TOKEN`));
  }
});

test('without a token a web page and a proxy of this machine are refused', async (t) => {
  const { at } = await agentOn(t, '127.0.0.1');
  for (const headers of [
    { Host: 'rebound.evil.example' },
    { Origin: 'http://evil.example' },
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'X-Forwarded-For': '203.0.113.7' },
  ] as Record<string, string>[]) {
    const shown = JSON.stringify(headers);
    for (const what of [metrics, flush]) {
      assert.equal((await ask(at, what, headers))!.status, 403, `${what} with ${shown}`);
    }
    const told = (await ask(at, health, headers))!.body;
    assert.deepEqual(Object.keys(JSON.parse(told)), ['status'], `${told} with ${shown}`);
  }
  assert.match((await ask(at, health))!.body, /"spool_bytes"/);
  assert.equal((await ask(at, flush))!.status, 200);
});

test('with a token every other process is told only whether the agent is well', async (t) => {
  const token = defense({ AFTERLOG_AGENT_TOKEN: TOKEN });
  const { at, environment } = await agentOn(t, '0.0.0.0', token);
  for (const headers of [{}, { Authorization: 'Bearer the-token-of-someone' }] as Record<string, string>[]) {
    for (const what of [metrics, flush]) {
      assert.equal((await ask(at, what, headers))!.status, 401, `${what} is answered without the token`);
    }
    const told = JSON.parse((await ask(at, health, headers))!.body) as object;
    assert.deepEqual(Object.keys(told), ['status']);
  }
  const elsewhere = { ...bearing, Host: 'agents.example', 'X-Forwarded-For': '203.0.113.7' };
  assert.match((await ask(at, health, elsewhere))!.body, /"spool_bytes"/);
  assert.match((await ask(at, metrics, elsewhere))!.body, /afterlog_agent_spool_bytes/);
  // The operator's command brings the token, and says what is wrong without it.
  const flushed = await runReleased(['flush', 'sb-1'], environment);
  assert.match(String(flushed.stdout), /console: durable: 7 bytes/);
  const refused = await runReleased(['flush', 'sb-1'], { ...environment, AFTERLOG_AGENT_TOKEN: '' });
  assert.match(refused.stderr, /\[AGENT_TOKEN_WRONG\]/);
});
