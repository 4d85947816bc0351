import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Client, Sandbox } from '@pandastack/sdk';
import { startAgent } from '../../src/agent.ts';
import { freePort } from '../../src/child_process.ts';
import { withStatus } from '../../src/cli/role.ts';
import { startServer } from '../../src/serve/server.ts';
import { migrate } from '../../src/store/migrate.ts';
import { sha256 } from '../support/api.ts';
import { PATIENCE_MS, until } from '../support/patience.ts';
import { clickhouse, testSettings } from '../support/servers.ts';

/** What must come back as it is, whatever a client makes of bare text. */
const lines = [
  '[    0.000000] Linux version 6.1.0',
  '',
  '42',
  '-1.5e3',
  'true',
  '"quoted"',
  '[1, 2]',
  'NaN',
  '{"level":"info","msg":"started"}',
  '{"line":"not this one"}',
  '{"error":"nor this"}',
  'downloading 10%\rdownloading 100%',
  '  File "app.py", line 3, in <module>',
  'ünïcode ✓ \u2028 and more',
  'event: end',
  'data: x',
];

/** A host with an agent and a server, and the runtime’s own client of that server. */
async function startHost(t: TestContext) {
  const settings = await testSettings(t, {
    kafkaBrokers: '',
    agentListen: `127.0.0.1:${await freePort()}`,
    tokens: sha256('key'),
  });
  await migrate(clickhouse(t), settings.clickhouse.database);
  const vms = join(settings.data_dir, 'vms');
  mkdirSync(vms);
  const agent = await withStatus('agent', settings.agent_listen, () => startAgent(settings));
  t.after(() => agent.stop());
  const server = await startServer(settings, { last_bytes_ms: PATIENCE_MS });
  t.after(() => server.stop());
  const client = new Client({ apiUrl: server.address, apiKey: 'key' });
  const start = (id: string) => {
    mkdirSync(join(vms, id));
    writeFileSync(join(vms, id, 'console.log'), '');
    return Sandbox.fromInfo({ id } as Parameters<typeof Sandbox.fromInfo>[0], client);
  };
  const write = (id: string, some: string[]): void =>
    appendFileSync(join(vms, id, 'console.log'), some.map((line) => `${line}\n`).join(''));
  const remove = (id: string): void => rmSync(join(vms, id), { recursive: true });
  return { start, write, remove };
}

async function all(of: AsyncGenerator<string>): Promise<string[]> {
  const got: string[] = [];
  for await (const line of of) got.push(line);
  return got;
}

test('the runtime’s client, unchanged: a snapshot while the sandbox lives, right after it is deleted, and later', async (t) => {
  const { start, write, remove } = await startHost(t);
  const sandbox = start('sb');
  write('sb', lines);
  // Nothing of it has been stored yet: the agent is asked.
  assert.deepEqual(await all(sandbox.logs()), lines);
  write('sb', ['more']);
  assert.deepEqual(await all(sandbox.logs({ stream: 'stdout' })), [...lines, 'more']);
  write('sb', ['the last words']);
  remove('sb');
  const whole = [...lines, 'more', 'the last words'];
  assert.deepEqual(await all(sandbox.logs({ follow: false })), whole);
  assert.deepEqual(await all(sandbox.logs()), whole);
});

test('the runtime’s client, unchanged: it follows until the sandbox is deleted', async (t) => {
  const { start, write, remove } = await startHost(t);
  const sandbox = start('sb');
  write('sb', lines.slice(0, 5));
  await all(sandbox.logs());
  const got: string[] = [];
  const following = (async () => {
    for await (const line of sandbox.logs({ follow: true })) got.push(line);
  })();
  await until(() => got.length === 5);
  write('sb', lines.slice(5));
  await until(() => got.length === lines.length);
  remove('sb');
  await following;
  assert.deepEqual(got.slice(0, -1), lines);
  assert.match(got.at(-1)!, /^── end: deleted, complete: \d+ bytes, 16 lines ──$/);
  // Afterwards too, from the store alone.
  assert.deepEqual(await all(sandbox.logs({ follow: true })), got);
});
