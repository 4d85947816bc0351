import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { httpStatusOf } from '../../../src/base/errors.ts';
import { loadSettings } from '../../../src/config/settings.ts';
import { type Caller, createAuth } from '../../../src/serve/http/auth.ts';
import { eventsOf, startApi, take } from '../../support/api.ts';
import { insertRows, rowsOfFile } from '../../support/rows.ts';
import { sha256 } from '../../support/sha256.ts';

const local: Caller = {
  authorization: undefined,
  peer: '127.0.0.1',
  host: 'localhost:8600',
  forwarded: false,
};
const statusFor = (tokens: string[], caller: Partial<Caller>): number => {
  const verdict = createAuth(tokens)({ ...local, ...caller });
  return 'code' in verdict ? httpStatusOf(verdict.code) : 200;
};

test('without tokens only this machine is served', () => {
  for (const peer of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
    assert.equal(statusFor([], { peer }), 200, `${peer}`);
  }
  for (const peer of ['10.0.0.1', '::ffff:10.0.0.1', '127.evil.example', '1270.0.0.1', '', undefined]) {
    assert.equal(statusFor([], { peer }), 403, `${peer}`);
  }
  for (const host of ['localhost', '127.0.0.1:8600', '[::1]:8600'])
    assert.equal(statusFor([], { host }), 200);
  // A page that had its own name resolved to this machine, and a proxy that works for others.
  for (const host of ['evil.example', '127.0.0.1.evil.example:8600', undefined]) {
    assert.equal(statusFor([], { host }), 403, `${host}`);
  }
  assert.equal(statusFor([], { forwarded: true }), 403);
});

test('with tokens one of them is needed, from everywhere', () => {
  const tokens = [sha256('secret'), `${sha256('other')}:team-a`];
  for (const authorization of [
    undefined,
    '',
    'Bearer',
    'Basic c2VjcmV0',
    'Bearer wrong',
    `Bearer ${sha256('secret')}`,
  ]) {
    assert.equal(statusFor(tokens, { authorization }), 401, `${authorization}`);
  }
  for (const authorization of ['Bearer secret', 'bearer other']) {
    assert.equal(statusFor(tokens, { authorization, peer: '10.0.0.1', host: 'logs.example' }), 200);
  }
});

test('a token may do what its scopes say, and without any it may read', () => {
  for (const [given, allowed] of [
    ['', 'read'],
    [':w', 'read'],
    ['::erase', 'erase'],
    [':w:read+erase', 'read+erase'],
    ['::admin', 'read+erase+admin'],
    ['::write', ''],
  ] as const) {
    const verdict = createAuth([sha256('t') + given])({ ...local, authorization: 'Bearer t' });
    assert.ok('access' in verdict);
    assert.equal([...verdict.access.scopes].join('+'), allowed, given);
  }
});

test('a token in place of its hash is refused, and not repeated', () => {
  assert.throws(
    () => loadSettings({ tokens: 'hunter2' }, {}),
    (error: Error) => {
      assert.equal((error as Error & { code: string }).code, 'SETTING_INVALID');
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    },
  );
});

test('every address but the probes needs the token, and a workspace’s token sees its own rows only', async (t) => {
  const api = await startApi(t, { tokens: `${sha256('all')},${sha256('a')}:team-a` });
  await insertRows(api.client, api.database, [
    ...rowsOfFile('mine', Buffer.from('m\n'), { workspace: 'team-a' }),
    ...rowsOfFile('theirs', Buffer.from('t\n'), { workspace: 'team-b' }),
  ]);
  const get = (path: string, token?: string) =>
    fetch(`${api.address}${path}`, { headers: token ? { Authorization: `Bearer ${token}` } : {} });
  const expected: Record<string, [number, number, number]> = {
    '/healthz': [200, 200, 200],
    '/readyz': [200, 200, 200],
    '/metrics': [401, 200, 403],
    '/v1/sandboxes': [401, 200, 200],
    '/v1/sandboxes/mine': [401, 200, 200],
    '/v1/sandboxes/theirs': [401, 200, 404],
    '/v1/sandboxes/mine/logs': [401, 200, 200],
    '/v1/sandboxes/theirs/logs': [401, 200, 404],
    '/v1/sandboxes/theirs/logs?tail=0': [401, 200, 404],
    '/nothing': [401, 404, 404],
  };
  for (const [path, statuses] of Object.entries(expected)) {
    for (const [index, token] of [undefined, 'all', 'a'].entries()) {
      const response = await get(path, token);
      assert.equal(response.status, statuses[index], `${path} with ${token}`);
      assert.equal(response.headers.get('X-Content-Type-Options'), 'nosniff');
      const body = await response.text();
      if (response.status >= 400) assert.equal(typeof JSON.parse(body).error, 'string');
      if (response.status === 401) assert.equal(response.headers.get('WWW-Authenticate'), 'Bearer');
    }
  }
  const listed = (await (await get('/v1/sandboxes', 'a')).json()) as { sandboxes: { id: string }[] };
  assert.deepEqual(
    listed.sandboxes.map(({ id }) => id),
    ['mine'],
  );
  assert.equal((await get('/v1/sandboxes/theirs/logs?follow=1', 'a')).status, 404);
  const followed = await get('/v1/sandboxes/mine/logs?follow=1', 'a');
  const events = eventsOf(followed);
  assert.equal((await take(events, 1))[0]!.data, 'm');
  await events.return(undefined);
});

test('a foreign Host header on loopback is refused by the server itself', async (t) => {
  const { address } = await startApi(t);
  const status = await new Promise<number>((resolve, reject) => {
    request(`${address}/v1/sandboxes`, { headers: { Host: 'evil.example' } }, (response) => {
      response.resume();
      resolve(response.statusCode!);
    })
      .on('error', reject)
      .end();
  });
  assert.equal(status, 403);
});
