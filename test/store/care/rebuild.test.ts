import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../../src/base/limits.ts';
import { startConsumer } from '../../../src/consume/consumer.ts';
import { type Lacking, rebuild as rebuildTables } from '../../../src/store/care/rebuild.ts';
import { createLander } from '../../../src/store/land/land.ts';
import { newEpoch, run } from '../../support/batches.ts';
import { clickhouseUrl, migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { afterlog } from '../../support/command.ts';
import { site } from '../../support/consumer_site.ts';
import { asStore, poisonBatch } from '../../support/letters.ts';
import { overrideLimits } from '../../support/limits.ts';
import { PATIENCE_MS, until } from '../../support/patience.ts';
import { insertRows, sealRow } from '../../support/rows.ts';
import { uniqueName } from '../../support/temporary.ts';
import { makeTopic } from '../../support/topic.ts';

const FIRST =
  'host, workspace, template, first_observed_at, last_observed_at, first_timestamp, last_timestamp, bytes';
const SET = 'arraySort(gap_positions) AS gap_positions, sealed_at, deleted_at, complete';

/** Rows of several streams, with gaps and seals, and what `streams` says of them. */
async function filled(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const lander = createLander(client, database, `${uniqueName('topic')}/0`);
  const epoch = newEpoch();
  const batches = [poisonBatch(epoch, 1), ...run(epoch, 2, 4, { sandbox_id: 'sb-2' })];
  batches.push(...run(epoch, 5, 5, { sandbox_id: `sb-'quoted' \\ and more` }), ...run(epoch, 8, 8));
  await lander.land(batches);
  const streams = () =>
    rowsOf<{ sandbox_id: string }>(
      client,
      `SELECT sandbox_id, log, stream_started_at, ${FIRST}, ${SET} FROM ${database}.streams FINAL
       ORDER BY sandbox_id, log, stream_started_at`,
    );
  const store = asStore(client, database);
  const rebuild = async (mend: boolean, sandboxes?: number): Promise<Lacking[]> => {
    const pieces: Lacking[] = [];
    const options = sandboxes === undefined ? { mend } : { mend, sandboxes };
    for await (const piece of rebuildTables(store, options)) pieces.push(...piece);
    return pieces;
  };
  return { client, database, streams, rebuild, before: await streams() };
}

test('what agrees is called so, and a rebuild of it inserts nothing', async (t) => {
  const { client, database, rebuild, before } = await filled(t);
  assert.equal(before.length, 5, 'two sandboxes of a batch, two others, and the gap row that names none');
  assert.deepEqual(await rebuild(false), []);
  assert.deepEqual(await rebuild(true), []);
  const count = `SELECT count() AS parts FROM system.parts WHERE database = '${database}' AND table = 'streams' AND level = 0`;
  const [parts] = await rowsOf<{ parts: number }>(client, count);
  await rebuild(true);
  assert.deepEqual((await rowsOf<{ parts: number }>(client, count))[0], parts);
});

test('streams that were lost come back as they were, some sandboxes at a time, and each time again', async (t) => {
  for (const sandboxes of [1, 2, 1_000]) {
    const { client, database, streams, rebuild, before } = await filled(t);
    await client.command({ query: `TRUNCATE TABLE ${database}.streams` });
    if (sandboxes === 1_000) {
      assert.equal((await rebuild(false)).length, 5);
      assert.deepEqual(await streams(), [], 'a check changes nothing');
    }
    assert.equal((await rebuild(true, sandboxes)).length, 5);
    assert.deepEqual(await streams(), before);
    assert.deepEqual(await rebuild(true, sandboxes), []);
    assert.deepEqual(await rebuild(false, sandboxes), []);
  }
});

test('each column that lacks something is seen and mended', async (t) => {
  const { client, database, streams, rebuild, before } = await filled(t);
  const changes = [
    "host = ''",
    'first_observed_at = last_observed_at + 1',
    'last_observed_at = toDateTime64(1, 9)',
    'first_timestamp = last_timestamp + 1',
    'last_timestamp = toDateTime64(1, 9)',
    'bytes = 0',
    'gap_positions = []',
    'sealed_at = NULL',
    'deleted_at = NULL',
    'complete = NULL',
  ];
  for (const change of changes) {
    await client.command({
      query: `ALTER TABLE ${database}.streams UPDATE ${change} WHERE complete IS NOT NULL OR gap_positions != []`,
      clickhouse_settings: { mutations_sync: '2' },
    });
    assert.ok((await rebuild(true)).length > 0, change);
    assert.deepEqual(await streams(), before, change);
  }
});

test('marks that were lost or changed come back as they were, of rows that stand twice, too', async (t) => {
  const { client, database, rebuild } = await filled(t);
  await insertRows(client, database, [
    { sandbox_id: 'sb-1', position: 0, event: 'boot.start', title: 'Linux 6.1' },
    { sandbox_id: 'sb-1', position: 9, message: 'quiet' },
    { sandbox_id: 'sb-1', position: 20, event: '', title: 'BUG: in foo' },
    sealRow('sb-1', 30, 'deleted'),
  ]);
  // Told again, by a mended spool: the later row counts.
  await insertRows(client, database, [sealRow('sb-1', 30, 'truncated')]);
  const marks = () =>
    rowsOf<{ sandbox_id: string }>(client, `SELECT * FROM ${database}.marks FINAL ORDER BY ALL`);
  const before = await marks();
  assert.equal(before.filter(({ sandbox_id }) => sandbox_id === 'sb-1').length, 3);
  assert.deepEqual(await rebuild(false), []);
  await client.command({ query: `TRUNCATE TABLE ${database}.marks` });
  const lacking = await rebuild(false);
  assert.deepEqual(new Set(lacking.map(({ table }) => table)), new Set(['marks']));
  assert.deepEqual(await rebuild(true), lacking);
  assert.deepEqual(await marks(), before);
  await client.command({
    query: `ALTER TABLE ${database}.marks UPDATE title = 'other' WHERE position = 20`,
    clickhouse_settings: { mutations_sync: '2' },
  });
  assert.deepEqual(
    (await rebuild(true)).map(({ sandbox_id }) => sandbox_id),
    ['sb-1'],
  );
  assert.deepEqual(await marks(), before);
});

test('what outlived its rows stays', async (t) => {
  const { client, database, streams, rebuild, before } = await filled(t);
  await client.command({
    query: `ALTER TABLE ${database}.console_logs DELETE WHERE sandbox_id = 'sb-2'`,
    clickhouse_settings: { mutations_sync: '2' },
  });
  assert.deepEqual(await rebuild(true), []);
  assert.deepEqual(await streams(), before);
});

test('a view that threw leaves streams behind: the check names it, the command mends it, exit codes say so', async (t) => {
  const { client, database, streams } = await filled(t);
  await client.command({
    query: `CREATE MATERIALIZED VIEW ${database}.a_bad ENGINE = Null AS
      SELECT throwIf(sandbox_id = 'sb-bad', 'no') AS x FROM ${database}.console_logs`,
  });
  // Whichever of two views runs first: the one of streams does not run at all.
  await client.command({ query: `DETACH TABLE ${database}.streams_view` });
  const lander = createLander(client, database, `${uniqueName('topic')}/0`);
  await lander.land(run(newEpoch(), 1, 1, { sandbox_id: 'sb-bad' }));
  await client.command({ query: `ATTACH TABLE ${database}.streams_view` });
  const known = async () => (await streams()).filter(({ sandbox_id }) => sandbox_id === 'sb-bad').length;
  assert.equal(await known(), 0);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };
  const checked = await afterlog(['rebuild', '--check'], environment);
  assert.equal(checked.code, 1, checked.stderr);
  assert.match(
    String(checked.stdout),
    /^sb-bad console from .*: out of date in streams\nOut of date: 1 stream in .*\.streams\. Run `afterlog rebuild`/,
  );
  const mended = await afterlog(['rebuild', '--json'], environment);
  assert.equal(mended.code, 0, mended.stderr);
  assert.match(String(mended.stdout), /"lacking":1,"mended":true\}\n$/);
  assert.equal(await known(), 1);
  const again = await afterlog(['rebuild', '--check'], environment);
  assert.deepEqual(
    [again.code, String(again.stdout)],
    [0, `${database}.streams and ${database}.marks agree with the rows of console_logs.\n`],
  );
});

