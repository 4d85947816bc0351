import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';

const SANDBOXES = 1_000;
const ALIVE = 50;
const LIFE_MS = 100;

test('1,000 sandboxes that boot with the same first 2 KB and live 100 ms are all whole', async (t) => {
  const { settings, client, database } = await site(t);
  await stopMerges(client, database);
  const env = environmentOf(settings);
  const vms = join(settings.data_dir, 'vms');
  mkdirSync(vms);
  const agent = new RoleProcess(t, ['agent'], env);
  agent.start();
  new RoleProcess(t, ['consumer'], env).start();
  await until(() => agent.output.includes('The agent reads'));

  const line = '[    0.000000] Linux version 6.1.0 (the same for all of them)\r\n';
  const boot = line.repeat(Math.ceil(2_048 / line.length));
  const written = new Map<string, Buffer>();
  let started = 0;
  const lives = Array.from({ length: ALIVE }, async () => {
    while (started < SANDBOXES) {
      const id = `sb-${started++}`;
      const folder = join(vms, id);
      const rest = `2026-06-01T15:30:18Z [agent] ${id} says ${'something '.repeat(started % 40)}\nlast words of ${id}`;
      mkdirSync(folder);
      writeFileSync(join(folder, 'console.log'), boot);
      await sleep(LIFE_MS / 2);
      appendFileSync(join(folder, 'console.log'), rest);
      await sleep(LIFE_MS / 2);
      // On an overloaded machine a life of 100 ms may pass unseen; this test is of what was seen.
      await until(() => statSync(join(folder, 'console.log')).nlink > 1);
      rmSync(folder, { recursive: true });
      written.set(id, Buffer.from(boot + rest));
    }
  });
  await Promise.all(lives);
  await until(async () => (await sealedCount(client, database)) === SANDBOXES);

  const stored = await rowsOf<{ sandbox_id: string; bytes: number; crc: number }>(
    client,
    `SELECT sandbox_id, length(text) AS bytes, CRC32(text) AS crc FROM (
       SELECT sandbox_id, arrayStringConcat(arrayMap(x -> x.2, arraySort(groupArray((position, concat(prefix, message, ending)))))) AS text
       FROM ${database}.console_logs WHERE record = 'line' AND log = 'console' GROUP BY sandbox_id)`,
  );
  assert.equal(stored.length, SANDBOXES);
  for (const { sandbox_id, bytes, crc } of stored) {
    const wanted = written.get(sandbox_id)!;
    assert.deepEqual([Number(bytes), Number(crc)], [wanted.length, crc32(wanted)], sandbox_id);
  }
  await assertStoredOnceAndInOrder(client, database);
});
