import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadSettings } from '../../src/config/settings.ts';
import { connect, resolveClickHouse } from '../../src/store/client.ts';
import { findUp, recordUp } from '../../src/store/up_record.ts';
import { clickhouseUrl } from '../support/clickhouse.ts';
import { temporaryDir } from '../support/temporary.ts';

const record = {
  url: 'http://127.0.0.1:4567',
  username: 'afterlog',
  password: 'secret',
  pid: process.pid,
  listen: '127.0.0.1:8600',
};

test('the address set by hand wins over the one recorded by a running up', async (t) => {
  const { settings } = await home(t);
  assert.equal(resolveClickHouse(settings).url, 'http://127.0.0.1:8123');
  const forget = recordUp(settings, record);
  assert.equal(resolveClickHouse(settings).url, record.url);
  const byHand = { ...settings, clickhouse: { ...settings.clickhouse, url: 'http://127.0.0.1:9' } };
  assert.equal(resolveClickHouse(byHand).url, 'http://127.0.0.1:9');
  forget();
  assert.equal(resolveClickHouse(settings).url, 'http://127.0.0.1:8123');
});

test('a command with another state dir finds the up of the same user', async (t) => {
  const { settings } = await home(t);
  recordUp(settings, record);
  const elsewhere = { ...settings, state_dir: join(settings.state_dir, 'other') };
  assert.deepEqual(findUp(elsewhere), record);
});

test('a record of a process that has ended, or that is cut, does not count', async (t) => {
  const { settings, path } = await home(t);
  const ended = spawnSync(process.execPath, ['-e', '']).pid;
  recordUp(settings, { ...record, pid: ended });
  assert.ok(existsSync(path));
  assert.equal(findUp(settings), null);
  await writeFile(path, '{"url":"http://127');
  assert.equal(findUp(settings), null);
});

test('a record of another process that had the same pid does not count, and no copy of the password stays', async (t) => {
  const { settings, path } = await home(t);
  await mkdir(settings.state_dir, { recursive: true });
  const unfinished = `${path}.0123456789ab.tmp`;
  await writeFile(unfinished, 'a password');
  recordUp(settings, record);
  assert.equal(existsSync(unfinished), false);
  const written = JSON.parse(await readFile(path, 'utf8'));
  const elsewhere = { ...settings, state_dir: join(settings.state_dir, 'other') };
  for (const one of [path, join(process.env.XDG_CACHE_HOME!, 'afterlog', 'up.json')])
    await writeFile(one, JSON.stringify({ ...written, started: '1' }));
  assert.deepEqual([findUp(settings), findUp(elsewhere)], [null, null]);
});

test('an up that ends leaves the record of another one', async (t) => {
  const { settings } = await home(t);
  const forget = recordUp(settings, { ...record, pid: 1 });
  recordUp(settings, record);
  forget();
  assert.deepEqual(findUp(settings), record);
});

test('user and password come with the address: from the settings, from it, or from up', async (t) => {
  const { settings } = await home(t);
  const resolved = (clickhouse: Partial<typeof settings.clickhouse>) =>
    resolveClickHouse({ ...settings, clickhouse: { ...settings.clickhouse, ...clickhouse } });
  const nobodys = { url: 'http://127.0.0.1:8123', username: 'default', password: '' };
  assert.deepEqual(resolved({}), nobodys);
  recordUp(settings, record);
  const { url, username, password } = record;
  assert.deepEqual(resolved({}), { url, username, password });
  // An analyst beside up, who does not get the password of up.
  assert.deepEqual(resolved({ username: 'me' }), { url, username: 'me', password: '' });
  // Another server does not get it either.
  assert.deepEqual(resolved({ url: 'http://other' }), { ...nobodys, url: 'http://other' });
  const login = { url: 'http://other/x', username: 'u@', password: 'p:' };
  assert.deepEqual(resolved({ url: 'http://u%40:p%3A@other/x', username: 'me' }), login);
});

test('a client made from settings reaches the server', async (t) => {
  const { settings } = await home(t);
  const client = connect({ ...settings, clickhouse: { ...settings.clickhouse, url: clickhouseUrl() } });
  t.after(() => client.close());
  assert.deepEqual(await (await client.query({ query: 'SELECT 1 AS one', format: 'JSONEachRow' })).json(), [
    { one: 1 },
  ]);
});

async function home(t: TestContext) {
  const dir = await temporaryDir(t);
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = join(dir, 'cache');
  t.after(() => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  });
  const settings = loadSettings({ dataDir: dir }, {});
  await mkdir(settings.state_dir, { recursive: true });
  return { settings, path: join(settings.state_dir, 'up.json') };
}
