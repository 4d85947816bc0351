import assert from 'node:assert/strict';
import { request } from 'node:https';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { startServer } from '../../src/serve/server.ts';
import { startApi } from '../support/api.ts';
import { clickhouseSettings } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { sha256 } from '../support/sha256.ts';

test('afterlog token makes one that the server takes for what it was made for', async (t) => {
  const made = await afterlog(['token', '--workspace', 'team-a', '--scope', 'read,erase', '--json']);
  const { token, setting } = JSON.parse(String(made.stdout)) as { token: string; setting: string };
  assert.equal(setting, `${sha256(token)}:team-a:read+erase`);
  const named = await afterlog(['token', '--name', 'alice', '--json']);
  assert.match((JSON.parse(String(named.stdout)) as { setting: string }).setting, /^[0-9a-f]{64}:::alice$/);
  const plain = await afterlog(['token']);
  const other = String(plain.stdout).trim();
  assert.match(plain.stderr, new RegExp(`AFTERLOG_TOKENS=${sha256(other)}\n`));
  const api = await startApi(t, { tokens: `${setting},${sha256(other)}` });
  const get = async (path: string, given: string): Promise<number> =>
    (await fetch(api.address + path, { headers: { Authorization: `Bearer ${given}` } })).status;
  assert.equal(await get('/v1/sandboxes', token), 200);
  assert.equal(await get('/metrics', token), 403);
  assert.equal(await get('/metrics', other), 200);
  assert.equal(await get('/v1/sandboxes', 'afterlog_nonsense'), 401);
  assert.equal((await afterlog(['token', '--scope', 'write'])).code, 2);
  assert.equal((await afterlog(['token', '--workspace', 'a:b'])).code, 2);
});

test('a token without the scope of a route is refused there', async (t) => {
  const api = await startApi(t, { tokens: `${sha256('e')}::erase` });
  const headers = { Authorization: 'Bearer e' };
  for (const path of ['/v1/sandboxes', '/v1/sandboxes/x', '/v1/sandboxes/x/logs', '/metrics']) {
    const response = await fetch(api.address + path, { headers });
    const { code } = (await response.json()) as { code: string };
    assert.deepEqual([response.status, code], [403, 'SCOPE_MISSING'], path);
  }
});

test('other methods and bodies are refused; answers are not kept, guessed at, framed or run', async (t) => {
  const api = await startApi(t);
  const post = await fetch(`${api.address}/v1/sandboxes`, { method: 'POST' });
  assert.deepEqual([post.status, post.headers.get('Allow')], [405, 'GET, HEAD']);
  const body = await fetch(`${api.address}/v1/sandboxes`, { method: 'POST', body: 'x'.repeat(100_000) });
  assert.equal(body.status, 413);
  assert.equal((await fetch(`${api.address}/v1/sandboxes`, { method: 'HEAD' })).status, 200);
  const response = await fetch(`${api.address}/v1/sandboxes`);
  assert.equal(response.headers.get('Cache-Control'), 'no-store');
  assert.equal(response.headers.get('X-Content-Type-Options'), 'nosniff');
  assert.match(response.headers.get('Content-Security-Policy')!, /default-src 'none'/);
  const long = await fetch(`${api.address}/v1/sandboxes/x/logs?q=${'x'.repeat(20_000)}`);
  assert.deepEqual([long.status, ((await long.json()) as { code: string }).code], [431, 'HEADERS_TOO_LARGE']);
});

test('with a certificate it is https; a wrong one is named', async (t) => {
  const [cert, key] = ['cert', 'key'].map((what) =>
    join(import.meta.dirname, `../support/tls/test-only.${what}.pem`),
  );
  const settings = await clickhouseSettings(t, { tlsCertFile: cert, tlsKeyFile: key });
  const server = await startServer(settings);
  t.after(() => server.stop());
  assert.match(server.address, /^https:/);
  const answer = await new Promise<string>((resolve, reject) => {
    request(`${server.address}/healthz`, { rejectUnauthorized: false, agent: false }, (response) => {
      text(response).then(resolve, reject);
    })
      .on('error', reject)
      .end();
  });
  assert.equal(answer, '{"status":"ok"}');
  for (const wrong of [
    { tlsCertFile: cert },
    { tlsCertFile: key, tlsKeyFile: key },
    { tlsCertFile: '/no', tlsKeyFile: key },
  ]) {
    await assert.rejects(startServer(await clickhouseSettings(t, wrong)), { code: 'SETTING_INVALID' });
  }
});
