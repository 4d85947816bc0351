import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { AfterlogError } from '../../../src/base/errors.ts';
import { compareSchema } from '../../../src/store/care/compare_schema.ts';
import { readMigrations, SCHEMAS } from '../../../src/store/care/migrate.ts';
import { restoreSchema } from '../../../src/store/care/restore_schema.ts';
import { schemaObjects } from '../../../src/store/care/schema_objects.ts';
import type { Store } from '../../../src/store/query.ts';
import { clickhouseUrl, migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { TODAY } from '../../support/rows.ts';

/** The tables drop what was observed too long ago. */
const NOW = `${TODAY} 00:00:00`;

test('every object of the schema is compared, and a migrated database differs in none', async (t) => {
  const { store, run } = await site(t);
  const names = schemaObjects(readMigrations(SCHEMAS)).map(({ name }) => name);
  const there = await rowsOf<{ name: string }>(store.client, `SHOW TABLES FROM ${store.database}`);
  assert.deepEqual([...names, 'schema_migrations'].sort(), there.map(({ name }) => name).sort());
  assert.deepEqual(await compareSchema(store.client, store.database), []);
  await run('ALTER TABLE {db}.console_logs ADD COLUMN note String, ADD INDEX more note TYPE minmax');
  await run('ALTER TABLE {db}.marks MODIFY SETTING merge_with_ttl_timeout = 3600');
  assert.deepEqual(await compareSchema(store.client, store.database), [], 'additions are no differences');
});

for (const [statement, part] of [
  ['ALTER TABLE {db}.console_logs MODIFY TTL ingest_day + INTERVAL 7 DAY', 'console_logs TTL'],
  ['ALTER TABLE {db}.console_logs REMOVE TTL', 'console_logs TTL'],
  ['ALTER TABLE {db}.console_logs DROP PROJECTION landed', 'console_logs projection landed'],
  ['ALTER TABLE {db}.console_logs DROP INDEX kinds', 'console_logs index kinds'],
  [
    'ALTER TABLE {db}.console_logs RESET SETTING ttl_only_drop_parts',
    'console_logs setting ttl_only_drop_parts',
  ],
  [
    'ALTER TABLE {db}.console_logs RESET SETTING lightweight_mutation_projection_mode',
    'console_logs setting lightweight_mutation_projection_mode',
  ],
  ['ALTER TABLE {db}.marks MODIFY COLUMN title LowCardinality(String)', 'marks column title'],
  ['ALTER TABLE {db}.marks DROP COLUMN reason', 'marks column reason'],
  ['RENAME TABLE {db}.streams TO {db}.other', 'streams missing'],
  ['DROP VIEW {db}.boots', 'boots missing'],
  ['DROP VIEW {db}.marks_view', 'marks_view missing'],
  ['CREATE OR REPLACE VIEW {db}.gaps AS SELECT 1 AS x', 'gaps query'],
  [
    'ALTER TABLE {db}.streams_view MODIFY QUERY SELECT sandbox_id FROM {db}.console_logs',
    'streams_view query',
  ],
] as const) {
  test(`a comparison finds: ${statement.replaceAll('{db}.', '')}`, async (t) => {
    const { store, run } = await site(t);
    await run(statement);
    const found = await compareSchema(store.client, store.database);
    assert.deepEqual(
      found.map((one) => `${one.object.name} ${one.part}`),
      [part],
    );
  });
}

test('a table with another engine or another order is found', async (t) => {
  const { store, run } = await site(t);
  const [{ text }] = (await rowsOf<{ text: string }>(
    store.client,
    `SELECT create_table_query AS text FROM system.tables WHERE database = '${store.database}' AND name = 'marks'`,
  )) as [{ text: string }];
  await run('DROP TABLE {db}.marks');
  await run(text.replace('ReplacingMergeTree', 'MergeTree').replace(', position, record)', ', position)'));
  const found = await compareSchema(store.client, store.database);
  assert.deepEqual(
    found.map(({ part }) => part),
    ['ENGINE', 'ORDER BY'],
  );
});

test('views are restored, and rows that a missing view did not see are derived again', async (t) => {
  const { store, run, insert, streams, marks } = await site(t);
  await insert('before', 0);
  await run('DROP VIEW {db}.streams_view');
  await run('DROP VIEW {db}.marks_view');
  await run('DROP VIEW {db}.boots');
  await run('CREATE OR REPLACE VIEW {db}.gaps AS SELECT 1 AS x');
  await insert('meanwhile', 0);
  assert.deepEqual([await streams(), await marks()], [1, 1]);
  const { objects, derived, left } = await restoreSchema(store);
  assert.deepEqual(objects.map(({ name }) => name).sort(), ['boots', 'gaps', 'marks_view', 'streams_view']);
  assert.deepEqual(derived, [
    { table: 'streams', streams: 1 },
    { table: 'marks', streams: 1 },
  ]);
  assert.deepEqual(left, []);
  await insert('afterwards', 0);
  assert.deepEqual([await streams(), await marks()], [3, 3]);
  assert.deepEqual(await compareSchema(store.client, store.database), []);
  assert.deepEqual(await restoreSchema(store), { objects: [], derived: [], left: [] });
});

test('a lost table is named as lost, and replaced only if that is asked for', async (t) => {
  const { store, run, insert, streams } = await site(t);
  await insert('one', 0);
  await run('DROP TABLE {db}.streams SYNC');
  await assert.rejects(restoreSchema(store), (error: AfterlogError) => {
    assert.equal(error.code, 'TABLE_LOST');
    assert.match(error.message, new RegExp(`${store.database}\\.streams is lost`));
    return true;
  });
  const { objects } = await restoreSchema(store, { replaceLost: true });
  assert.deepEqual(
    objects.map(({ name }) => name),
    ['streams'],
  );
  assert.equal(await streams(), 1);
});

async function site(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const run = (query: string) => client.command({ query: query.replaceAll('{db}', database) });
  const count = async (table: string) => {
    const [row] = await rowsOf<{ n: number }>(
      client,
      `SELECT uniqExact(sandbox_id) AS n FROM ${database}.${table}`,
    );
    return Number(row!.n);
  };
  const store: Store = { client, database, url: clickhouseUrl() };
  return {
    store,
    run,
    insert: (sandbox_id: string, position: number) =>
      client.insert({
        table: `${database}.console_logs`,
        format: 'JSONEachRow',
        values: [
          {
            ...{ record: 'line', sandbox_id, log: 'console', position, message: 'x', event: 'boot.start' },
            ...{ stream_started_at: '2026-11-23 10:00:00', observed_at: NOW, ingest_day: TODAY },
          },
        ],
      }),
    streams: () => count('streams'),
    marks: () => count('marks'),
  };
}
