import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectSocket } from 'node:net';
import { test } from 'node:test';
import { startServer } from '../../src/serve/server.ts';
import { eventsOf, startApi } from '../support/api.ts';
import { clickhouseSettings } from '../support/clickhouse.ts';
import { collectLog } from '../support/log.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { insertRows, rowsOfFile, sealRow } from '../support/rows.ts';

test('without ClickHouse it starts, lives, is not ready, and says why; in the log once, however many ask', async (t) => {
  const said = collectLog(t);
  const settings = await clickhouseSettings(t, { clickhouseUrl: `http://${NOWHERE}` });
  const server = await startServer(settings);
  t.after(() => server.stop());
  assert.equal((await fetch(`${server.address}/healthz`)).status, 200);
  for (const path of ['/readyz', '/v1/sandboxes', '/v1/sandboxes/x', '/v1/sandboxes/x/logs?follow=1']) {
    const response = await fetch(server.address + path);
    assert.equal(response.status, 503, path);
    const { error, code } = (await response.json()) as { error: string; code: string };
    assert.equal(code, 'CLICKHOUSE_UNREACHABLE');
    assert.match(error, /ClickHouse does not answer/);
    assert.doesNotMatch(error, /127\.0\.0\.1/);
  }
  assert.equal(said.filter((line) => line.startsWith('warn')).length, 1);
  assert.match(said[0]!, /CLICKHOUSE_UNREACHABLE.*http:\/\/127\.0\.0\.1/);
});

test('a database that was not migrated is told apart', async (t) => {
  const server = await startServer(await clickhouseSettings(t));
  t.after(() => server.stop());
  const response = await fetch(`${server.address}/readyz`);
  assert.equal(response.status, 503);
  assert.equal(((await response.json()) as { code: string }).code, 'SCHEMA_BEHIND');
});

test('a taken address is PORT_IN_USE, a wrong one SETTING_INVALID', async (t) => {
  const api = await startApi(t);
  const listen = api.address.replace('http://', '');
  await assert.rejects(startServer(await clickhouseSettings(t, { listen })), { code: 'PORT_IN_USE' });
  await assert.rejects(startServer(await clickhouseSettings(t, { listen: '192.0.2.1:80' })), {
    code: 'SETTING_INVALID',
  });
});

test('sandboxes are listed with state, size and times, the last seen first', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    ...rowsOfFile('dead', Buffer.from('12345\n')),
    sealRow('dead', 6, 'deleted'),
    ...rowsOfFile('alive', Buffer.from('1\n2\n')),
  ]);
  const { sandboxes } = (await (await fetch(`${api.address}/v1/sandboxes`)).json()) as {
    sandboxes: Record<string, unknown>[];
  };
  const time = '2026-11-20T10:00:01.250Z';
  const common = { host: 'host-1', workspace: '', template: '', first_seen: time, last_seen: time, gaps: 0 };
  assert.deepEqual(sandboxes, [
    { id: 'alive', state: 'alive', ...common, deleted_at: null, bytes: 4 },
    { id: 'dead', state: 'deleted', ...common, deleted_at: time, bytes: 6 },
  ]);
  assert.deepEqual(await (await fetch(`${api.address}/v1/sandboxes/dead`)).json(), sandboxes[1]);
  const one = (await (await fetch(`${api.address}/v1/sandboxes?limit=1`)).json()) as { sandboxes: unknown[] };
  assert.equal(one.sandboxes.length, 1);
  assert.equal((await fetch(`${api.address}/v1/sandboxes?limit=x`)).status, 400);
});

test('requests are counted by route pattern, never by id', async (t) => {
  const api = await startApi(t);
  for (const path of ['/healthz', '/v1/sandboxes/secret-id', '/v1/sandboxes/secret-id/logs', '/secret']) {
    await (await fetch(api.address + path)).text();
  }
  const metrics = await (await fetch(`${api.address}/metrics`)).text();
  assert.match(metrics, /afterlog_http_requests_total\{route="\/healthz",method="GET",status="200"\} 1/);
  assert.match(metrics, /route="\/v1\/sandboxes\/:id\/logs",method="GET",status="404"\} 1/);
  assert.match(metrics, /process_cpu_seconds_total/);
  assert.doesNotMatch(metrics, /secret/);
});

test('a follower that leaves is forgotten, and stopping ends those that stay', async (t) => {
  const settings = await clickhouseSettings(t);
  const api = await startApi(t, { clickhouseDatabase: settings.clickhouse.database });
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('x\n')));
  const server = await startServer(settings);
  const followers = async () =>
    /^afterlog_http_followers (\d+)$/m.exec(await (await fetch(`${server.address}/metrics`)).text())?.[1];
  const url = `${server.address}/v1/sandboxes/s/logs?follow=1`;
  const leaving = new AbortController();
  // Held until the end: fetch closes the connection of a response that nobody holds.
  const left = await fetch(url, { signal: leaving.signal });
  const staying = eventsOf(await fetch(url));
  await until(async () => (await followers()) === '2');
  leaving.abort();
  await until(async () => (await followers()) === '1');
  assert.equal(left.status, 200);
  assert.equal((await staying.next()).value!.data, 'x');
  const end = staying.next();
  await server.stop();
  assert.equal((await end).done, true);
});

test('a reader that does not read holds up only itself, and its log is not piled up in memory', async (t) => {
  const api = await startApi(t);
  const file = Buffer.from(`${'x'.repeat(60_000)}\n`.repeat(2_000)); // 120 MB
  for (let at = 0; at < 10; at++) {
    const part = file.length / 10;
    await insertRows(
      api.client,
      api.database,
      rowsOfFile('big', file.subarray(at * part, (at + 1) * part), {}, at * part),
    );
  }
  const before = process.memoryUsage();
  const socket = connectSocket(Number(new URL(api.address).port), '127.0.0.1');
  t.after(() => socket.destroy());
  socket.pause();
  socket.write('GET /v1/sandboxes/big/logs?tail=100000 HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(socket, 'connect');
  // Others are served meanwhile; each request gives the slow one's pieces time to arrive.
  for (let round = 0; round < 20; round++) {
    assert.equal((await fetch(`${api.address}/v1/sandboxes/big`)).status, 200);
  }
  const after = process.memoryUsage();
  const grown = after.external + after.arrayBuffers - before.external - before.arrayBuffers;
  assert.ok(grown < file.length / 2, `${grown} bytes more for a log of ${file.length}`);
});
