import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Afterlog } from '../../../src/client/client.ts';
import { type Api, startApi } from '../../support/api.ts';
import { clickhouseUrl } from '../../support/clickhouse.ts';
import { afterlog } from '../../support/command.ts';
import { insertRows, SECOND_STREAM, sealRow, type TestRow } from '../../support/rows.ts';

/** A line in two pieces between two others; the second life begins where no line end came. */
const piece = (position: number, message: string, more: Partial<TestRow> = {}): TestRow => ({
  ...{ sandbox_id: 's', position, message, ending: '', entry_position: 5 },
  ...more,
});
const rows: TestRow[] = [
  { sandbox_id: 's', position: 0, message: 'boot' },
  piece(5, 'sb log'),
  piece(11, 'in: ', { event: 'boot.ready', title: 'login:' }),
  piece(15, 'root', { ending: '\n', severity: 'INFO', source: 'getty' }),
  { sandbox_id: 's', position: 20, message: 'shell' },
  { sandbox_id: 's', position: 26, message: 'no newline yet', ending: '' },
  sealRow('s', 40, 'truncated'),
  { sandbox_id: 's', position: 0, stream_started_at: SECOND_STREAM, message: 'second life' },
];

const get = async (api: Api, path: string): Promise<string> =>
  await (await fetch(`${api.address}/v1/${path}`)).text();
const records = async (api: Api, query: string): Promise<Record<string, unknown>[]> =>
  (await get(api, `sandboxes/s/logs?format=ndjson&${query}`))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

test('NDJSON has one object a line, however many pieces it has, and its id leads behind all of them', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rows);
  const all = await records(api, 'tail=100');
  const line = all[1]!;
  const { message, position, source, severity, event, title, goes_on } = line;
  assert.deepEqual(
    { message, position, source, severity, event, title, goes_on },
    {
      ...{ message: 'sb login: root', position: 5, source: 'getty', severity: 'INFO' },
      ...{ event: 'boot.ready', title: 'login:', goes_on: undefined },
    },
  );
  const lines = all.filter(({ record }) => record === 'line').map((one) => one.message);
  assert.deepEqual(lines, ['boot', 'sb login: root', 'shell', 'no newline yet', 'second life']);
  assert.ok(all.every((one) => one.goes_on === undefined));
  assert.equal((await records(api, `cursor=${line.id as string}`))[0]!.message, 'shell');
});

test('a line that has no end yet is in a snapshot as far as it goes', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rows.slice(0, 3));
  const [, line] = await records(api, 'tail=100');
  assert.deepEqual([line!.message, line!.goes_on], ['sb login: ', true]);
  assert.equal(await get(api, 'sandboxes/s/logs'), 'boot\nsb login: ');
  assert.equal(await get(api, 'sandboxes/s/logs?tail=1'), 'sb login: ');
  assert.equal(await get(api, 'sandboxes/s/logs?tail=2&since=2026-01-01T00:00:00Z'), 'boot\nsb login: ');
});

test('tail counts lines, not pieces, and a life begins on a line of its own', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rows);
  const text = 'boot\nsb login: root\nshell\nno newline yet\nsecond life\n';
  assert.equal(await get(api, 'sandboxes/s/logs'), text);
  assert.equal(await get(api, 'sandboxes/s/logs?since=2026-01-01T00:00:00Z'), text);
  assert.equal(await new Afterlog({ url: api.address }).text('s'), text);
  assert.equal(
    await get(api, 'sandboxes/s/logs?tail=3'),
    text.slice(5),
    'a life’s end without a newline is not counted',
  );
  await insertRows(api.client, api.database, [
    { sandbox_id: 's', position: 12, stream_started_at: SECOND_STREAM, message: 'last' },
  ]);
  assert.equal(await get(api, 'sandboxes/s/logs?tail=1'), 'last\n');
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: api.database,
  };
  const raw = await afterlog(['logs', 's', '--raw'], environment);
  assert.equal(String(raw.stdout), 'boot\nsb login: root\nshell\nno newline yetsecond life\nlast\n');
  const shown = await afterlog(['logs', 's'], environment);
  assert.match(
    String(shown.stdout),
    /sb login: root\n.*shell\n.*no newline yet\n[^…]*second life\n.*last\n$/,
  );
});

test('a follower gets each piece once, as JSON, and goes on behind it', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rows.slice(0, 3));
  const response = await fetch(`${api.address}/v1/sandboxes/s/logs?follow=1&tail=10`);
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const until = async (sign: string): Promise<void> => {
    while (!text.includes(sign)) text += (await reader.read()).value!;
  };
  await until('in: ');
  await insertRows(api.client, api.database, [
    ...rows.slice(3),
    sealRow('s', 12, 'deleted', { stream_started_at: SECOND_STREAM }),
  ]);
  await until('event: end');
  await reader.cancel();
  const data = [...text.matchAll(/^data: (.*)$/gm)].map(([, one]) => one!).slice(0, -1);
  assert.deepEqual(data, [
    'boot',
    '{"line":"sb log","goes_on":true}',
    '{"line":"in: ","goes_on":true}',
    'root',
    'shell',
    '{"line":"no newline yet","goes_on":true}',
    'second life',
  ]);
  const [, id] = /id: (\S+)\ndata: {"line":"in: "/.exec(text)!;
  const again = await fetch(`${api.address}/v1/sandboxes/s/logs?follow=1`, {
    headers: { 'Last-Event-ID': id! },
  });
  assert.match(await again.text(), /^: still here\n\nevent: log\nid: \S+\ndata: root\n\n/);
});

test('wait and search find a text that is in several pieces', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rows.slice(0, 2));
  const wait = async (text: string): Promise<[number, string]> => {
    const response = await fetch(
      `${api.address}/v1/sandboxes/s/logs/wait?for=${encodeURIComponent(text)}&timeout=600`,
    );
    return [response.status, ((await response.json()) as { message: string }).message];
  };
  const live = wait('sb login: ro');
  await insertRows(api.client, api.database, rows.slice(2, 3));
  assert.deepEqual(await wait('b login'), [200, 'sb login: ']);
  await insertRows(api.client, api.database, rows.slice(3));
  assert.deepEqual(await live, [200, 'sb login: root']);
  assert.deepEqual(await wait('login: root'), [200, 'sb login: root']);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: api.database,
  };
  const found = await afterlog(['wait', 's', '--for', 'log' + 'in: r', '--json'], environment);
  assert.equal((JSON.parse(String(found.stdout)) as { message: string }).message, 'sb login: root');
  const search = async (text: string): Promise<string[]> => {
    const { matches } = JSON.parse(await get(api, `search?q=${encodeURIComponent(text)}`)) as {
      matches: { line: { message: string } }[];
    };
    return matches.map(({ line }) => line.message);
  };
  assert.deepEqual(await search('b login: r'), ['sb login: root']);
  assert.deepEqual(await search('root'), ['root']);
  assert.deepEqual(await search('yetsecond'), []);
  assert.deepEqual(await search('b logout'), []);
});
