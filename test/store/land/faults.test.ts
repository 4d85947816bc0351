import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { createLander, type Lander } from '../../../src/store/land/land.ts';
import { newEpoch, run, today } from '../../support/batches.ts';
import { clickhouseUrl, migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { assertLandedOnce, gapsOf } from '../../support/landed_rows.ts';
import { until } from '../../support/patience.ts';
import { startProxy } from '../../support/proxy.ts';
import { slowInserts } from '../../support/slow_inserts.ts';
import { uniqueName } from '../../support/temporary.ts';
import { waitsFor } from '../../support/waits_for.ts';

/** A lander on a table of its own whose merges are stopped; what is refused for good fails the test. */
async function site(t: TestContext, options: Parameters<typeof createClient>[0] = {}) {
  const { client, database } = await migratedDatabase(t);
  await client.command({ query: `SYSTEM STOP MERGES ${database}.console_logs` });
  const own = createClient({ url: clickhouseUrl(), log: { level: ClickHouseLogLevel.OFF }, ...options });
  t.after(() => own.close());
  const setAside = async ({ reason }: { reason: string }): Promise<void> =>
    assert.fail(`set aside: ${reason}`);
  const lander = createLander(own, database, `${uniqueName('topic')}/0`, { setAside });
  const alter = (what: string) => client.command({ query: `ALTER TABLE ${database}.console_logs ${what}` });
  return { client, database, lander, alter };
}

async function saysWhy(lander: Lander, reason: RegExp): Promise<void> {
  await waitsFor(lander, reason);
  assert.match(lander.status().paused!, /batches wait, nothing is lost/);
}

/** A fault of the whole server or table: how it is brought about and mended, and what is said of it meanwhile. */
const faults: [string, string, string, RegExp][] = [
  [
    'a table that is read-only',
    'MODIFY SETTING table_readonly = 1',
    'MODIFY SETTING table_readonly = 0',
    /TABLE_IS_PERMANENTLY_READ_ONLY.*CLICKHOUSE_REFUSED/,
  ],
  [
    'too many parts',
    'MODIFY SETTING parts_to_delay_insert = 1, parts_to_throw_insert = 1',
    'RESET SETTING parts_to_delay_insert, parts_to_throw_insert',
    /TOO_MANY_PARTS.*CLICKHOUSE_REFUSED/,
  ],
  [
    'a disk without space',
    'MODIFY SETTING min_free_disk_bytes_to_perform_insert = 1000000000000000',
    'RESET SETTING min_free_disk_bytes_to_perform_insert',
    /NOT_ENOUGH_SPACE.*CLICKHOUSE_REFUSED/,
  ],
  [
    'rows for which the memory never suffices',
    'ADD COLUMN greedy UInt64 DEFAULT length(range(3000000 + position % 2))',
    'MODIFY COLUMN greedy UInt64 DEFAULT 0',
    /MEMORY_LIMIT_EXCEEDED.*CLICKHOUSE_REFUSED/,
  ],
];

for (const [what, begin, end, reason] of faults) {
  test(`${what}: batches wait with the reason, none is set aside, and all land once when it is over`, async (t) => {
    const { client, database, lander, alter } = await site(t, {
      clickhouse_settings: { max_memory_usage: '200000000' },
    });
    const epoch = newEpoch();
    await lander.land(run(epoch, 1, 3));
    await alter(begin);
    const landing = lander.land(run(epoch, 4, 9));
    await saysWhy(lander, reason);
    await alter(end);
    assert.equal((await landing).landed.length, 6);
    assert.equal(lander.status().paused, null);
    await assertLandedOnce(client, database, epoch, 90);
    assert.deepEqual(await gapsOf(client, database, epoch), []);
  });
}

test('joined batches that are too much for the memory land one by one', async (t) => {
  const { client, database, lander } = await site(t, {
    clickhouse_settings: { max_memory_usage: '30000000' },
  });
  const epoch = newEpoch();
  const { landed, refused } = await lander.land(run(epoch, 1, 40, { rows: 6_000 }));
  assert.deepEqual([landed.length, refused.length], [40, 0]);
  assert.ok(lander.status().inserts > 40, 'the first try was all of them');
  await assertLandedOnce(client, database, epoch, 240_000);
});

test('a client that gives up while the server goes on: what still runs is ended first, and all lands once', async (t) => {
  const { client, database, lander } = await site(t, { request_timeout: 2_000 });
  const epoch = newEpoch();
  // Sleeps before its part is written, for longer than the client waits.
  const quick = await slowInserts(client, database, 0.058);
  const landing = lander.land(run(epoch, 1, 5));
  await waitsFor(lander, /does not answer.*CLICKHOUSE_UNREACHABLE/);
  await quick();
  assert.equal((await landing).landed.length, 5);
  await assertLandedOnce(client, database, epoch, 50);
});

test('a table that is ahead of the batches has their rows, with its defaults', async (t) => {
  const { client, database, lander, alter } = await site(t);
  await alter("ADD COLUMN later LowCardinality(String) DEFAULT 'of a later version'");
  const epoch = newEpoch();
  await lander.land(run(epoch, 1, 2));
  await assertLandedOnce(client, database, epoch, 20);
  const rows = await rowsOf(client, `SELECT DISTINCT later FROM ${database}.console_logs`);
  assert.deepEqual(rows, [{ later: 'of a later version' }]);
});

test('midnight between two tries: a batch keeps its day, and lands once', async (t) => {
  const proxy = await startProxy(t, clickhouseUrl());
  const { client, database, lander } = await site(t, { url: proxy.url, request_timeout: 3_000 });
  const epoch = newEpoch();
  const yesterday = { day: today() - 1 };
  await lander.land(run(epoch, 1, 1, yesterday));
  // The answer to the last INSERT of the day that ends is lost; the next try is of the day that begins.
  proxy.muted = true;
  const landing = lander.land([...run(epoch, 2, 3, yesterday), ...run(epoch, 4, 6)]);
  const landed = `SELECT 1 FROM ${database}.console_logs WHERE batch_sequence = 3 LIMIT 1`;
  await until(async () => (await rowsOf(client, landed)).length > 0);
  await until(() => lander.status().paused !== null);
  proxy.muted = false;
  assert.equal((await landing).landed.length, 5);
  await assertLandedOnce(client, database, epoch, 60);
  const days = await rowsOf(
    client,
    `SELECT count() AS rows FROM ${database}.console_logs GROUP BY ingest_day`,
  );
  assert.deepEqual(days, [{ rows: 30 }, { rows: 30 }]);
});
