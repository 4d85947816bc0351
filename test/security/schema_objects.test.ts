import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clickhouseUrl, migratedDatabase, rowsOf } from '../support/clickhouse.ts';
import { runReleased } from '../support/released.ts';
import { TODAY } from '../support/rows.ts';

/** The tables drop what was observed too long ago. */
const NOW = `${TODAY} 00:00:00`;

test('a dropped view is restored by migrate, with the rows that it did not see; doctor names what is missing', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };
  await client.command({ query: `DROP VIEW ${database}.streams_view` });
  await client.insert({
    table: `${database}.console_logs`,
    format: 'JSONEachRow',
    values: [
      {
        record: 'line',
        sandbox_id: 'sb',
        log: 'console',
        message: 'last words',
        observed_at: NOW,
        ingest_day: TODAY,
      },
    ],
  });
  const before = await runReleased(['doctor', '--json'], environment);
  assert.match(String(before.stdout), /"level":"error".*materialized view \w+\.streams_view is missing/);
  assert.equal((await runReleased(['migrate'], environment)).code, 0);
  const sandboxes = await rowsOf(client, `SELECT sandbox_id FROM ${database}.sandboxes`);
  assert.deepEqual(sandboxes, [{ sandbox_id: 'sb' }]);
});

test('a lost table is named as lost, by doctor and by migrate', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const environment = {
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };
  await client.command({ query: `DROP TABLE ${database}.marks SYNC` });
  const found = await runReleased(['doctor', '--json'], environment);
  assert.match(String(found.stdout), /"level":"error".*Table \w+\.marks is lost/);
  const { code, stderr } = await runReleased(['migrate'], environment);
  assert.equal(code, 1);
  assert.match(stderr, /marks is lost.*\[TABLE_LOST\]/);
  const replaced = await runReleased(['migrate', '--replace-lost'], environment);
  assert.equal(replaced.code, 0, replaced.stderr);
  assert.match(
    String((await runReleased(['doctor', '--json'], environment)).stdout),
    /"check":"schema","level":"ok"/,
  );
});
