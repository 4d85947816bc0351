import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, clickhouseOrigin, clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { startClickHouseWithUsers } from '../support/clickhouse_users.ts';
import { afterlog } from '../support/command.ts';
import { diagnose } from '../support/doctor.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { uniqueName } from '../support/temporary.ts';

function environmentFor(database: string, more: Record<string, string> = {}): Record<string, string> {
  return { AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(), AFTERLOG_CLICKHOUSE_DATABASE: database, ...more };
}

test('one that does not answer is an error where it is needed', async () => {
  const url = `http://${NOWHERE}`;
  const direct = (await diagnose({ AFTERLOG_CLICKHOUSE_URL: url })).one('clickhouse/reach');
  assert.deepEqual([direct.level, direct.roles], ['error', ['agent', 'server']]);
  const set = await diagnose({ AFTERLOG_CLICKHOUSE_URL: url, AFTERLOG_KAFKA_BROKERS: NOWHERE });
  assert.deepEqual(set.one('clickhouse/reach').roles, ['consumer', 'server']);
  assert.equal(set.one('clickhouse/reach').level, 'error');
  assert.deepEqual(set.of('rights'), []);
});

test('a user or password that is not taken is an error that names the settings', async () => {
  const environment = environmentFor('default', {
    AFTERLOG_CLICKHOUSE_URL: clickhouseOrigin(),
    AFTERLOG_CLICKHOUSE_USERNAME: 'nobody',
  });
  const found = (await diagnose(environment)).one('clickhouse/reach');
  assert.match(found.message, /refuses user nobody: code 516 AUTHENTICATION_FAILED/);
  assert.match(found.cure!, /AFTERLOG_CLICKHOUSE_PASSWORD/);
});

test('the schema: none, this version’s, a later one’s', async (t) => {
  const client = clickhouse(t);
  const database = uniqueName('test');
  t.after(() => client.command({ query: `DROP DATABASE IF EXISTS ${database}` }));
  const behind = await diagnose(environmentFor(database));
  const { level, message, command } = behind.one('clickhouse/schema');
  assert.deepEqual([level, command], ['error', 'afterlog migrate']);
  assert.match(message, /lacks 0001_console_logs/);
  await migrate(client, database);
  const found = await diagnose(environmentFor(database));
  assert.equal(found.one('clickhouse/schema').level, 'ok');
  assert.equal(found.code, 0);
  await client.command({
    query: `INSERT INTO ${database}.schema_migrations (number, name, checksum) VALUES (9999, '9999_later', '')`,
  });
  const ahead = (await diagnose(environmentFor(database))).one('clickhouse/schema');
  assert.equal(ahead.level, 'error');
  assert.match(`${ahead.message} ${ahead.cure}`, /9999_later.*Update afterlog/);
});

test('what a loss of power may take is a note, until the command that it gives has run', async (t) => {
  const { database } = await migratedDatabase(t);
  const environment = environmentFor(database);
  const { level, command } = (await diagnose(environment)).one('clickhouse/power_loss');
  assert.equal(level, 'note');
  const [, query] = /^afterlog sql --write '(.*)'$/.exec(command!)!;
  assert.equal((await afterlog(['sql', '--write', query!], environment)).code, 0);
  assert.equal((await diagnose(environment)).one('clickhouse/power_loss').level, 'ok');
});

test('rights: a reader, a writer, and one whose profile is readonly', async (t: TestContext) => {
  const url = await startClickHouseWithUsers(t, [
    { name: 'reader', grants: ['SELECT ON afterlog.*'] },
    { name: 'writer', grants: ['SELECT, INSERT ON afterlog.*', 'SELECT ON system.processes'] },
    {
      name: 'lander',
      grants: ['SELECT ON afterlog.*', 'INSERT ON afterlog.console_logs', 'SELECT ON system.processes'],
    },
    { name: 'bound', grants: ['SELECT ON *.*'], readonly: 1 },
  ]);
  const look = async (name: string) => {
    const found = await diagnose({
      AFTERLOG_CLICKHOUSE_URL: url,
      AFTERLOG_CLICKHOUSE_USERNAME: name,
      AFTERLOG_CLICKHOUSE_PASSWORD: name,
    });
    return found.of('rights').map(({ check, level }) => `${check}: ${level}`);
  };
  assert.deepEqual(await look('reader'), [
    'select: ok',
    'insert: error',
    'derive: warning',
    'erase: note',
    'create: note',
    'kill_query: warning',
  ]);
  const written = ['select: ok', 'insert: ok', 'derive: ok', 'erase: note', 'create: note', 'kill_query: ok'];
  assert.deepEqual(await look('writer'), written);
  written[2] = 'derive: warning';
  assert.deepEqual(await look('lander'), written);
  assert.ok((await look('bound')).includes('readonly: error'));
});
