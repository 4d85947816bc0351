import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { httpStatusOf } from '../../../src/base/errors.ts';
import { loadSettings } from '../../../src/config/settings.ts';
import { Tokens } from '../../../src/serve/http/auth.ts';
import type { Asking } from '../../../src/serve/http/own_machine.ts';
import { eventsOf, startApi, take } from '../../support/api.ts';
import { insertRows, rowsOfFile } from '../../support/rows.ts';
import { sha256 } from '../../support/sha256.ts';

/** A request from this machine, except what `other` says. */
const asking = ({ peer = '127.0.0.1', headers = {}, httpVersion = '1.1' }: Other = {}): Asking => ({
  socket: { remoteAddress: peer },
  httpVersion,
  headers: { host: 'localhost:8600', ...headers },
});
interface Other {
  peer?: string;
  httpVersion?: string;
  headers?: Record<string, string>;
}
const statusFor = (tokens: string[], other: Other): number => {
  const verdict = new Tokens(tokens).check(asking(other));
  return 'code' in verdict ? httpStatusOf(verdict.code) : 200;
};

test('without tokens only this machine is served', () => {
  for (const peer of ['127.0.0.1', '127.8.9.10', '::1', '::ffff:127.0.0.1']) {
    assert.equal(statusFor([], { peer }), 200, `${peer}`);
  }
  for (const peer of ['10.0.0.1', '::ffff:10.0.0.1', '127.evil.example', '1270.0.0.1', '']) {
    assert.equal(statusFor([], { peer }), 403, `${peer}`);
  }
  for (const host of ['localhost', '127.0.0.1:8600', '[::1]:8600'])
    assert.equal(statusFor([], { headers: { host } }), 200);
  // A page that had its own name resolved to this machine.
  for (const host of ['evil.example', '127.0.0.1.evil.example:8600', '', '[localhost', 'localhost:8600:1']) {
    assert.equal(statusFor([], { headers: { host } }), 403, `${host}`);
  }
});

test('without tokens a request that a proxy, a CDN or a tunnel sends is somebody else’s', () => {
  const names = `forwarded via x-forwarded-for x-forwarded-host x-forwarded-proto x-forwarded-user x-forwarded-email
    x-forwarded-prefix x-real-ip x-client-ip x-cluster-client-ip true-client-ip fly-client-ip fastly-client-ip
    cf-connecting-ip cf-ray cf-ipcountry x-original-forwarded-for x-original-url x-original-host x-rewrite-url
    x-originating-ip x-remote-ip x-remote-addr remote-user x-envoy-external-address x-amzn-trace-id
    x-azure-clientip x-appengine-user-ip x-arr-log-id x-vercel-forwarded-for x-nf-client-connection-ip
    cloudfront-viewer-address tailscale-user-login x-proxyuser-ip x-varnish client-ip max-forwards proxy-authorization`;
  for (const name of names.split(/\s+/)) {
    assert.equal(statusFor([], { headers: { [name]: '' } }), 403, name);
    assert.equal(
      statusFor([sha256('t')], { headers: { [name]: 'x', authorization: 'Bearer t' } }),
      200,
      name,
    );
  }
  assert.equal(statusFor([], { httpVersion: '1.0' }), 403, 'as nginx asks');
  const usual = ['accept', 'user-agent', 'accept-encoding', 'connection', 'last-event-id', 'sec-fetch-mode'];
  for (const name of [...usual, 'cache-control', 'x-request-id', 'traceparent', 'cookie', 'dnt']) {
    assert.equal(statusFor([], { headers: { [name]: 'x' } }), 200, name);
  }
});

test('without tokens no page of another site may ask through the browser of this machine', () => {
  for (const [headers, status] of [
    [{ 'sec-fetch-site': 'cross-site' }, 403],
    [{ 'sec-fetch-site': 'same-site' }, 403],
    [{ 'sec-fetch-site': 'none' }, 200],
    [{ 'sec-fetch-site': 'same-origin' }, 200],
    [{ origin: 'http://evil.example' }, 403],
    [{ origin: 'http://localhost:3000' }, 403],
    [{ origin: 'null' }, 403],
    [{ origin: 'http://localhost:8600' }, 200],
  ] as [Record<string, string>, number][]) {
    assert.equal(statusFor([], { headers }), status, JSON.stringify(headers));
  }
});

test('with tokens one of them is needed, from everywhere', () => {
  const tokens = [sha256('secret'), `${sha256('other')}:team-a`];
  assert.equal(statusFor(tokens, {}), 401);
  for (const authorization of [
    '',
    'Bearer',
    'Basic c2VjcmV0',
    'Bearer wrong',
    `Bearer ${sha256('secret')}`,
  ]) {
    assert.equal(statusFor(tokens, { headers: { authorization } }), 401, `${authorization}`);
  }
  for (const authorization of ['Bearer secret', 'bearer other']) {
    const headers = { authorization, host: 'logs.example' };
    assert.equal(statusFor(tokens, { headers, peer: '10.0.0.1' }), 200);
  }
});

test('a token may do what its scopes say, and without any it may read; its name says who asks', () => {
  const hash = sha256('t').slice(0, 8);
  for (const [given, allowed, name] of [
    ['', 'read', hash],
    [':w', 'read', hash],
    ['::erase', 'erase', hash],
    [':w:read+erase', 'read+erase', hash],
    ['::admin', 'read+erase+admin', hash],
    ['::write', '', hash],
    [':w:read:alice@ops', 'read', 'alice@ops'],
    [':::bob', 'read', 'bob'],
  ] as const) {
    const verdict = new Tokens([sha256('t') + given]).check(
      asking({ headers: { authorization: 'Bearer t' } }),
    );
    assert.ok('party' in verdict);
    const { access } = verdict.party;
    assert.deepEqual([[...access.scopes].join('+'), access.caller], [allowed, name], given);
    assert.deepEqual(loadSettings({ tokens: sha256('t') + given }, {}).tokens, [sha256('t') + given]);
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
