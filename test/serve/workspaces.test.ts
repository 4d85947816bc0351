import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Routes } from '../../src/serve/http/route.ts';
import { startApi } from '../support/api.ts';
import { gapRow, insertRows, rowsOfFile, SECOND_STREAM, sealRow } from '../support/rows.ts';
import { sha256 } from '../support/sha256.ts';

const SECRET = 'theirs-secret';

test('a workspace’s token reaches no other’s rows by any route, id, cursor or search', async (t) => {
  const paths = new Set<string>();
  const add = t.mock.method(Routes.prototype, 'add');
  const api = await startApi(t, { tokens: `${sha256('all')},${sha256('mine')}:mine:admin` });
  for (const { arguments: given } of add.mock.calls) paths.add(`${given[0].method} ${given[0].path}`);

  const title = `panic of ${SECRET}`;
  const theirs = { workspace: 'theirs', host: `host-${SECRET}`, template: `template-${SECRET}` };
  const file = Buffer.from(`needle ${SECRET}\nneedle again\n`);
  const id = `sb-${SECRET}`;
  await insertRows(api.client, api.database, [
    ...rowsOfFile(id, file, { ...theirs, event: 'boot.start' }),
    { sandbox_id: id, position: 200, message: title, event: 'kernel.panic', title, ...theirs },
    { ...gapRow(id, 300, 5, SECRET), ...theirs },
    // One id in two workspaces: each sees its own rows of it.
    ...rowsOfFile('shared', Buffer.from(`needle ${SECRET}\n`), theirs),
    ...rowsOfFile('shared', Buffer.from('needle of mine\n'), { workspace: 'mine' }, 100),
    ...rowsOfFile('mine', Buffer.from('needle of mine\n'), { workspace: 'mine' }),
    { ...sealRow('mine', 15, 'deleted'), workspace: 'mine' },
    { ...sealRow('shared', 115, 'deleted'), workspace: 'mine' },
    { ...sealRow(id, 305, 'deleted'), ...theirs },
  ]);

  const ask = async (
    path: string,
    token: string,
    headers = {},
  ): Promise<{ status: number; text: string }> => {
    const response = await fetch(api.address + path, {
      headers: { Authorization: `Bearer ${token}`, ...headers },
    });
    return { status: response.status, text: `${[...response.headers].join()} ${await response.text()}` };
  };
  const since = 'since=2020-01-01';
  // Each once by a token that may see it, to know that there is something to be seen; then by the other.
  const tried: Record<string, string[]> = {
    'get /v1/sandboxes': [
      '/v1/sandboxes?',
      '/v1/sandboxes?workspace=theirs',
      `/v1/sandboxes?q=${SECRET}`,
      `/v1/sandboxes?template=template-${SECRET}`,
      `/v1/sandboxes?host=host-${SECRET}`,
    ],
    'get /v1/sandboxes/:id': [`/v1/sandboxes/${id}`],
    'get /v1/sandboxes/:id/logs': [
      `/v1/sandboxes/${id}/logs`,
      `/v1/sandboxes/${id}/logs?follow=1`,
      `/v1/sandboxes/${id}/logs?format=ndjson&limit=1`,
      '/v1/sandboxes/shared/logs',
      '/v1/sandboxes/shared/logs?follow=1',
      '/v1/sandboxes/shared/logs?limit=5&format=ndjson',
    ],
    'get /v1/sandboxes/:id/logs/wait': [
      `/v1/sandboxes/${id}/logs/wait?for=needle&timeout=1`,
      '/v1/sandboxes/shared/logs/wait?for=needle&timeout=1',
    ],
    'get /v1/search': [
      '/v1/search?q=needle&context=50',
      '/v1/search?q=needle&workspace=theirs',
      `/v1/search?q=needle&sandbox=${id}`,
    ],
    'get /v1/histogram': [
      `/v1/histogram?${since}&buckets=2`,
      `/v1/histogram?${since}&buckets=2&workspace=theirs`,
      `/v1/histogram?${since}&buckets=2&q=${SECRET}`,
    ],
    'get /v1/boots': [
      `/v1/boots?${since}`,
      `/v1/boots?${since}&workspace=theirs`,
      `/v1/boots?${since}&sandbox=${id}`,
    ],
    'get /v1/crashes': [
      `/v1/crashes?${since}`,
      `/v1/crashes?${since}&each=1`,
      `/v1/crashes?${since}&workspace=theirs`,
    ],
    'get /metrics': ['/metrics'],
    'get /healthz': ['/healthz'],
    'get /readyz': ['/readyz'],
    'get /openapi.json': ['/openapi.json'],
  };
  const erases = 'delete /v1/sandboxes/:id/logs';
  for (const path of paths) assert.ok(path in tried || path === erases, `${path} is not tried here`);
  for (const [route, requests] of Object.entries(tried)) {
    if (!paths.has(route)) continue;
    for (const path of requests) {
      // On a slow machine what is there is found later.
      const all = await ask(path.replace('timeout=1', 'timeout=300'), 'all');
      assert.equal(all.status, 200, `${path}: ${all.text}`);
      const mine = await ask(path, 'mine');
      assert.doesNotMatch(mine.text.replace(path, ''), new RegExp(SECRET), path);
      assert.ok(mine.status < 500, path);
    }
  }
  // What another's cursors and ids lead to: only what is one's own.
  const cursors = [
    ['/v1/sandboxes?limit=1', '/v1/sandboxes?limit=9'],
    ['/v1/search?q=needle&limit=1', '/v1/search?q=needle&limit=9&context=9'],
  ] as const;
  for (const [theirs_path, mine_path] of cursors) {
    const { next } = JSON.parse((await ask(theirs_path, 'all')).text.replace(/^[^{]*/, '')) as {
      next: string;
    };
    const mine = await ask(`${mine_path}&cursor=${next}`, 'mine');
    assert.equal(mine.status, 200);
    assert.doesNotMatch(mine.text, new RegExp(SECRET), mine_path);
  }
  const page = await ask('/v1/sandboxes/shared/logs?limit=1&format=ndjson', 'all');
  const { id: place } = JSON.parse(page.text.slice(page.text.indexOf('{'))) as { id: string };
  for (const [path, headers] of [
    [`/v1/sandboxes/shared/logs?cursor=${place}`, {}],
    ['/v1/sandboxes/shared/logs?follow=1', { 'Last-Event-ID': place }],
  ] as const) {
    const mine = await ask(path, 'mine', headers);
    assert.match(mine.text, /needle of mine/);
    assert.doesNotMatch(mine.text, new RegExp(SECRET), path);
  }
  // Its own are there.
  assert.match((await ask('/v1/search?q=needle', 'mine')).text, /needle of mine/);
  assert.match((await ask('/v1/histogram?since=2020-01-01&buckets=1', 'mine')).text, /"INFO":2/);
  // Erased is one's own only, also of an id that others have.
  const erase = async (sandbox: string): Promise<number> => {
    const headers = { Authorization: 'Bearer mine' };
    return (await fetch(`${api.address}/v1/sandboxes/${sandbox}/logs`, { method: 'DELETE', headers })).status;
  };
  assert.deepEqual([await erase(id), await erase('shared')], [404, 200]);
  assert.doesNotMatch((await ask('/v1/sandboxes/shared/logs', 'all')).text, /of mine/);
  for (const sandbox of [id, 'shared']) {
    assert.match((await ask(`/v1/sandboxes/${sandbox}/logs`, 'all')).text, new RegExp(`needle ${SECRET}`));
  }
});

test('what came before a label was known is of its sandbox’s workspace, and never of another that had the same id', async (t) => {
  const api = await startApi(t, { tokens: `${sha256('mine')}:mine,${sha256('theirs')}:theirs` });
  const boot = { event: 'boot.start', title: 'Linux' };
  const panic = { position: 5, message: `panic of ${SECRET}`, event: 'kernel.panic' };
  const second = { stream_started_at: SECOND_STREAM };
  await insertRows(api.client, api.database, [
    ...rowsOfFile('once', Buffer.from('boot\n'), boot),
    { ...panic, sandbox_id: 'once', title: 'of mine' },
    { ...sealRow('once', 40, 'deleted'), workspace: 'mine' },
    ...rowsOfFile('reused', Buffer.from('boot\n'), boot),
    { ...panic, sandbox_id: 'reused', title: 'of the first' },
    { ...sealRow('reused', 40, 'deleted'), workspace: 'theirs' },
    ...rowsOfFile('reused', Buffer.from('boot\n'), { ...boot, ...second }),
    { ...panic, sandbox_id: 'reused', title: 'of the second', ...second },
    { ...sealRow('reused', 40, 'deleted', second), workspace: 'mine' },
  ]);
  const ask = async (token: string, path: string): Promise<string> => {
    const headers = { Authorization: `Bearer ${token}` };
    return await (await fetch(`${api.address}${path}`, { headers })).text();
  };
  const crashes = '/v1/crashes?since=2020-01-01&each=1';
  const boots = '/v1/boots?since=2020-01-01';
  assert.match(await ask('mine', crashes), /of mine/);
  assert.match(await ask('mine', boots), /of mine/);
  for (const path of [crashes, boots]) {
    assert.doesNotMatch(await ask('mine', path), /of the first/);
    assert.doesNotMatch(await ask('theirs', path), /of the second|of mine/);
  }
});
