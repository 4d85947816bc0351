import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Api, startApi } from '../../support/api.ts';
import { insertRows, type TestRow } from '../../support/rows.ts';

async function get<Answer>(api: Api, path: string, status = 200): Promise<Answer> {
  const response = await fetch(`${api.address}${path}`);
  const text = await response.text();
  assert.equal(response.status, status, `${path}: ${text}`);
  return JSON.parse(text) as Answer;
}

const at = (minute: number, second = 0): string =>
  `2026-11-20 10:${String(minute).padStart(2, '0')}:${String(second).padStart(2, '0')}.000000000`;

function boot(name: string, minute: number, crash: string | null, more: Partial<TestRow> = {}): TestRow[] {
  const row = (position: number, event: string, second: number, title: string): TestRow => ({
    sandbox_id: name,
    stream_started_at: at(minute),
    position,
    timestamp: at(minute, second),
    event,
    title,
    message: title,
    ...more,
  });
  return [
    row(0, 'boot.start', 0, 'Linux 6.1.0'),
    crash === null ? row(10, 'boot.ready', 2, 'ready') : row(10, 'kernel.panic', 1, crash),
  ];
}

test('boots and crashes are listed by page, template and host; crashes by title with first and last seen', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    ...boot('sb-1', 1, null, { template: 'node', host: 'host-2' }),
    ...boot('sb-2', 2, 'panic: no init'),
    ...boot('sb-3', 3, 'panic: no init'),
    ...boot('sb-4', 3, 'panic: other'),
  ]);
  const since = 'since=2026-11-20T10:00:00Z';
  interface Boots {
    boots: { sandbox_id: string; outcome: string; ready_seconds: number | null }[];
    summary: { outcomes: Record<string, number> };
    next: string | null;
  }
  const all: string[] = [];
  for (let cursor = ''; ; ) {
    const page = await get<Boots>(api, `/v1/boots?${since}&limit=1&cursor=${cursor}`);
    all.push(...page.boots.map(({ sandbox_id }) => sandbox_id));
    assert.deepEqual(page.summary.outcomes, { panicked: 3, ready: 1 });
    if (page.next === null) break;
    cursor = page.next;
  }
  assert.deepEqual(all, ['sb-3', 'sb-4', 'sb-2', 'sb-1']);
  const ids = async (query: string): Promise<string> =>
    (await get<Boots>(api, `/v1/boots?${since}&${query}`)).boots
      .map(({ sandbox_id }) => sandbox_id)
      .join(' ');
  assert.equal(await ids('failed=1'), 'sb-3 sb-4 sb-2');
  assert.equal(await ids('template=node'), 'sb-1');
  assert.equal(await ids('host=host-2'), 'sb-1');
  assert.equal(await ids('sandbox=sb-2'), 'sb-2');
  assert.equal(await ids('until=2026-11-20T10:02:00Z'), 'sb-1');

  const { causes } = await get<{ causes: Record<string, unknown>[] }>(api, `/v1/crashes?${since}`);
  assert.deepEqual(
    causes.map(({ title, crashes, first_seen, last_seen }) => [title, crashes, first_seen, last_seen]),
    [
      ['panic: no init', 2, '2026-11-20T10:02:01.000Z', '2026-11-20T10:03:01.000Z'],
      ['panic: other', 1, '2026-11-20T10:03:01.000Z', '2026-11-20T10:03:01.000Z'],
    ],
  );
  const each: string[] = [];
  for (let cursor = ''; ; ) {
    const path = `/v1/crashes?${since}&each=1&limit=2&cursor=${cursor}`;
    const page = await get<{ crashes: { sandbox_id: string }[]; next: string | null }>(api, path);
    each.push(...page.crashes.map(({ sandbox_id }) => sandbox_id));
    if (page.next === null) break;
    cursor = page.next;
  }
  assert.deepEqual(each, ['sb-3', 'sb-4', 'sb-2']);
  const titled = await get<{ causes: { title: string }[] }>(api, `/v1/crashes?${since}&title=OTHER`);
  assert.deepEqual(
    titled.causes.map(({ title }) => title),
    ['panic: other'],
  );
  await get(api, '/v1/boots?cursor=e30', 400);
});