test('beside a consumer that lands, what is on its way is not called lacking, and a rebuild changes nothing', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  const consumer = await startConsumer(settings);
  t.after(() => consumer.stop());
  const store = asStore(client, database);
  let isOver = false;
  let sent = 0;
  const sending = (async () => {
    while (!isOver) {
      sent++;
      await topic.send(run(epoch, sent, sent, { rows: 500 }));
      await sleep(20);
    }
  })();
  await until(() => consumer.status().inserts > 2);
  // On a slow machine an INSERT takes longer between its rows and the view's.
  overrideLimits({ rebuild: { looks: PATIENCE_MS / limits.rebuild.pause_ms } }, t);
  for (let time = 0; time < 5; time++) {
    for await (const lacking of rebuildTables(store, { mend: false })) assert.deepEqual(lacking, []);
    for await (const _ of rebuildTables(store, { mend: true }));
  }
  isOver = true;
  await sending;
  await until(async () => (await topic.committed()) === sent);
  const [found] = await rowsOf(
    client,
    `SELECT (SELECT max(bytes) FROM ${database}.streams) =
       (SELECT max(position + length(message) + length(ending)) FROM ${database}.console_logs) AS agrees`,
  );
  assert.deepEqual(found, { agrees: 1 });
});

test('whoever finds rows landed after a doubt derives from them again: its own, or those of a consumer that died', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const place = `${uniqueName('topic')}/0`;
  const view = (what: string) => client.command({ query: `${what} TABLE ${database}.streams_view` });
  const epoch = newEpoch();
  const known = () =>
    rowsOf(
      client,
      `SELECT sandbox_id, max(bytes) AS bytes, max(complete) AS complete FROM ${database}.streams
      WHERE sandbox_id != '' GROUP BY sandbox_id ORDER BY sandbox_id`,
    );
  // As if it had been killed between its rows and the view's.
  await view('DETACH');
  const batches = [...run(epoch, 1, 3), poisonBatch(epoch, 4), ...run(epoch, 5, 6, { sandbox_id: 'sb-2' })];
  const dead = createLander(client, database, place);
  await dead.land(batches);
  await view('ATTACH');
  assert.deepEqual(await known(), []);
  const heir = createLander(client, database, place);
  const { landed, skipped } = await heir.land([...batches, ...run(epoch, 7, 7, { sandbox_id: 'sb-3' })]);
  assert.deepEqual([landed.length, skipped.length], [1, 6]);
  const found = await known();
  assert.deepEqual(
    found.map((row) => (row as { sandbox_id: string }).sandbox_id),
    ['sb-2', 'sb-3', `sb-${epoch}`, `sb-${epoch}-b`],
  );
  for await (const lacking of rebuildTables(asStore(client, database), { mend: false })) {
    assert.deepEqual(lacking, []);
  }
  // A group that was set back reads what is old: nothing is derived from that again.
  await client.command({ query: `TRUNCATE TABLE ${database}.streams` });
  const later = createLander(client, database, place);
  assert.equal((await later.land(batches.slice(0, 3))).skipped.length, 3);
  assert.deepEqual(await known(), []);
});
