import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Api, startApi } from '../support/api.ts';
import { clickhouseUrl } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { FIRST_STREAM, gapRow, insertRows, rowsOfFile, sealRow, type TestRow } from '../support/rows.ts';

interface Line {
  message: string;
  record: string;
}
interface Match {
  sandbox_id: string;
  line: Line & { id: string };
  before: Line[];
  after: Line[];
}

async function get<Answer>(api: Api, path: string, status = 200): Promise<Answer> {
  const response = await fetch(`${api.address}${path}`);
  const text = await response.text();
  assert.equal(response.status, status, `${path}: ${text}`);
  return JSON.parse(text) as Answer;
}

/** All pages of a list; `between` runs after each. */
async function pages<Item>(
  api: Api,
  path: string,
  name: string,
  between: () => Promise<void> = async () => {},
): Promise<Item[]> {
  const all: Item[] = [];
  for (let cursor = ''; ; ) {
    const page = await get<{ next: string | null } & Record<string, Item[]>>(api, `${path}&cursor=${cursor}`);
    all.push(...page[name]!);
    if (page.next === null) return all;
    cursor = page.next;
    await between();
  }
}

const born = (minute: number): Partial<TestRow> => ({
  stream_started_at: FIRST_STREAM,
  observed_at: `2026-11-20 10:${String(minute).padStart(2, '0')}:00.000000000`,
});

test('sandboxes are found by state, id, workspace, template, host and time', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    { sandbox_id: 'sb-1', position: 0, message: 'x', workspace: 'a', template: 'node', ...born(1) },
    { sandbox_id: 'sb-2', position: 0, message: 'x', workspace: 'b', host: 'host-2', ...born(2) },
    { ...sealRow('sb-2', 2, 'deleted'), workspace: 'b', host: 'host-2', ...born(3) },
    { sandbox_id: 'other', position: 0, message: 'x', ...born(4) },
  ]);
  for (const [query, expected] of [
    ['', 'other sb-2 sb-1'],
    ['state=alive', 'other sb-1'],
    ['state=deleted', 'sb-2'],
    ['q=sb-', 'sb-2 sb-1'],
    ['q=%25', ''],
    ['workspace=b', 'sb-2'],
    ['template=node', 'sb-1'],
    ['host=host-2', 'sb-2'],
    ['since=2026-11-20T10:03:00Z', 'other sb-2'],
    ['until=2026-11-20T10:02:00Z', 'sb-1'],
    ['limit=2', 'other sb-2'],
  ] as const) {
    const { sandboxes } = await get<{ sandboxes: { id: string }[] }>(api, `/v1/sandboxes?${query}`);
    assert.equal(sandboxes.map(({ id }) => id).join(' '), expected, query);
  }
  await get(api, '/v1/sandboxes?state=dead', 400);
  await get(api, '/v1/sandboxes?cursor=nonsense', 400);
  await get(
    api,
    `/v1/sandboxes?cursor=${Buffer.from('{"first_seen_ns":"x","id":1}').toString('base64url')}`,
    400,
  );
});

test('pages of sandboxes have each once, whatever is born, written and deleted meanwhile', async (t) => {
  const api = await startApi(t);
  const names = Array.from({ length: 25 }, (_, at) => `sb-${at}`);
  await insertRows(
    api.client,
    api.database,
    names.map((sandbox_id, at) => ({ sandbox_id, position: 0, message: 'x', ...born(at >> 1) })),
  );
  let round = 0;
  const listed = await pages<{ id: string }>(api, '/v1/sandboxes?limit=4', 'sandboxes', async () => {
    round++;
    await insertRows(api.client, api.database, [
      { sandbox_id: `new-${round}`, position: 0, message: 'x', ...born(50) },
      { sandbox_id: `sb-${round}`, position: 2, message: 'more', ...born(50) },
      { ...sealRow(`sb-${round + 8}`, 2, 'deleted'), ...born(50) },
    ]);
  });
  assert.deepEqual(listed.map(({ id }) => id).sort(), names.toSorted());
});

