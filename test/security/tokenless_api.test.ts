import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { type TestContext, test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { releasedRole, runReleased } from '../support/released.ts';
import { sha256 } from '../support/sha256.ts';

// ClickHouse does not answer: whoever is let through gets 503.
const LET_THROUGH = 503;
const REFUSED = 403;
const store = { AFTERLOG_CLICKHOUSE_URL: `http://${NOWHERE}` };

async function serverOn(t: TestContext, host: string, more: Record<string, string> = {}) {
  const port = await freePort();
  const server = releasedRole(t, ['server'], { ...store, AFTERLOG_LISTEN: `${host}:${port}`, ...more });
  server.start();
  await until(
    async () => !server.isRunning || (await ask(port, {}, 'GET', '/healthz')) === 200,
    () => server.output,
  );
  return { server, port };
}

async function ask(
  port: number,
  headers: Record<string, string>,
  method = 'GET',
  path = '/v1/sandboxes',
): Promise<number | null> {
  return await new Promise((resolve) => {
    const asked = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (response) => {
      response.resume().on('close', () => resolve(response.statusCode!));
    });
    asked.on('error', () => resolve(null)).end();
  });
}

test('a reverse proxy of this machine gets nothing for others, whatever header it adds', async (t) => {
  const { port } = await serverOn(t, '127.0.0.1');
  assert.equal(await ask(port, {}), LET_THROUGH);
  for (const name of [
    ...['Forwarded', 'X-Forwarded-For', 'X-Forwarded-Host', 'X-Forwarded-Proto', 'X-Forwarded-User', 'Via'],
    ...['X-Real-IP', 'X-Client-IP', 'True-Client-IP', 'CF-Connecting-IP', 'CF-Ray', 'Fly-Client-IP'],
    ...['X-Original-URL', 'X-Original-Forwarded-For', 'X-Envoy-External-Address', 'Tailscale-User-Login'],
  ]) {
    // A proxy, in its own process or not, that adds this header and hides the rest.
    const proxy = createServer((asked, answer) => {
      const headers = { Host: `127.0.0.1:${port}`, [name]: '203.0.113.7' };
      const on = request({ host: '127.0.0.1', port, path: asked.url, headers, agent: false }, (got) => {
        answer.writeHead(got.statusCode!);
        got.pipe(answer);
      });
      on.end();
    });
    await new Promise<void>((done) => proxy.listen(0, '127.0.0.1', done));
    t.after(() => proxy.close());
    const { port: outside } = proxy.address() as { port: number };
    assert.equal(await ask(outside, { Host: 'logs.example' }), REFUSED, `${name} hides somebody else`);
  }
});

test('a proxy that adds no header is known by its HTTP/1.0, as nginx speaks it', async (t) => {
  const { port } = await serverOn(t, '127.0.0.1');
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /v1/sandboxes HTTP/1.0\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n');
  assert.match(await text(socket), /^HTTP\/1\.1 403 /);
});

test('a web page in a browser of this machine reads and erases nothing', async (t) => {
  const { port } = await serverOn(t, '127.0.0.1');
  for (const headers of [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { Origin: 'http://evil.example' },
    { Origin: 'null' },
    { Host: 'rebound.evil.example' },
  ] as Record<string, string>[]) {
    for (const [method, path] of [
      ['GET', '/v1/sandboxes'],
      ['GET', '/v1/sandboxes/x/logs?follow=1'],
      ['DELETE', '/v1/sandboxes/x/logs'],
    ] as const) {
      assert.equal(await ask(port, headers, method, path), REFUSED, `${method} ${JSON.stringify(headers)}`);
    }
  }
});

test('without tokens a server does not start where others reach it', async (t) => {
  for (const host of ['0.0.0.0', '[::]']) {
    const { server, port } = await serverOn(t, host);
    assert.equal(server.isRunning, false, `it listens on ${host}:${port}`);
    const environment = { ...store, AFTERLOG_LISTEN: `${host}:${port}` };
    for (const role of ['server', 'up']) {
      const ended = await runReleased([role], environment);
      assert.equal(ended.code, 2, ended.stderr);
      assert.match(ended.stderr, /Setting listen \(AFTERLOG_LISTEN\).*tokens \(AFTERLOG_TOKENS\)/);
    }
  }
  const { server } = await serverOn(t, '0.0.0.0', { AFTERLOG_TOKENS: sha256('key') });
  assert.equal(server.isRunning, true, server.output);
});

test('whoever has no token learns from the probes only yes or no', async (t) => {
  const { port } = await serverOn(t, '127.0.0.1', { AFTERLOG_TOKENS: sha256('key') });
  const ready = async (headers: Record<string, string>): Promise<string> =>
    await (await fetch(`http://127.0.0.1:${port}/readyz`, { headers })).text();
  assert.equal(await ready({}), '{"status":"not ready"}');
  assert.match(await ready({ Authorization: 'Bearer key' }), /CLICKHOUSE_UNREACHABLE/);
});
