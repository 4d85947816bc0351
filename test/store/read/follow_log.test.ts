import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AfterlogError } from '../../../src/base/errors.ts';
import { openStore } from '../../../src/store/query.ts';
import { followLog } from '../../../src/store/read/follow_log.ts';
import { clickhouseSettings, clickhouseSite } from '../../support/clickhouse.ts';
import { NOWHERE } from '../../support/nowhere.ts';
import { insertRows, rowsOfFile } from '../../support/rows.ts';

const id = { sandbox_id: 's', log: 'console', workspace: null };

test('what a filter leaves out is passed once and not read again at every look', async (t) => {
  const { settings, client, database } = await clickhouseSite(t);
  await insertRows(client, database, rowsOfFile('s', Buffer.from('unwanted\n'.repeat(5_000))));
  const store = openStore(settings);
  t.after(() => store.client.close());
  const queries = t.mock.method(store.client, 'query').mock;
  const stop = new AbortController();
  const filter = { severity: 'FATAL' } as const;
  const onTrouble = (): void => assert.fail();
  let looks = 0;
  for await (const step of followLog(store, id, {
    after: null,
    filter,
    signal: stop.signal,
    onTrouble,
    poll_ms: 1,
  })) {
    assert.deepEqual(step, { rows: [], end: null });
    if (++looks === 10) stop.abort();
  }
  // One read of the rows; else only looks for the last row.
  assert.equal(queries.callCount(), looks + 2);
});

test('an outage is told once, however often it is tried', async (t) => {
  const clickhouseUrl = `http://${NOWHERE}`;
  const store = openStore(await clickhouseSettings(t, { clickhouseUrl }));
  t.after(() => store.client.close());
  const stop = new AbortController();
  const told: (AfterlogError | null)[] = [];
  let tries = 0;
  for await (const _ of followLog(store, id, {
    after: null,
    signal: stop.signal,
    onTrouble: (trouble) => told.push(trouble),
  })) {
    if (++tries === 3) stop.abort();
  }
  assert.deepEqual(
    told.map((trouble) => trouble?.code),
    ['CLICKHOUSE_UNREACHABLE'],
  );
});
