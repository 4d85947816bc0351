import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Afterlog } from '../../../src/client/client.ts';
import { migrate } from '../../../src/store/care/migrate.ts';
import { eventsOf, startApi, take } from '../../support/api.ts';
import { startBesideAgent } from '../../support/beside_agent.ts';
import { clickhouse, clickhouseSettings, rowsOf } from '../../support/clickhouse.ts';
import { afterlog } from '../../support/command.ts';
import { environmentOf } from '../../support/roles.ts';
import { insertRows, rowsOfFile, sealRow } from '../../support/rows.ts';
import { sha256 } from '../../support/sha256.ts';

const file = Buffer.from('one\ntwo\n');

test('a token without the scope, of another workspace, or for an unknown id erases nothing', async (t) => {
  const tokens = ['all:', 'reads:mine:read', 'mine:mine:erase', 'theirs:theirs:erase'].map((token) => {
    const [name = '', ...rest] = token.split(':');
    return [sha256(name), ...rest].join(':').replace(/:$/, '');
  });
  const api = await startApi(t, { tokens: [...tokens, `${sha256('admin')}::admin`].join(',') });
  await insertRows(api.client, api.database, [
    ...rowsOfFile('s', file, { workspace: 'mine' }),
    { ...sealRow('s', 8, 'deleted'), workspace: 'mine' },
    ...rowsOfFile('shared', file, { workspace: 'mine' }),
    ...rowsOfFile('shared', file, { workspace: 'theirs' }, 100),
  ]);
  const erase = async (id: string, token: string): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${api.address}/v1/sandboxes/${id}/logs`, {
      method: 'DELETE',
      headers: { Authorization: `Bearer ${token}` },
    });
    return { status: response.status, body: await response.json() };
  };
  const lines = async (): Promise<number> =>
    Number(
      (
        await rowsOf<{ count: string }>(
          api.client,
          `SELECT count() AS count FROM ${api.database}.console_logs WHERE record = 'line'`,
        )
      )[0]!.count,
    );
  assert.equal((await erase('s', 'reads')).status, 403);
  assert.equal((await erase('s', 'all')).status, 403, 'without scopes a token may read');
  assert.deepEqual(await erase('s', 'theirs'), await erase('never', 'theirs'));
  assert.equal((await erase('s', 'theirs')).status, 404);
  assert.equal(await lines(), 6);
  assert.deepEqual(await erase('s', 'mine'), {
    status: 200,
    body: { state: 'erased', lines: 2, bytes: 8, alive: false },
  });
  assert.deepEqual(await erase('shared', 'theirs'), {
    status: 200,
    body: { state: 'erased', lines: 2, bytes: 8, alive: true },
  });
  assert.equal(await lines(), 2);
  assert.deepEqual((await erase('s', 'admin')).body, { state: 'erased', lines: 0, bytes: 0, alive: false });
  assert.equal((await erase('s', 'unknown')).status, 401);
});

test('what was erased is told as a gap to every reader, and stays known', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [...rowsOfFile('s', file), sealRow('s', 8, 'deleted')]);
  const client = new Afterlog({ url: api.address });
  assert.deepEqual(await client.erase('s'), { state: 'erased', lines: 2, bytes: 8, alive: false });
  assert.equal(await client.erase('never'), null);
  const logs = `${api.address}/v1/sandboxes/s/logs`;
  const text = await fetch(logs);
  assert.deepEqual([text.status, await text.text()], [200, '']);
  const records = (await (await fetch(`${logs}?format=ndjson`)).text()).trim().split('\n');
  const [gap, seal] = records.map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.deepEqual([gap!.record, gap!.position, gap!.bytes, seal!.record], ['gap', 0, 8, 'seal']);
  assert.match(String(gap!.reason), /^erased on request at \d{4}-/);
  const events = await take(eventsOf(await fetch(`${logs}?follow=1`)), 2);
  assert.deepEqual(
    events.map(({ event }) => event),
    ['gap', 'end'],
  );
  assert.match(events[0]!.data, /8 bytes: erased on request/);
  assert.equal((await fetch(`${logs}/wait?for=one&timeout=300`)).status, 410);
  assert.equal((await client.sandbox('s'))?.state, 'deleted');
  for (const path of ['search?q=one', 'boots?since=2020-01-01', 'crashes?since=2020-01-01']) {
    assert.doesNotMatch(await (await fetch(`${api.address}/v1/${path}`)).text(), /"one"|"s"/, path);
  }
});

test('one who follows a sandbox that lives on gets what it writes after an erase', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', file));
  const events = eventsOf(await fetch(`${api.address}/v1/sandboxes/s/logs?follow=1`));
  assert.equal((await take(events, 2)).length, 2);
  const erased = await fetch(`${api.address}/v1/sandboxes/s/logs`, { method: 'DELETE' });
  assert.equal(((await erased.json()) as { alive: boolean }).alive, true);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('three\n'), {}, 8));
  assert.deepEqual(
    (await take(events, 1)).map(({ data }) => data),
    ['three'],
  );
  const later = await (await fetch(`${api.address}/v1/sandboxes/s/logs`)).text();
  assert.equal(later, 'three\n');
});

test('what the agent has read by then is erased, too', async (t) => {
  let asked = (): void => {};
  const isAsked = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const { address, client, database } = await startBesideAgent(t, asked);
  await insertRows(client, database, rowsOfFile('s', file));
  const answer = fetch(`${address}/v1/sandboxes/s/logs`, { method: 'DELETE' });
  await isAsked;
  await insertRows(client, database, rowsOfFile('s', Buffer.from('end\n'), {}, 8));
  const { lines } = (await (await answer).json()) as { lines: number };
  assert.equal(lines, 3);
});

test('the command asks at a terminal only, and says what it did', async (t) => {
  const settings = await clickhouseSettings(t, { host: 'host-1' });
  const client = clickhouse(t);
  await migrate(client, settings.clickhouse.database);
  await insertRows(client, settings.clickhouse.database, [
    ...rowsOfFile('s', file),
    sealRow('s', 8, 'deleted'),
    ...rowsOfFile('alive', file),
  ]);
  const erase = async (...args: string[]) => {
    const ended = await afterlog(['erase', ...args], environmentOf(settings) as Record<string, string>);
    return { ...ended, stdout: String(ended.stdout) };
  };
  const unasked = await erase('s');
  assert.deepEqual([unasked.code, unasked.stdout], [2, '']);
  assert.match(unasked.stderr, /no terminal to ask.*--yes/s);
  const done = await erase('s', '--yes');
  assert.deepEqual([done.code, done.stdout, done.stderr], [0, 'Erased: 2 lines of s (8 B).\n', '']);
  const alive = await erase('alive', '--yes', '--json');
  assert.equal(alive.code, 0);
  assert.deepEqual(JSON.parse(alive.stdout), {
    ...{ sandbox: 'alive', state: 'erased', lines: 2, bytes: 8 },
    alive: true,
  });
  assert.match(alive.stderr, /The sandbox is not deleted/);
  const unknown = await erase('never', '--yes');
  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /SANDBOX_UNKNOWN/);
  const logs = await afterlog(['logs', 's'], environmentOf(settings) as Record<string, string>);
  assert.match(String(logs.stdout), /^── gap: 8 bytes: erased on request at .*\n── end: deleted/);
});
