import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Client, Sandbox } from '@pandastack/sdk';
import { clientLines as lines } from '../support/client_lines.ts';
import { startHost } from '../support/host.ts';
import { until } from '../support/patience.ts';

/** A host, and the runtime’s own client of its server. */
async function startWithClient(t: TestContext) {
  const host = await startHost(t);
  const client = new Client({ apiUrl: host.address, apiKey: 'key' });
  const start = (id: string) => {
    host.start(id);
    return Sandbox.fromInfo({ id } as Parameters<typeof Sandbox.fromInfo>[0], client);
  };
  return { ...host, start };
}

async function all(of: AsyncGenerator<string>): Promise<string[]> {
  const got: string[] = [];
  for await (const line of of) got.push(line);
  return got;
}

test('the runtime’s client, unchanged: a snapshot while the sandbox lives, right after it is deleted, and later', async (t) => {
  const { start, write, remove } = await startWithClient(t);
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
  const { start, write, remove } = await startWithClient(t);
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

test('the runtime’s client, unchanged: a follower gets a prompt while nobody answers it, and its rest once', async (t) => {
  const { start, prompt, write, remove } = await startWithClient(t);
  const sandbox = start('sb');
  prompt('sb', 'boots\nlogin: ');
  await until(async () => (await all(sandbox.logs())).join('|') === 'boots|login: ');
  const got: string[] = [];
  const following = (async () => {
    for await (const line of sandbox.logs({ follow: true })) got.push(line);
  })();
  await until(() => got.length === 2);
  write('sb', ['root', 'in']);
  await until(() => got.length === 4);
  remove('sb');
  await following;
  assert.deepEqual(got.slice(0, -1), ['boots', 'login: ', 'root', 'in']);
  assert.deepEqual(await all(sandbox.logs()), ['boots', 'login: root', 'in']);
});
