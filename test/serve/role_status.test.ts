import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { agentTokenOf } from '../../src/base/agent_token.ts';
import { freePort } from '../../src/base/child_process.ts';
import type { AfterlogError } from '../../src/base/errors.ts';
import { withStatus } from '../../src/cli/role.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { type RoleStatus, serveStatus } from '../../src/serve/role_status.ts';

/** Serves a status until the test ends. */
async function served(
  t: TestContext,
  address: string,
  more: { role?: string; told?: () => object; agent_token?: string } = {},
): Promise<RoleStatus> {
  const { role = 'agent', told = status, agent_token } = more;
  const options = { address, agent_token, host: 'host-1', agent };
  const one = await serveStatus(role, told, options);
  t.after(() => one.close());
  return one;
}

const agent = { flush: async (id: string) => ({ flushed: id }) };
const status = () => ({ lines: 7, lag: null, paused: 'waiting for Kafka', last_error: 'x' });

test('a role’s numbers are metrics, and its whole status is its health', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  await served(t, address);
  const metrics = await (await fetch(`http://${address}/metrics`)).text();
  assert.match(metrics, /^afterlog_agent_lines 7$/m);
  assert.match(metrics, /^afterlog_agent_paused 1$/m);
  assert.match(metrics, /^process_cpu_seconds_total /m);
  assert.deepEqual(await (await fetch(`http://${address}/healthz`)).json(), {
    status: 'waiting',
    ...status(),
    unforeseen_faults: 0,
  });
  assert.equal((await fetch(`http://${address}/`)).status, 404);
});

test('the lag of each partition is a metric, of those that the role has now', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  const lags = (...some: (number | null)[]) =>
    some.map((lag, partition) => ({ topic: 'sandbox-logs', partition, lag }));
  let partitions = lags(0, 1_204, null);
  await served(t, address, { role: 'consumer', told: () => ({ lag: null, partitions, last_error: null }) });
  const told = async (): Promise<string[]> => {
    const text = await (await fetch(`http://${address}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith('afterlog_consumer_'));
  };
  const metric = 'afterlog_consumer_partition_lag{topic="sandbox-logs",partition=';
  assert.deepEqual(await told(), [
    'afterlog_consumer_lag Nan',
    'afterlog_consumer_unforeseen_faults 0',
    ...[`${metric}"0"} 0`, `${metric}"1"} 1204`, `${metric}"2"} Nan`],
  ]);
  partitions = lags(7);
  assert.deepEqual(await told(), [
    'afterlog_consumer_lag Nan',
    'afterlog_consumer_unforeseen_faults 0',
    `${metric}"0"} 7`,
  ]);
});

test('an address that is taken does not keep a role from its work', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  await served(t, address);
  await served(t, address, { role: 'consumer' });
  assert.match(await (await fetch(`http://${address}/metrics`)).text(), /afterlog_agent_lines/);
});

test('a role whose status cannot be served at all is stopped', async () => {
  let stopped = 0;
  const stop = async (): Promise<void> => void stopped++;
  const start = async () => ({ status, stop });
  const settings = { ...loadSettings({}, {}), agent_listen: '127.0.0.1:70000' };
  await assert.rejects(withStatus('agent', settings, start), { code: 'ERR_SOCKET_BAD_PORT' });
  assert.equal(stopped, 1);
});

const TOKEN = 'a token of sixteen'.replaceAll(' ', '-');
const ask = async (address: string, path: string, headers: Record<string, string> = {}) => {
  const method = path.startsWith('/flush') ? 'POST' : 'GET';
  // Not fetch: it sends no Host of one's own.
  return await new Promise<{ status: number; body: string }>((resolve, reject) => {
    request(`http://${address}${path}`, { method, headers }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode!, body }), reject);
    })
      .on('error', reject)
      .end();
  });
};

test('with a token, the figures and the flush need it, and the health says only whether all is well', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  await served(t, address, { agent_token: TOKEN });
  const bearing = (token: string) => ({ Authorization: `Bearer ${token}` });
  for (const headers of [{}, bearing('wrong'), bearing(agentTokenOf(TOKEN, 'host-2'))]) {
    const health = await ask(address, '/healthz', headers);
    assert.deepEqual([health.status, health.body], [200, '{"status":"waiting"}\n']);
    for (const path of ['/metrics', '/flush/x', '/nothing', '/healthz?x', '//healthz']) {
      const refused = await ask(address, path, headers);
      assert.deepEqual([refused.status, JSON.parse(refused.body).code], [401, 'AGENT_TOKEN_WRONG'], path);
    }
  }
  for (const token of [TOKEN, agentTokenOf(TOKEN, 'host-1')]) {
    const headers = { Host: 'anything.example', Forwarded: 'for=10.0.0.1', ...bearing(token) };
    assert.match((await ask(address, '/healthz', headers)).body, /"lines":7/);
    assert.match((await ask(address, '/metrics', headers)).body, /afterlog_agent_lines 7/);
    assert.match((await ask(address, '/flush/x', headers)).body, /"flushed":"x"/);
  }
});

test('without a token only this machine is told and obeyed', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  await served(t, address);
  for (const headers of [{ Host: 'evil.example' }, { Via: '1.1 proxy' }, { Origin: 'http://evil.example' }]) {
    assert.equal((await ask(address, '/healthz', headers)).body, '{"status":"waiting"}\n');
    for (const path of ['/metrics', '/flush/x']) {
      const refused = await ask(address, path, headers);
      assert.deepEqual([refused.status, JSON.parse(refused.body).code], [403, 'LOOPBACK_ONLY']);
    }
  }
  assert.match((await ask(address, '/flush/x')).body, /"flushed":"x"/);
});

test('a new token counts from now on, and the old one no longer', async (t) => {
  const address = `127.0.0.1:${await freePort()}`;
  const role = await served(t, address, { agent_token: TOKEN });
  const statusWith = async (token: string): Promise<number> =>
    (await ask(address, '/metrics', { Authorization: `Bearer ${token}` })).status;
  role.useToken('another-token-of-it');
  assert.equal(await statusWith(TOKEN), 401);
  assert.equal(await statusWith('another-token-of-it'), 200);
});

test('an address that others reach needs a token, whatever its form', async () => {
  const start = () => Promise.reject(new Error('it started'));
  const others = ['0.0.0.0:8601', '[::]:8601', ':::8601', '10.0.0.5:8601', 'host.example:8601', '0:8601'];
  for (const agent_listen of others) {
    const settings = { ...loadSettings({}, {}), agent_listen };
    await assert.rejects(withStatus('agent', settings, start), (error: AfterlogError) => {
      assert.equal(error.code, 'SETTING_INVALID');
      assert.match(error.message, /agent_listen \(AFTERLOG_AGENT_LISTEN\).*AFTERLOG_AGENT_TOKEN/);
      return true;
    });
    await assert.rejects(withStatus('agent', { ...settings, agent_token: TOKEN }, start), /it started/);
  }
  for (const agent_listen of [
    '127.0.0.1:1',
    '127.9.9.9:1',
    '[::1]:1',
    'localhost:1',
    '[::ffff:127.0.0.1]:1',
  ]) {
    await assert.rejects(withStatus('agent', { ...loadSettings({}, {}), agent_listen }, start), /it started/);
  }
});
