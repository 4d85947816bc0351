import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Api, startApi } from '../../support/api.ts';
import { randomBytes, randomOf } from '../../support/content.ts';
import { seed } from '../../support/property.ts';
import { FIRST_STREAM, gapRow, insertRows, rowsOfFile, SECOND_STREAM, sealRow } from '../../support/rows.ts';

const get = async (api: Api, path: string): Promise<Buffer> => {
  const response = await fetch(`${api.address}${path}`);
  assert.equal(response.status, 200);
  return Buffer.from(await response.arrayBuffer());
};

test('a tail is the file’s bytes exactly: NUL, invalid UTF-8, CRLF, escapes, no last newline', async (t) => {
  const api = await startApi(t);
  const file = Buffer.concat([
    Buffer.from('plain\n\r\n\ncrlf\r\ntwice\r\r\n\x1b[31mred\x1b[0m\nspin\r|\r/\r-\n', 'latin1'),
    Buffer.from([0, 0, 255, 254, 0xc3, 0x28, 10]),
    randomBytes(randomOf(seed), 20_000),
    Buffer.from('\n{"a":1}\t\\N\\\n\n  no newline at the end'),
  ]);
  await insertRows(api.client, api.database, rowsOfFile('bytes', file, { prefix: '' }));
  assert.deepEqual(await get(api, '/v1/sandboxes/bytes/logs?tail=100000'), file);
});

test('prefix, message and ending are put together', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    { sandbox_id: 'a', position: 0, prefix: '[12:00:00] [app] ', message: 'hello', ending: '\r\n' },
  ]);
  assert.equal(String(await get(api, '/v1/sandboxes/a/logs')), '[12:00:00] [app] hello\r\n');
});

test('rows that stand twice or three times are served and counted once', async (t) => {
  const api = await startApi(t);
  await api.client.command({ query: `SYSTEM STOP MERGES ${api.database}.console_logs` });
  const rows = rowsOfFile('twice', Buffer.from('one\ntwo\nthree\nfour\nfive\n'));
  for (const some of [rows, rows, rows.slice(2)]) await insertRows(api.client, api.database, some);
  assert.equal(String(await get(api, '/v1/sandboxes/twice/logs?tail=99')), 'one\ntwo\nthree\nfour\nfive\n');
  assert.equal(String(await get(api, '/v1/sandboxes/twice/logs?tail=4')), 'two\nthree\nfour\nfive\n');
  assert.equal(String(await get(api, '/v1/sandboxes/twice/logs?tail=1')), 'five\n');
});

test('a line that is several rows is counted once, at the end of the log too', async (t) => {
  const api = await startApi(t);
  const full = 'x'.repeat(65_536);
  const rows = [
    ...rowsOfFile('long', Buffer.from('one\ntwo\n')),
    { sandbox_id: 'long', position: 8, message: full, ending: '' },
    { sandbox_id: 'long', position: 8 + 65_536, message: full, ending: '' },
    { sandbox_id: 'long', position: 8 + 131_072, message: 'rest' },
  ];
  await insertRows(api.client, api.database, rows);
  const tail = async (lines: number): Promise<string> =>
    String(await get(api, `/v1/sandboxes/long/logs?tail=${lines}`));
  const line = `${full}${full}rest\n`;
  assert.deepEqual(
    [await tail(1), await tail(2), await tail(3)],
    [line, `two\n${line}`, `one\ntwo\n${line}`],
  );
  // Another long line of which only the first row has come.
  await insertRows(api.client, api.database, [
    { sandbox_id: 'long', position: 13 + 131_072, message: full, ending: '' },
  ]);
  assert.deepEqual([await tail(0), await tail(1), await tail(2)], ['', full, line + full]);
});

