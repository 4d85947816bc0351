import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type TestContext, test } from 'node:test';
import { Agents } from '../../../src/serve/agents/agents.ts';
import { recordShape } from '../../../src/serve/http/shapes.ts';
import { type Api, eventsOf, startApi, take } from '../../support/api.ts';
import { startBesideAgent } from '../../support/beside_agent.ts';
import { clickhouseSettings } from '../../support/clickhouse.ts';
import { PATIENCE_MS } from '../../support/patience.ts';
import { gapRow, insertRows, rowsOfFile, sealRow } from '../../support/rows.ts';

const text = async (api: Pick<Api, 'address'>, query: string, headers = {}): Promise<string> => {
  const response = await fetch(`${api.address}/v1/sandboxes/s/logs${query}`, { headers });
  assert.equal(response.status, 200, query);
  return await response.text();
};
const records = async (api: Api, query: string) =>
  (await text(api, query, { Accept: 'application/x-ndjson' }))
    .split('\n')
    .filter(Boolean)
    .map((line) => recordShape.parse(JSON.parse(line)));

async function mixed(t: TestContext): Promise<Api> {
  const api = await startApi(t);
  const at = (second: number): string => `2026-11-20 10:00:0${second}.000000000`;
  await insertRows(api.client, api.database, [
    { sandbox_id: 's', position: 0, message: 'boot', source: 'kernel', severity: '', timestamp: at(1) },
    { sandbox_id: 's', position: 5, prefix: '[app] ', message: 'ready', timestamp: at(2) },
    gapRow('s', 17, 8, 'lost'),
    { sandbox_id: 's', position: 25, message: 'bad 50%_', severity: 'ERROR', timestamp: at(3) },
    { sandbox_id: 's', position: 34, message: 'worse', severity: 'FATAL', source: 'agent', timestamp: at(4) },
    sealRow('s', 40, 'deleted'),
  ]);
  return api;
}

test('lines are chosen by source, severity, time and text, in any format', async (t) => {
  const api = await mixed(t);
  for (const [query, expected] of [
    ['?source=kernel', 'boot\n'],
    ['?source=kernel,agent', 'boot\nworse\n'],
    ['?source=kernel&source=agent', 'boot\nworse\n'],
    ['?severity=ERROR', 'bad 50%_\nworse\n'],
    ['?severity=ERROR&tail=1', 'worse\n'],
    ['?since=2026-11-20T10:00:03Z', 'bad 50%_\nworse\n'],
    ['?until=2026-11-20%2010:00:03&tail=1', '[app] ready\n'],
    ['?since=2026-11-20T10:00:02Z&until=2026-11-20T10:00:04Z', '[app] ready\nbad 50%_\n'],
    ['?q=app%5D%20re', '[app] ready\n'],
    ['?q=%25_', 'bad 50%_\n'],
    ['?q=nowhere', ''],
    ['?log=events', ''],
    ['?q=&source=&tail=', 'boot\n[app] ready\nbad 50%_\nworse\n'],
  ] as const) {
    assert.equal(await text(api, query), expected, query);
    const lines = (await records(api, query)).filter(({ record }) => record === 'line');
    assert.equal(
      lines.map((line) => `${'prefix' in line && line.prefix + line.message}\n`).join(''),
      expected,
    );
  }
  const response = await fetch(`${api.address}/v1/sandboxes/s/logs?follow=1&severity=ERROR`);
  const events = await take(eventsOf(response), 9);
  assert.deepEqual(
    events.map(({ event, data }) => [event, event === 'log' ? data : '']),
    [
      ['gap', ''],
      ['log', 'bad 50%_'],
      ['log', 'worse'],
      ['end', ''],
    ],
  );
});

test('pages go through a log once, whatever their size, and the cursor is an event’s id too', async (t) => {
  const api = await mixed(t);
  for (const limit of [1, 2, 3, 99]) {
    let whole = '';
    let cursor = '';
    for (;;) {
      const path = `${api.address}/v1/sandboxes/s/logs?limit=${limit}&cursor=${cursor}`;
      const response = await fetch(path);
      const page = await response.text();
      whole += page;
      cursor = response.headers.get('Afterlog-Cursor') ?? cursor;
      if (page === '') break;
      assert.ok(page.split('\n').length - 1 <= limit);
    }
    assert.equal(whole, 'boot\n[app] ready\nbad 50%_\nworse\n', `${limit}`);
    const rest = await fetch(`${api.address}/v1/sandboxes/s/logs?follow=1&cursor=${cursor}`);
    assert.deepEqual(
      (await take(eventsOf(rest), 9)).map(({ event }) => event),
      ['end'],
    );
  }
  const [boot] = await records(api, '?limit=1');
  assert.equal(await text(api, `?cursor=${boot!.id}`), '[app] ready\nbad 50%_\nworse\n');
});

