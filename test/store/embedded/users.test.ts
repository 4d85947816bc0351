import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { usersFolder } from '../../../src/store/embedded/access.ts';
import { ask } from '../../../src/store/embedded/ask.ts';
import { type Embedded, startEmbedded } from '../../../src/store/embedded/embedded.ts';
import { overrideLimits } from '../../support/limits.ts';
import { PATIENCE_MS } from '../../support/patience.ts';
import { temporaryDir } from '../../support/temporary.ts';

overrideLimits({ embedded: { stop_ms: PATIENCE_MS } });

const ANALYST = `<clickhouse><users><analyst>
  <password_sha256_hex>${'2bb80d537b1da3e38bd30361aa855686bde0eacd7162fef6a25fe97bf527a25b'}</password_sha256_hex>
  <networks><ip>::1</ip></networks>
  <profile>reader</profile>
  <quota>default</quota>
  <grants><query>GRANT SELECT ON kept.*</query></grants>
</analyst></users></clickhouse>`;

test('a user that the operator added survives a restart, and only reads tables', async (t) => {
  const dir = join(await temporaryDir(t), 'clickhouse');
  mkdirSync(usersFolder(dir), { mode: 0o700 });
  writeFileSync(join(usersFolder(dir), 'analyst.xml'), ANALYST);
  let server = await started(t, dir);
  await ask(server, 'CREATE DATABASE kept');
  await ask(server, 'CREATE TABLE kept.rows (n UInt64) ENGINE = MergeTree ORDER BY n');
  await ask(server, 'INSERT INTO kept.rows VALUES (1)');
  const { password } = server;
  await server.stop();
  assert.equal(await server.exited, 0);
  server = await started(t, dir);
  assert.equal(server.password, password);
  const analyst = { origin: server.origin, username: 'analyst', password: 'secret' };
  assert.equal(await ask(analyst, 'SELECT n FROM kept.rows'), '1');
  const secret = join(usersFolder(dir), 'password');
  for (const query of [
    'INSERT INTO kept.rows VALUES (2)',
    'DROP TABLE kept.rows',
    'SET readonly = 0',
    'CREATE DATABASE other',
    "KILL QUERY WHERE user != 'analyst'",
    `SELECT * FROM file('${secret}', 'LineAsString')`,
    `SELECT file('${secret}')`,
    `SELECT file('${join(dir, 'starting', 'users.xml')}')`,
    "SELECT file('/etc/passwd')",
    "SELECT 1 FORMAT Template SETTINGS format_template_row = '/etc/passwd'",
    "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString', 'line String')",
  ]) {
    const answer = await ask(analyst, query).catch((error: Error) => `refused: ${error.message}`);
    // A KILL of what the user may not see finds nothing.
    assert.ok(answer === '' || answer.startsWith('refused'), `${query}: ${answer}`);
  }
  assert.equal(await ask(server, 'SELECT groupArray(n) FROM kept.rows'), '[1]');
  await assert.rejects(ask({ ...analyst, password: 'wrong' }, 'SELECT 1'), /AUTHENTICATION_FAILED/);
});

test('a file of a user that is wrong is named, and the server does not start without it', async (t) => {
  const dir = join(await temporaryDir(t), 'clickhouse');
  mkdirSync(usersFolder(dir), { mode: 0o700 });
  writeFileSync(join(usersFolder(dir), 'wrong.xml'), '<clickhouse><users>');
  await assert.rejects(startEmbedded({ dir }), /wrong\.xml/);
});

test('the password and what the start needs are for the process’s user alone', async (t) => {
  const dir = join(await temporaryDir(t), 'clickhouse');
  mkdirSync(usersFolder(dir), { mode: 0o755 });
  const password = join(usersFolder(dir), 'password');
  writeFileSync(password, 'guessable\n', { mode: 0o644 });
  const server = await started(t, dir);
  assert.match(server.password, /^[0-9a-f]{64}$/);
  assert.equal(readFileSync(password, 'utf8'), `${server.password}\n`);
  for (const path of [dir, usersFolder(dir)]) assert.equal(statSync(path).mode & 0o777, 0o700, path);
  assert.equal(statSync(password).mode & 0o777, 0o600);
  assert.ok(!readdirSync(dir).includes('starting'));
});

test('views of version 0.1.0 go on writing, though the user who made them has no rights any more', async (t) => {
  const dir = join(await temporaryDir(t), 'clickhouse');
  asBefore(dir, [
    'CREATE DATABASE kept',
    'CREATE TABLE kept.rows (n UInt64) ENGINE = MergeTree ORDER BY n',
    'CREATE TABLE kept.doubled (n UInt64) ENGINE = MergeTree ORDER BY n',
    'CREATE MATERIALIZED VIEW kept.view TO kept.doubled AS SELECT n * 2 AS n FROM kept.rows',
    'INSERT INTO kept.rows VALUES (1)',
  ]);
  const server = await started(t, dir);
  await ask(server, 'INSERT INTO kept.rows VALUES (2)');
  assert.equal(await ask(server, 'SELECT arraySort(groupArray(n)) FROM kept.doubled'), '[2,4]');
});

/** Runs statements in a folder as version 0.1.0 did: as `default`, who had all rights. */
function asBefore(dir: string, statements: string[]): void {
  const require = createRequire(import.meta.url);
  const { libchdbPath } = require('chdb/libchdb') as { libchdbPath(): string };
  const code = `const { DataType, load, open } = require('ffi-rs');
    open({ library: 'chdb', path: process.argv[1] });
    const argv = ['clickhouse', '--path', process.argv[2], '--query', process.argv[3]];
    load({ library: 'chdb', funcName: 'chdb_query_cmdline', retType: DataType.I32,
      paramsType: [DataType.I32, DataType.StringArray], paramsValue: [argv.length, argv] });
    process.exit(0);`;
  const args = ['-e', code, libchdbPath(), dir, statements.join('; ')];
  const { status, stderr } = spawnSync(process.execPath, args, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.ok(readdirSync(dir).includes('metadata'), stderr);
}

async function started(t: TestContext, dir: string): Promise<Embedded> {
  const server = await startEmbedded({ dir });
  t.after(() => server.stop());
  return server;
}
