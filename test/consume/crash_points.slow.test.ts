import assert from 'node:assert/strict';
import { once } from 'node:events';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeBatch, newEpoch, run } from '../support/batches.ts';
import { clickhouseUrl, rowsOf } from '../support/clickhouse.ts';
import { consumerProcess, site } from '../support/consumer_site.ts';
import { startKillingProxy } from '../support/killing_proxy.ts';
import { assertLandedOnce, gapsOf } from '../support/landed_rows.ts';
import { poisonTable } from '../support/letters.ts';
import { until } from '../support/patience.ts';
import { LONG_SLEEPS_QUERY, slowInserts } from '../support/slow_inserts.ts';
import { stopMerges } from '../support/stored.ts';
import { makeTopic, readTopic } from '../support/topic.ts';

/** A killed consumer counts as a member until its session is over, so several are looked at side by side. */
const AT_ONCE = 6;

/** Every crash point of the consumer that is in the source, so that none is forgotten here. */
function crashPoints(): string[] {
  const src = resolve(import.meta.dirname, '../../src');
  const names = globSync('{consume,store}/**/*.ts', { cwd: src }).flatMap((file) =>
    [...readFileSync(join(src, file), 'utf8').matchAll(/crashPoint\('([a-z_.]+)'\)/g)].map(
      (match) => match[1]!,
    ),
  );
  return [...new Set(names)].filter((name) => !name.startsWith('erase.')).sort();
}

/** ClickHouse refuses it. */
const refused = (epoch: number, sequence: number) => makeBatch({ epoch, sequence, text: () => 'poison' });

/** It explains the jump over 6. */
const damaged = { key: 'host-1', value: 'damaged', headers: {} };

/** Batches 1 to 5, a jump over 6, a refused 7, and 8 to 12, of which some come twice. */
async function crashAt(t: TestContext, point: string): Promise<void> {
  const { settings, client, database } = await site(t);
  await stopMerges(client, database);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await poisonTable(client, database);
  await topic.send([
    ...run(epoch, 1, 5),
    damaged,
    refused(epoch, 7),
    ...run(epoch, 8, 10),
    ...run(epoch, 9, 12),
  ]);
  const victim = consumerProcess(t, settings, { TEST_CRASH_AT: point });
  const [, signal] = (await once(victim, 'exit')) as [unknown, string];
  assert.equal(signal, 'SIGKILL', `${point} is reached`);

  const heir = consumerProcess(t, settings);
  await until(async () => (await topic.committed()) === 14);
  heir.kill('SIGKILL');
  const rows = await rowsOf<{ sequence: string; rows: string; keys: string }>(
    client,
    `SELECT toString(batch_sequence) AS sequence, toString(count()) AS rows, toString(uniqExact(position)) AS keys
     FROM ${database}.console_logs WHERE record = 'line' GROUP BY batch_sequence ORDER BY batch_sequence`,
  );
  const whole = [1, 2, 3, 4, 5, 8, 9, 10, 11, 12].map((at) => ({
    sequence: String(at),
    rows: '10',
    keys: '10',
  }));
  assert.deepEqual(rows, whole, point);
  const gaps = await gapsOf(client, database, epoch);
  assert.deepEqual(
    gaps.map(({ sequence }) => sequence),
    ['6', '7'],
    point,
  );
  const [letter] = await readTopic(settings, `${settings.kafka.topic}-dlq`, 1);
  assert.equal(String(letter!.headers!['dlq-offset']), '5', point);
}

test('a consumer that kills itself at any of its steps: every row and gap row once', async (t) => {
  const points = crashPoints();
  assert.ok(points.length >= 7, points.join());
  // The second time that rows go in is the gap row's, the third what stands for the refused batch.
  const moments = [...points, 'land.inserted:2', 'land.inserted:3', 'land.looked:2', 'land.fenced:2'];
  const next = moments.values();
  const inTurn = async (): Promise<void> => {
    for (const moment of next) await crashAt(t, moment);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, inTurn));
});

test('an INSERT that a killed consumer left running is ended by its heir, and lands once', async (t) => {
  const { settings, client, database } = await site(t);
  await stopMerges(client, database);
  const topic = await makeTopic(t, settings);
  const proxy = await startKillingProxy(t, clickhouseUrl());
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 5));
  // Longer than the session of the dead one: its INSERT still runs when the heir comes.
  const quick = await slowInserts(client, database, 0.25);
  const through = { ...settings, clickhouse: { ...settings.clickhouse, url: proxy.url + LONG_SLEEPS_QUERY } };
  const victim = consumerProcess(t, through);
  Object.assign(proxy, { victim, death: { when: 'while', statement: /^INSERT INTO \S+console_logs/ } });
  await once(victim, 'exit');
  await quick();
  consumerProcess(t, settings);
  await until(async () => (await topic.committed()) === 5);
  await assertLandedOnce(client, database, epoch, 50);
});