test('a search finds lines of all sandboxes, newest first, with the rows around them', async (t) => {
  const api = await startApi(t);
  const day = (ago: number): string => new Date(Date.now() - ago * 86_400_000).toISOString().slice(0, 10);
  await insertRows(
    api.client,
    api.database,
    rowsOfFile('old', Buffer.from('one\ntwo needle\nthree\n'), { ingest_day: day(2) }),
  );
  await insertRows(api.client, api.database, [
    ...rowsOfFile('new', Buffer.from('a\nb\n'), { timestamp: '2026-11-20 10:00:05.000000000' }),
    gapRow('new', 4, 6, 'lost'),
    ...rowsOfFile(
      'new',
      Buffer.from('needle 50%\nc\nd\n'),
      { timestamp: '2026-11-20 10:00:05.000000000' },
      10,
    ),
    ...rowsOfFile('other', Buffer.from('NEEDLE\nneedle in the kernel\n'), { source: 'kernel' }),
  ]);
  const { matches, next } = await get<{ matches: Match[]; next: null }>(api, '/v1/search?q=needle&context=2');
  assert.equal(next, null);
  assert.deepEqual(
    matches.map(({ sandbox_id, line }) => `${sandbox_id} ${line.message}`),
    ['new needle 50%', 'other needle in the kernel', 'old two needle'],
  );
  const around = (rows: Line[]): string => rows.map((row) => row.message ?? row.record).join(' ');
  assert.deepEqual([around(matches[0]!.before), around(matches[0]!.after)], ['b gap', 'c d']);
  assert.deepEqual([around(matches[2]!.before), around(matches[2]!.after)], ['one', 'three']);
  for (const [query, expected] of [
    ['q=needle&sandbox=old', 'old'],
    ['q=needle&source=kernel', 'other'],
    ['q=needle&since=2026-11-20T10:00:04Z', 'new'],
    ['q=50%25', 'new'],
    ['q=needle&host=nowhere', ''],
    ['q=needle&log=events', ''],
    ['q=needle&limit=1', 'new'],
  ] as const) {
    const found = await get<{ matches: Match[] }>(api, `/v1/search?${query}`);
    assert.equal(found.matches.map(({ sandbox_id }) => sandbox_id).join(' '), expected, query);
  }
  // A found line’s id is a cursor of its log.
  const rest = await fetch(`${api.address}/v1/sandboxes/new/logs?cursor=${matches[0]!.line.id}`);
  assert.equal(await rest.text(), 'c\nd\n');
  await get(api, '/v1/search', 400);
});

test('pages of a search have each line once, while lines land and rows stand twice', async (t) => {
  const api = await startApi(t);
  await api.client.command({ query: `SYSTEM STOP MERGES ${api.database}.console_logs` });
  const rows = Array.from({ length: 12 }, (_, at) => ({
    sandbox_id: `sb-${at % 3}`,
    position: at * 10,
    message: `hit ${at}`,
    timestamp: `2026-11-20 10:00:0${at >> 2}.000000000`,
  }));
  for (const some of [rows, rows, rows.slice(4)]) await insertRows(api.client, api.database, some);
  let round = 0;
  const found = await pages<Match>(api, '/v1/search?q=hit&limit=5', 'matches', async () => {
    round++;
    const line = { sandbox_id: 'later', position: round * 100, message: 'hit later' };
    await insertRows(api.client, api.database, [{ ...line, timestamp: '2026-11-20 11:00:00.000000000' }]);
  });
  assert.deepEqual(found.map(({ line }) => line.message).sort(), rows.map(({ message }) => message).sort());
});

test('a histogram counts lines once, in all equal parts of a time', async (t) => {
  const api = await startApi(t);
  await api.client.command({ query: `SYSTEM STOP MERGES ${api.database}.console_logs` });
  const rows = Array.from({ length: 6 }, (_, at) => ({
    sandbox_id: 's',
    position: at,
    message: 'x',
    severity: at === 5 ? 'ERROR' : 'INFO',
    timestamp: `2026-11-20 10:0${at}:00.000000000`,
  }));
  for (const some of [rows, rows]) await insertRows(api.client, api.database, some);
  const path = '/v1/histogram?since=2026-11-20T10:00:00Z&until=2026-11-20T10:08:00Z&buckets=4';
  const { buckets } = await get<{ buckets: object[] }>(api, path);
  assert.deepEqual(buckets, [
    { from: '2026-11-20T10:00:00.000Z', counts: { INFO: 2 } },
    { from: '2026-11-20T10:02:00.000Z', counts: { INFO: 2 } },
    { from: '2026-11-20T10:04:00.000Z', counts: { INFO: 1, ERROR: 1 } },
    { from: '2026-11-20T10:06:00.000Z', counts: {} },
  ]);
  const by = await get<{ buckets: object[] }>(api, `${path.replace('=4', '=1')}&by=source`);
  assert.deepEqual(by.buckets, [{ from: '2026-11-20T10:00:00.000Z', counts: { app: 6 } }]);
  await get(api, '/v1/histogram?since=1h&until=2h', 400);
});

test('afterlog search prints them as grep does', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, rowsOfFile('s', Buffer.from('a\nneedle\nb\n')));
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: api.database,
  };
  const found = await afterlog(['search', 'needle', '-C', '1'], environment);
  assert.deepEqual(
    String(found.stdout)
      .replaceAll(/2026-\S+ \S+/g, 'time')
      .split('\n'),
    ['s- time app       INFO  a', 's: time app       INFO  needle', 's- time app       INFO  b', ''],
  );
  assert.equal(found.code, 0);
  const json = await afterlog(['search', 'needle', '--json'], environment);
  assert.equal((JSON.parse(String(json.stdout)) as Match).line.message, 'needle');
  assert.equal((await afterlog(['search', 'nothing'], environment)).code, 1);
});
