import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { clickhouseUrl, migratedDatabase } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { patient } from '../support/patience.ts';
import { temporaryDir } from '../support/temporary.ts';

test('for people: by group, with cures and commands, without colours where there is no terminal', async (t) => {
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'vms'));
  const { database } = await migratedDatabase(t);
  const environment = {
    ...patient,
    AFTERLOG_DATA_DIR: dir,
    AFTERLOG_CLICKHOUSE_URL: clickhouseUrl(),
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };
  const fine = await afterlog(['doctor'], environment);
  assert.equal(fine.code, 0, fine.stderr);
  const text = String(fine.stdout);
  assert.ok(!text.includes('\x1b'));
  assert.match(text, /\nState dir \(agent\)\n {2}ok {7}\S.*\n/);
  assert.match(text, /\n {2}note {5}No brokers are set/);
  assert.match(text, /\n {11}\$ afterlog sql --write 'ALTER TABLE console_logs MODIFY SETTING /);
  assert.match(text, /\n\d+ ok, \d+ notes, (no|\d+) warnings?, no errors\n$/);

  const broken = await afterlog(['doctor'], { ...environment, AFTERLOG_CLICKHOUSE_DATABASE: 'nowhere' });
  assert.equal(broken.code, 1);
  assert.match(
    String(broken.stdout),
    /\n {2}error {4}Database 'nowhere' lacks .*\n {11}→ .*\n {11}\$ afterlog migrate\n/,
  );
  assert.match(String(broken.stdout), /, 1 error\n$/);
});
