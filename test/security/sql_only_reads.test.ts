import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { startClickHouseWithUsers } from '../support/clickhouse_users.ts';
import { runReleased } from '../support/released.ts';

test('sql changes nothing without --write', async (t) => {
  const url = await startClickHouseWithUsers(t, [{ name: 'everything', grants: ['ALL ON *.*'] }]);
  const environment = loginOf(url, 'everything');
  const client = createClient({
    url,
    username: 'everything',
    password: 'everything',
    log: { level: ClickHouseLogLevel.OFF },
  });
  t.after(() => client.close());
  await client.command({ query: 'CREATE TABLE afterlog.precious (n UInt8) ENGINE = MergeTree ORDER BY n' });
  await client.command({ query: 'INSERT INTO afterlog.precious VALUES (1)' });
  const state = async (): Promise<string> => {
    const query = 'SELECT n FROM afterlog.precious';
    return await (await client.query({ query, format: 'TabSeparated' })).text();
  };
  const before = await state();
  for (const query of [
    'INSERT INTO precious VALUES (2)',
    'WITH 2 AS n INSERT INTO precious SELECT n',
    'ALTER TABLE precious DELETE WHERE 1 SETTINGS mutations_sync = 2',
    'DELETE FROM precious WHERE 1',
    'INSERT INTO precious SETTINGS readonly = 0 VALUES (2)',
    'SELECT 1; TRUNCATE TABLE precious',
    '/* SELECT */ TRUNCATE TABLE precious',
    ' -- SELECT\n TRUNCATE TABLE precious',
    'TRUNCATE TABLE precious',
    'RENAME TABLE precious TO other',
    'DROP TABLE precious',
  ]) {
    const { code, stderr } = await runReleased(['sql', query], environment);
    assert.equal(await state().catch(() => 'it is gone'), before, `${query} ran`);
    assert.equal(code, 1, query);
    if (!query.includes(';')) assert.match(stderr, /\[SQL_READ_ONLY\]\n.*--write/, query);
  }
  const { code, stderr } = await runReleased(['sql', '--write', 'DROP TABLE precious'], environment);
  assert.equal(code, 0, stderr);
  assert.equal(await state().catch(() => 'it is gone'), 'it is gone');
});

test('sql of a user with all rights neither ends queries nor reads or writes files', async (t) => {
  const url = await startClickHouseWithUsers(t, [{ name: 'everything', grants: ['ALL ON *.*'] }]);
  const environment = loginOf(url, 'everything');
  const disk = await runReleased(
    ['sql', "SELECT path FROM system.disks WHERE name = 'default' FORMAT TSV"],
    environment,
  );
  // The one folder where the server itself may write.
  const file = join(String(disk.stdout).trim(), 'written');
  for (const query of [
    `INSERT INTO FUNCTION file('${file}', 'LineAsString', 'line String') VALUES ('x')`,
    `WITH 'x' AS line INSERT INTO FUNCTION file('${file}', 'LineAsString', 'line String') SELECT line`,
    `SELECT * FROM file('status', 'LineAsString')`,
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')",
    'KILL QUERY WHERE 1',
    'SYSTEM FLUSH LOGS',
    'SELECT 1 SETTINGS readonly = 0',
    'SET readonly = 0',
  ]) {
    const { code, stderr } = await runReleased(['sql', query], environment);
    assert.ok(!existsSync(file), `${query} wrote a file`);
    assert.equal(code, 1, `${query} ran`);
    assert.match(stderr, /\[SQL_READ_ONLY\]/, query);
  }
});

test('sql reads as before, also as a user whose profile only reads', async (t) => {
  const url = await startClickHouseWithUsers(t, [
    { name: 'reader', grants: ['SELECT ON afterlog.*'], readonly: 2 },
  ]);
  const environment = loginOf(url, 'reader');
  for (const query of [
    'SELECT count() FROM console_logs',
    '  /* a */ -- b\n (SELECT 1)',
    'FROM gaps SELECT count()',
    'show tables',
    'DESCRIBE TABLE gaps',
    'EXPLAIN SELECT * FROM gaps',
    'WITH 1 AS n SELECT n FORMAT CSV',
  ]) {
    const { code, stderr } = await runReleased(['sql', query], environment);
    assert.equal(code, 0, `${query}: ${stderr}`);
  }
});

/** The name of a test's user is also the password. */
function loginOf(url: string, name: string): Record<string, string> {
  return {
    AFTERLOG_CLICKHOUSE_URL: url,
    AFTERLOG_CLICKHOUSE_USERNAME: name,
    AFTERLOG_CLICKHOUSE_PASSWORD: name,
  };
}