test('NDJSON tells gaps and seals, also behind the last line that is wanted, and each once on pages', async (t) => {
  const api = await mixed(t);
  await insertRows(api.client, api.database, [gapRow('only-gap', 0, 8, 'lost')]);
  const kinds = async (query: string): Promise<string> =>
    (await records(api, query)).map(({ record }) => record).join(' ');
  assert.equal(await kinds('?'), 'line line gap line line seal');
  assert.equal(await kinds('?tail=1'), 'line seal');
  assert.equal(await kinds('?tail=0'), '');
  assert.equal(await kinds('?source=kernel'), 'line gap seal');
  assert.equal(await kinds('?until=2026-11-20T10:00:02Z&source=kernel'), 'line gap seal');
  assert.equal(await kinds('?q=nowhere'), 'gap seal');
  assert.equal(await kinds('?limit=2'), 'line line');
  for (const limit of [1, 2, 3, 4, 99]) {
    const whole: string[] = [];
    let cursor = '';
    for (let page = ['']; page.length > 0; ) {
      const address = `${api.address}/v1/sandboxes/s/logs?format=ndjson&limit=${limit}&cursor=${cursor}`;
      const response = await fetch(address);
      page = (await response.text()).split('\n').filter(Boolean);
      whole.push(...page.map((line) => (JSON.parse(line) as { record: string }).record));
      cursor = response.headers.get('Afterlog-Cursor') ?? cursor;
    }
    assert.equal(whole.join(' '), 'line line gap line line seal', `${limit}`);
  }
  const response = await fetch(`${api.address}/v1/sandboxes/only-gap/logs?format=ndjson`);
  assert.equal((JSON.parse(await response.text()) as { record: string }).record, 'gap');
});

test('a follower may have NDJSON, with gaps and the end as objects', async (t) => {
  const api = await mixed(t);
  const got = await text(api, '?follow=1&format=ndjson');
  const objects = got
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as { record: string; reason?: string });
  assert.deepEqual(
    objects.map(({ record }) => record),
    ['line', 'line', 'gap', 'line', 'line', 'end'],
  );
  assert.equal(objects.at(-1)!.reason, 'deleted');
});

test('a browser’s EventSource follows without saying so', async (t) => {
  const api = await mixed(t);
  const response = await fetch(`${api.address}/v1/sandboxes/s/logs`, {
    headers: { Accept: 'text/event-stream' },
  });
  assert.match(response.headers.get('Content-Type')!, /event-stream/);
  assert.equal((await take(eventsOf(response), 9)).length, 6);
});

test('what cannot be meant is refused with what is allowed', async (t) => {
  const api = await mixed(t);
  for (const [query, expected] of [
    ['severty=ERROR', /no parameter "severty"; did you mean severity\?/],
    ['severity=LOUD', /Parameter severity is "LOUD"; allowed: TRACE, DEBUG/],
    ['since=yesterday', /Parameter since is "yesterday"; allowed: a time/],
    ['since=1h&until=2h', /until must be later than since/],
    ['cursor=x', /Parameter cursor is "x"; allowed: an id that this API gave/],
    ['limit=0', /Parameter limit is "0"; allowed: a whole number from 1 to/],
    ['tail=1&tail=2', /Parameter tail is "1,2"/],
    ['tail=1&cursor=1-1', /send one of them/],
    ['follow=1&until=1h', /until does not go with follow/],
    ['follow=1&format=text', /a follower gets sse or ndjson/],
    ['format=sse&follow=0', /send follow=1 too/],
  ] as const) {
    const response = await fetch(`${api.address}/v1/sandboxes/s/logs?${query}`);
    assert.equal(response.status, 400, query);
    assert.match(((await response.json()) as { error: string }).error, expected);
  }
  // What a proxy or a later client adds is passed over.
  assert.equal((await text(api, '?timestamps=1&_=123')).length, 32);
});

test('a snapshot waits for what the agent has read and is not stored yet', async (t) => {
  const asked: string[] = [];
  let stored = (): void => {};
  const isStored = new Promise<void>((resolve) => {
    stored = resolve;
  });
  const beside = await startBesideAgent(t, ({ method, url }) => {
    if (asked.push(`${method} ${url}`) === 1) stored();
  });
  const { client, database } = beside;
  await insertRows(client, database, rowsOfFile('s', Buffer.from('first\n')));
  const answers = Promise.all(Array.from({ length: 20 }, () => text(beside, '')));
  await isStored;
  await insertRows(client, database, rowsOfFile('s', Buffer.from('words\n'), {}, 6));
  for (const answer of await answers) assert.equal(answer, 'first\nwords\n');
  assert.equal(asked[0], 'POST /flush/s');
});

test('many who ask an agent for the same sandbox at once make two requests', async (t) => {
  let asked = 0;
  let answer = (): void => {};
  const mayAnswer = new Promise<void>((resolve) => {
    answer = resolve;
  });
  const agent = createServer(async (_request, response) => {
    asked++;
    await mayAnswer;
    response.writeHead(404).end(JSON.stringify({ code: 'FLUSH_UNKNOWN' }));
  });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  t.after(() => agent.close());
  const { port } = agent.address() as { port: number };
  const agents = new Agents(await clickhouseSettings(t, { agentListen: `127.0.0.1:${port}` }), PATIENCE_MS);
  const answers = Array.from({ length: 50 }, () => agents.flush(null, 's'));
  answer();
  assert.deepEqual(new Set(await Promise.all(answers)), new Set(['nothing open']));
  // The first may have looked before the others came, so one more is made for all of them.
  assert.equal(asked, 2);
  // Another host's agent has no known address.
  assert.equal(await agents.flush('another-host', 's'), null);
});
