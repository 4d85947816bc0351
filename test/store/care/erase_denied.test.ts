import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import type { AfterlogError } from '../../../src/base/errors.ts';
import { erase } from '../../../src/store/care/erase.ts';
import { eraseRights } from '../../../src/store/care/erase_rights.ts';
import { rowsOf } from '../../support/clickhouse.ts';
import { startClickHouseWithUsers } from '../../support/clickhouse_users.ts';
import { PATIENCE_MS } from '../../support/patience.ts';
import { insertRows, rowsOfFile } from '../../support/rows.ts';

test('a user without the right to erase changes nothing, and is told the GRANT that mends it', async (t) => {
  const rights = eraseRights('afterlog');
  const url = await startClickHouseWithUsers(t, [
    { name: 'reader', grants: ['SELECT ON afterlog.*'] },
    { name: 'lander', grants: ['SELECT, INSERT ON afterlog.*'] },
    { name: 'bound', grants: [`SELECT ON afterlog.*`, rights], readonly: 2 },
    { name: 'eraser', grants: ['SELECT ON afterlog.*', rights] },
  ]);
  const log = { level: ClickHouseLogLevel.OFF };
  const admin = createClient({ url, log, username: 'admin', password: 'admin' });
  t.after(() => admin.close());
  await insertRows(admin, 'afterlog', rowsOfFile('s', Buffer.from('one\ntwo\n'), { title: 'a title' }));
  const rows = () => rowsOf(admin, 'SELECT * FROM afterlog.console_logs ORDER BY ALL');
  const before = await rows();
  const eraseAs = async (name: string) => {
    const client = createClient({ url, log, username: name, password: name, request_timeout: PATIENCE_MS });
    try {
      return await erase(
        { client, database: 'afterlog', url },
        { sandbox_id: 's', workspace: null },
        PATIENCE_MS,
      );
    } finally {
      await client.close();
    }
  };
  for (const name of ['reader', 'lander', 'bound']) {
    await assert.rejects(eraseAs(name), (error: AfterlogError) => {
      assert.equal(error.code, 'ERASE_DENIED', `${name}: ${error.message}`);
      assert.ok(error.message.includes(`GRANT ${rights} TO \`${name}\``), error.message);
      return true;
    });
    assert.deepEqual(await rows(), before, name);
  }
  assert.deepEqual(await eraseAs('eraser'), { state: 'erased', lines: 2, bytes: 8 });
});
