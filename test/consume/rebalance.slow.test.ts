import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeBatch, newEpoch } from '../support/batches.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { consumerProcess, site } from '../support/consumer_site.ts';
import { assertLandedOnce, gapsOf } from '../support/landed_rows.ts';
import { until } from '../support/patience.ts';
import { stopMerges } from '../support/stored.ts';
import { makeTopic } from '../support/topic.ts';

const PARTITIONS = 4;
/** How many members the group has, one after another. */
const SIZES = [1, 3, 2, 4, 1];

test('consumers that join and leave while data flows: every row once, none missing', async (t) => {
  const { settings, client, database } = await site(t);
  await stopMerges(client, database);
  const topic = await makeTopic(t, settings, PARTITIONS);
  const epochs = Array.from({ length: PARTITIONS }, (_, partition) => newEpoch() + partition * 2048);
  let sent = 0;
  let isOver = false;
  const sending = (async () => {
    for (; !isOver; sent++) {
      for (const [partition, epoch] of epochs.entries()) {
        await topic.send([makeBatch({ epoch, sequence: sent + 1, rows: 50 })], partition);
      }
      await sleep(10);
    }
  })();
  const stored = async (): Promise<number> => {
    const count = `SELECT toString(count()) AS n FROM ${database}.console_logs`;
    return Number((await rowsOf<{ n: string }>(client, count))[0]!.n);
  };
  const members: ChildProcess[] = [];
  for (const size of SIZES) {
    while (members.length < size) members.push(consumerProcess(t, settings));
    while (members.length > size) {
      const one = members.shift()!;
      one.kill('SIGTERM');
      await once(one, 'exit');
    }
    const before = await stored();
    await until(async () => (await stored()) > before + 1_000);
  }
  isOver = true;
  await sending;
  for (const [partition, epoch] of epochs.entries()) {
    await until(async () => (await topic.committed(partition)) === sent);
    await assertLandedOnce(client, database, epoch, sent * 50);
    assert.deepEqual(await gapsOf(client, database, epoch), []);
  }
});
