import assert from 'node:assert/strict';
import { test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { addressFindings } from '../../src/doctor/addresses.ts';
import { serveStatus } from '../../src/serve/role_status.ts';

const shown = async (flags: Record<string, string>): Promise<string[]> =>
  (await addressFindings(loadSettings({ host: 'host-1', ...flags }, {}))).map(
    ({ level, check, roles }) => `${level} ${check} ${roles}`,
  );

test('an address that others reach without a token is an error of its role', async () => {
  assert.deepEqual(await shown({}), []);
  assert.deepEqual(await shown({ listen: '0.0.0.0:1', agentListen: '[::]:1', consumerListen: 'host:1' }), [
    'error listen server',
    'error agent_listen agent',
    'error consumer_listen consumer',
  ]);
  assert.deepEqual(await shown({ agentUrl: 'http://{host}:8601' }), ['warning agent_token agent,server']);
});

test('an agent that refuses the token is named, and one that takes it', async (t) => {
  const agentToken = 'the-token-of-all-agents';
  const address = `127.0.0.1:${await freePort()}`;
  assert.deepEqual(await shown({ agentListen: address, agentToken }), [], 'nobody answers');
  const options = { address, agent_token: agentToken, host: 'host-1', agent: null };
  const status = await serveStatus('agent', () => ({}), options);
  t.after(() => status.close());
  assert.deepEqual(await shown({ agentListen: address, agentToken }), ['ok agent_token agent,server']);
  status.useToken('another-token-of-all');
  assert.deepEqual(await shown({ agentListen: address, agentToken }), ['warning agent_token agent,server']);
});