test('a tail goes over streams, in order, without gaps, seals, other logs and other sandboxes', async (t) => {
  const api = await startApi(t);
  const second = { stream_started_at: SECOND_STREAM };
  await insertRows(api.client, api.database, [
    ...rowsOfFile('s', Buffer.from('b1\nb2\n'), second),
    ...rowsOfFile('s', Buffer.from('a1\na2\na3\n'), { stream_started_at: FIRST_STREAM }),
    gapRow('s', 9, 120, 'lost'),
    sealRow('s', 129, 'truncated'),
    ...rowsOfFile('s', Buffer.from('event\n'), { log: 'events' }),
    ...rowsOfFile('s2', Buffer.from('other\n')),
    sealRow('s', 6, 'deleted', second),
  ]);
  for (const [tail, expected] of [
    ['', 'a1\na2\na3\nb1\nb2\n'],
    ['?tail=5', 'a1\na2\na3\nb1\nb2\n'],
    ['?tail=4', 'a2\na3\nb1\nb2\n'],
    ['?tail=3&stream=both', 'a3\nb1\nb2\n'],
    ['?tail=2&stream=stdout', 'b1\nb2\n'],
    ['?tail=1&follow=0', 'b2\n'],
    ['?tail=0', ''],
  ]) {
    assert.equal(String(await get(api, `/v1/sandboxes/s/logs${tail}`)), expected, `${tail}`);
  }
});

test('a log of more bytes than one read comes whole', async (t) => {
  const api = await startApi(t);
  const line = `${'x'.repeat(60_000)}\n`;
  const file = Buffer.from(line.repeat(400)); // 24 MB: several reads
  await insertRows(api.client, api.database, rowsOfFile('long', file));
  const got = await get(api, '/v1/sandboxes/long/logs');
  assert.ok(got.equals(file), `${got.length} bytes of ${file.length}`);
});

test('a jump of the positions by more than one read is passed', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    { sandbox_id: 'jump', position: 0, message: 'before' },
    gapRow('jump', 7, 10 ** 12, 'lost'),
    { sandbox_id: 'jump', position: 7 + 10 ** 12, message: 'after' },
  ]);
  assert.equal(String(await get(api, '/v1/sandboxes/jump/logs')), 'before\nafter\n');
});

test('404 is for an id never seen; a sandbox without console lines has an empty log', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('quiet', Buffer.from('x\n'), { log: 'events' }));
  assert.equal((await get(api, '/v1/sandboxes/quiet/logs')).length, 0);
  for (const id of [
    'never',
    '%ff',
    '%00',
    '%',
    'a%27%20OR%201=1',
    '%7Bid:String%7D',
    'a%5C%09%0A',
    '%2e%2e',
  ]) {
    for (const what of ['', '/logs', '/logs?follow=1']) {
      const response = await fetch(`${api.address}/v1/sandboxes/${id}${what}`);
      assert.equal(response.status, 404, `${id}${what}`);
      assert.equal(typeof ((await response.json()) as { error: string }).error, 'string');
    }
  }
});

test('an id may hold any character', async (t) => {
  const api = await startApi(t);
  for (const id of ["it's", 'a/b c?d#e', 'a\\tb', 'tab\there', 'ünï{x:String}', '%41']) {
    const sandbox_id = Buffer.from(id).toString('latin1');
    await insertRows(api.client, api.database, [{ sandbox_id: id, position: 0, message: sandbox_id }]);
    assert.equal(String(await get(api, `/v1/sandboxes/${encodeURIComponent(id)}/logs`)), `${id}\n`);
  }
});

test('a wrong parameter is named with what is allowed', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('x\n')));
  for (const [query, name] of [
    ['tail=-1', 'tail'],
    ['tail=1e3', 'tail'],
    ['tail=100001', 'tail'],
    ['follow=yes', 'follow'],
    ['follow=constructor', 'follow'],
    ['stream=stdin', 'stream'],
  ]) {
    const response = await fetch(`${api.address}/v1/sandboxes/s/logs?${query}`);
    assert.equal(response.status, 400, `${query}`);
    const { error, code } = (await response.json()) as { error: string; code: string };
    assert.equal(code, 'PARAMETER_INVALID');
    assert.match(error, new RegExp(`Parameter ${name} .*allowed: `));
  }
});
