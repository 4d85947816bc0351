import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { logEvents } from '../../../src/serve/http/log_events.ts';
import { openStore } from '../../../src/store/query.ts';
import { LogHub } from '../../../src/store/read/log_hub.ts';
import { type Api, eventsOf, startApi, take } from '../../support/api.ts';
import { clickhouseSettings } from '../../support/clickhouse.ts';
import { NOWHERE } from '../../support/nowhere.ts';
import { gapRow, insertRows, rowsOfFile, SECOND_STREAM, sealRow } from '../../support/rows.ts';

async function open(t: TestContext, api: Api, query: string, last_id?: string) {
  const gone = new AbortController();
  t.after(() => gone.abort());
  const response = await fetch(`${api.address}/v1/sandboxes/s/logs?follow=1${query}`, {
    headers: last_id === undefined ? {} : { 'Last-Event-ID': last_id },
    signal: gone.signal,
  });
  assert.equal(response.status, 200);
  assert.match(response.headers.get('Content-Type')!, /^text\/event-stream/);
  return eventsOf(response);
}

test('a follower gets the tail, then rows as they land, across a truncation, then the end', async (t) => {
  const api = await startApi(t);
  const second = { stream_started_at: SECOND_STREAM };
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('one\ntwo\r\nthree\n')));
  const events = await open(t, api, '&tail=2');
  assert.deepEqual(
    (await take(events, 2)).map(({ event, data }) => [event, data]),
    [
      ['log', 'two'],
      ['log', 'three'],
    ],
  );
  await insertRows(api.client, api.database, [
    gapRow('s', 15, 120, 'spool full'),
    ...rowsOfFile('s', Buffer.from('four\n'), {}, 135),
    sealRow('s', 140, 'truncated'),
  ]);
  const [gap, four] = await take(events, 2);
  assert.equal(gap!.event, 'gap');
  assert.deepEqual(JSON.parse(gap!.data), {
    line: '── gap: 120 bytes: spool full ──',
    bytes: 120,
    reason: 'spool full',
  });
  assert.deepEqual([four!.event, four!.data], ['log', 'four']);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('five\n'), second));
  assert.equal((await take(events, 1))[0]!.data, 'five');
  await insertRows(api.client, api.database, [sealRow('s', 5, 'deleted', second)]);
  const rest = await take(events, 2);
  assert.equal(rest.length, 1, 'the stream ends after its end event');
  assert.equal(rest[0]!.event, 'end');
  assert.equal(JSON.parse(rest[0]!.data).reason, 'deleted');
});

test('from any event on, a reader resumes without gap or repeat', async (t) => {
  const api = await startApi(t);
  const second = { stream_started_at: SECOND_STREAM };
  await insertRows(api.client, api.database, [
    ...rowsOfFile('s', Buffer.from('a\nb\n')),
    gapRow('s', 4, null, 'cut'), // of unknown length: a line may stand at the same position
    ...rowsOfFile('s', Buffer.from('c\n'), {}, 4),
    sealRow('s', 6, 'recreated'),
    ...rowsOfFile('s', Buffer.from('d\ne\n'), second),
    sealRow('s', 4, 'deleted', second),
  ]);
  const all = await take(await open(t, api, ''), 99);
  assert.deepEqual(
    all.map(({ event }) => event),
    ['log', 'log', 'gap', 'log', 'log', 'log', 'end'],
  );
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  for (const [index, { id }] of all.slice(0, -1).entries()) {
    const rest = await take(await open(t, api, '', id), 99);
    assert.deepEqual(rest, all.slice(index + 1), id);
  }
  // What a browser is told that would come again for what follows the end.
  const response = await fetch(`${api.address}/v1/sandboxes/s/logs?follow=1`, {
    headers: { 'Last-Event-ID': all.at(-1)!.id },
  });
  assert.deepEqual([response.status, await response.text()], [204, '']);
});

test('rows that stand twice are sent once', async (t) => {
  const api = await startApi(t);
  await api.client.command({ query: `SYSTEM STOP MERGES ${api.database}.console_logs` });
  const rows = [...rowsOfFile('s', Buffer.from('one\n'.repeat(1_500))), sealRow('s', 6_000, 'deleted')];
  for (const some of [rows, rows, rows.slice(700)]) await insertRows(api.client, api.database, some);
  const events = await take(await open(t, api, '&tail=1400'), 9_999);
  assert.equal(events.length, 1_401);
  assert.equal(new Set(events.map(({ id }) => id)).size, 1_401);
});

test('a gap before the first line of all is told', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    gapRow('s', 0, 7, 'lost'),
    ...rowsOfFile('s', Buffer.from('first\n'), {}, 7),
    sealRow('s', 13, 'deleted'),
  ]);
  const events = await take(await open(t, api, ''), 99);
  assert.deepEqual(
    events.map(({ event }) => event),
    ['gap', 'log', 'end'],
  );
});

test('tail=0 follows from the next line on', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('old\n')));
  const events = await open(t, api, '&tail=0');
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('new\n'), {}, 4));
  assert.equal((await take(events, 1))[0]!.data, 'new');
});

test('a sandbox whose console has no row yet can be followed', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('x\n'), { log: 'events' }));
  const events = await open(t, api, '');
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('first\n')));
  assert.equal((await take(events, 1))[0]!.data, 'first');
});

test('an id that this API never gave is refused', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('x\n')));
  for (const id of ['x', '12', '1-2-other', '9223372036854775808-1', '1-18446744073709551616', '1--2']) {
    const response = await fetch(`${api.address}/v1/sandboxes/s/logs?follow=true`, {
      headers: { 'Last-Event-ID': id },
    });
    assert.equal(response.status, 400, id);
    assert.match(((await response.json()) as { error: string }).error, /Last-Event-ID/);
  }
});

test('comments keep the stream open while the log is quiet and while ClickHouse is away', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('x\n')));
  for (const clickhouseUrl of [undefined, `http://${NOWHERE}`]) {
    const flags = { clickhouseDatabase: api.database, ...(clickhouseUrl && { clickhouseUrl }) };
    const store = openStore(await clickhouseSettings(t, flags));
    const stop = new AbortController();
    const id = { sandbox_id: 's', log: 'console', workspace: null };
    const seen: string[] = [];
    const steps = new LogHub(store).follow(id, { after: null, signal: stop.signal, pulse_ms: 5 });
    for await (const text of logEvents(steps, 'sse', 1)) {
      seen.push(String(text instanceof Uint8Array ? Buffer.from(text) : text));
      if (seen.length === 4) stop.abort();
    }
    await store.client.close();
    const comments = seen.filter((text) => text.startsWith(':')).length;
    assert.deepEqual([seen.length, comments], [4, clickhouseUrl ? 4 : 3]);
  }
});
