import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { AfterlogError } from '../../../src/base/errors.ts';
import { migrate, readMigrations, requireSchema } from '../../../src/store/care/migrate.ts';
import { clickhouse, rowsOf } from '../../support/clickhouse.ts';
import { temporaryDir, uniqueName } from '../../support/temporary.ts';

test('a fresh database gets every migration once, a second run does nothing', async (t) => {
  const { client, database } = await emptyDatabase(t);
  const first = await migrate(client, database);
  assert.equal(first.applied[0], '0001_console_logs');
  assert.deepEqual(await migrate(client, database), { applied: [] });
  await requireSchema(client, database);
  const rows = await rowsOf<{ name: string }>(
    client,
    `SELECT name FROM ${database}.schema_migrations ORDER BY number`,
  );
  assert.deepEqual(
    rows.map(({ name }) => name),
    first.applied,
  );
});

test('eight that start at once on a fresh database all succeed', async (t) => {
  const { client, database } = await emptyDatabase(t);
  await Promise.all(Array.from({ length: 8 }, () => migrate(client, database)));
  await requireSchema(client, database);
  assert.deepEqual(await migrate(client, database), { applied: [] });
});

test('a file that was applied only in part is applied again', async (t) => {
  const { client, database } = await emptyDatabase(t);
  await migrate(client, database);
  await client.command({ query: `TRUNCATE TABLE ${database}.schema_migrations` });
  const { applied } = await migrate(client, database);
  assert.equal(applied[0], '0001_console_logs');
});

test('a database without the schema is told apart from one that is ahead', async (t) => {
  const { client, database } = await emptyDatabase(t);
  await assert.rejects(requireSchema(client, database), { code: 'SCHEMA_BEHIND' });
  await migrate(client, database);
  await client.command({
    query: `INSERT INTO ${database}.schema_migrations (number, name, checksum) VALUES (9999, '9999_later', '')`,
  });
  for (const call of [migrate, requireSchema]) {
    await assert.rejects(call(client, database), (error: AfterlogError) => {
      assert.equal(error.code, 'SCHEMA_AHEAD');
      assert.match(error.message, /9999_later/);
      return true;
    });
  }
});

test('an applied migration whose file has changed is named', async (t) => {
  const { client, database } = await emptyDatabase(t);
  const schemas = await temporaryDir(t);
  await writeFile(
    join(schemas, '0001_a.sql'),
    'CREATE TABLE IF NOT EXISTS {database}.a (x Int8) ENGINE = Memory;\n',
  );
  await migrate(client, database, schemas);
  await writeFile(
    join(schemas, '0001_a.sql'),
    'CREATE TABLE IF NOT EXISTS {database}.a (x Int16) ENGINE = Memory;\n',
  );
  await assert.rejects(migrate(client, database, schemas), (error: AfterlogError) => {
    assert.equal(error.code, 'MIGRATION_CHANGED');
    assert.match(error.message, /0001_a/);
    return true;
  });
});

test('a later file is applied alone, and a refused statement names its file', async (t) => {
  const { client, database } = await emptyDatabase(t);
  const schemas = await temporaryDir(t);
  const table = (name: string) => `CREATE TABLE IF NOT EXISTS {database}.${name} (x Int8) ENGINE = Memory;\n`;
  await writeFile(
    join(schemas, '0001_a.sql'),
    `-- only words; here\n${table('a')}-- more words;\n${table('b')}`,
  );
  assert.deepEqual(await migrate(client, database, schemas), { applied: ['0001_a'] });
  await writeFile(join(schemas, '0002_c.sql'), table('c'));
  assert.deepEqual(await migrate(client, database, schemas), { applied: ['0002_c'] });
  await writeFile(join(schemas, '0003_d.sql'), 'CREATE NONSENSE;\n');
  await assert.rejects(migrate(client, database, schemas), (error: AfterlogError) => {
    assert.equal(error.code, 'CLICKHOUSE_REFUSED');
    assert.match(error.message, /0003_d/);
    return true;
  });
  const tables = await rowsOf<{ name: string }>(client, `SHOW TABLES FROM ${database}`);
  assert.deepEqual(
    tables.map(({ name }) => name),
    ['a', 'b', 'c', 'schema_migrations'],
  );
});

test('a folder with a wrong name or a number twice is refused', async (t) => {
  const schemas = await temporaryDir(t);
  await writeFile(join(schemas, '0001_a.sql'), '');
  await writeFile(join(schemas, '0001_b.sql'), '');
  assert.throws(() => readMigrations(schemas), /0001_b: the number is taken/);
  await writeFile(join(schemas, '1_c.sql'), '');
  assert.throws(() => readMigrations(schemas), /1_c\.sql is not named/);
});

async function emptyDatabase(t: TestContext) {
  const client = clickhouse(t);
  const database = uniqueName('test');
  t.after(() => client.command({ query: `DROP DATABASE IF EXISTS ${database}` }));
  return { client, database };
}
