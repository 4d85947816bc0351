import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { startConsumer } from '../../src/consume/consumer.ts';
import { makeBatch, newEpoch } from '../support/batches.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { consumerProcess, site } from '../support/consumer_site.ts';
import { assertLandedOnce, gapsOf } from '../support/landed_rows.ts';
import { until } from '../support/patience.ts';
import { makeTopic } from '../support/topic.ts';

test('consumers killed while data flows: every row once without FINAL, none missing', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings, 2);
  const epochs = [newEpoch(), newEpoch() + 2048];
  const total = 400;
  let sent = 0;
  const sending = (async () => {
    for (; sent < total; sent++) {
      for (const [partition, epoch] of epochs.entries()) {
        await topic.send([makeBatch({ epoch, sequence: sent + 1, rows: 50 })], partition);
      }
      await sleep(5);
    }
  })();
  const rowCount = async (): Promise<number> => {
    const found = await rowsOf<{ n: string }>(
      client,
      `SELECT toString(count()) AS n FROM ${database}.console_logs`,
    );
    return Number(found[0]!.n);
  };
  for (let kills = 0; kills < 5; kills++) {
    const before = await rowCount();
    const victim = consumerProcess(t, settings);
    // Two members, so that partitions are taken over, too.
    const other = kills % 2 === 1 ? consumerProcess(t, settings) : null;
    await until(
      async () => (await rowCount()) > before || (sent === total && (await rowCount()) === total * 100),
    );
    await sleep(Math.random() * 300);
    for (const one of [victim, other]) {
      if (one === null) continue;
      one.kill('SIGKILL');
      await once(one, 'exit');
    }
  }
  await sending;
  const last = await startConsumer(settings);
  t.after(() => last.stop());
  await until(async () => (await topic.committed(0)) === total && (await topic.committed(1)) === total);
  assert.equal(last.status().batches_refused, 0);
  for (const epoch of epochs) {
    await assertLandedOnce(client, database, epoch, total * 50);
    assert.deepEqual(await gapsOf(client, database, epoch), []);
  }
});
