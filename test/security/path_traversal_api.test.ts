import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { freePort } from '../../src/base/child_process.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, clickhouseSettings, rowsOf } from '../support/clickhouse.ts';
import { until } from '../support/patience.ts';
import { releasedRole, runReleased } from '../support/released.ts';
import { environmentOf } from '../support/roles.ts';
import { insertRows, rowsOfFile, sealRow } from '../support/rows.ts';

test('a request for the logs of a path makes no agent read it; what 0.1.0 stored is read and erased', async (t) => {
  const settings = await clickhouseSettings(t, {
    agentListen: `127.0.0.1:${await freePort()}`,
    listen: `127.0.0.1:${await freePort()}`,
  });
  const client = clickhouse(t);
  const { database } = settings.clickhouse;
  await migrate(client, database);
  const outside = join(dirname(settings.data_dir), `outside-${process.pid}`);
  mkdirSync(join(settings.data_dir, 'vms', 'honest'), { recursive: true });
  mkdirSync(outside, { recursive: true });
  writeFileSync(join(outside, 'console.log'), 'the secret of root\n');
  writeFileSync(join(settings.data_dir, 'vms', 'honest', 'console.log'), 'honest\n');
  const env = environmentOf(settings) as Record<string, string>;
  for (const role of ['agent', 'server']) releasedRole(t, [role], env).start();
  const ask = async (id: string, init?: RequestInit): Promise<{ status: number; text: string }> => {
    const url = `http://${settings.listen}/v1/sandboxes/${encodeURIComponent(id)}/logs`;
    const response = await fetch(url, init).catch(() => null);
    return { status: response?.status ?? 0, text: (await response?.text()) ?? '' };
  };
  await until(async () => (await ask('honest')).text === 'honest\n', 'the honest log');

  const path = `x/../../../outside-${process.pid}`;
  const { status, text } = await ask(path);
  await ask('honest');
  const stored = await rowsOf(client, `SELECT 1 FROM ${database}.console_logs WHERE sandbox_id = '${path}'`);
  assert.deepEqual([status, text.includes('secret'), stored.length], [404, false, 0]);

  const old = 'b1/../sb1';
  const file = Buffer.from('of an earlier version\n');
  await insertRows(client, database, [...rowsOfFile(old, file), sealRow(old, file.length, 'deleted')]);
  assert.equal((await ask(old)).text, String(file));
  const { stdout, stderr } = await runReleased(['logs', old, '--raw'], env);
  assert.equal(String(stdout), String(file), stderr);
  assert.equal((await ask(old, { method: 'DELETE' })).status, 200);
  assert.equal((await ask(old)).text, '');
});
