import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { newEpoch, run } from '../support/batches.ts';
import { clickhouseUrl, rowsOf } from '../support/clickhouse.ts';
import { consumerProcess, site } from '../support/consumer_site.ts';
import { startKillingProxy } from '../support/killing_proxy.ts';
import { assertLandedOnce, gapsOf } from '../support/landed_rows.ts';
import { until } from '../support/patience.ts';
import { stopMerges } from '../support/stored.ts';
import { makeTopic } from '../support/topic.ts';

const isFrozen = (pid: number): boolean => / T /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));

type Freeze = { point: string } | { statement: RegExp };

/** Freezes a consumer at a point, or as a statement leaves it; has another one take over and land all; wakes it. */
async function freezeAt(t: TestContext, freeze: Freeze) {
  const { settings, client, database } = await site(t);
  await stopMerges(client, database);
  const topic = await makeTopic(t, settings);
  const proxy = await startKillingProxy(t, clickhouseUrl());
  const { promise: held, resolve: release } = Promise.withResolvers<void>();
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 20));
  const through = { ...settings, clickhouse: { ...settings.clickhouse, url: proxy.url } };
  const env = 'point' in freeze ? { TEST_CRASH_AT: freeze.point, TEST_CRASH_SIGNAL: 'SIGSTOP' } : {};
  const frozen = consumerProcess(t, through, env as Record<string, string>);
  if ('statement' in freeze) {
    const death = { when: 'before', statement: freeze.statement, signal: 'SIGSTOP', held };
    Object.assign(proxy, { victim: frozen, death });
  }
  await until(() => isFrozen(frozen.pid!));
  const heir = consumerProcess(t, settings);
  await until(async () => (await topic.committed()) === 20);
  await assertLandedOnce(client, database, epoch, 200);
  proxy.death = null;
  release();
  frozen.kill('SIGCONT');

  /** More comes, and both go on. */
  const goOn = async (): Promise<void> => {
    await topic.send(run(epoch, 21, 25));
    await until(async () => (await topic.committed()) === 25);
    // The woken one is left alone with it.
    heir.kill('SIGKILL');
    await topic.send(run(epoch, 26, 30));
    await until(async () => (await topic.committed()) === 30);
  };
  return { client, database, epoch, goOn };
}

// Most of the time is the session of the frozen one, which has to end.
describe('a consumer that is frozen across a takeover', { concurrency: true }, () => {
  test('between its look and its INSERT: it finds out, and no row stands twice', async (t) => {
    const { client, database, epoch, goOn } = await freezeAt(t, { point: 'land.insert' });
    await goOn();
    await assertLandedOnce(client, database, epoch, 300);
    assert.deepEqual(await gapsOf(client, database, epoch), []);
  });

  test('after it had sent its INSERT: the same rows stand twice, once with FINAL, and once after a merge', async (t) => {
    const { client, database, epoch, goOn } = await freezeAt(t, {
      statement: /^INSERT INTO \S+console_logs/,
    });
    const counts = async (final = '') => {
      const [found] = await rowsOf<Record<string, string>>(
        client,
        `SELECT toString(count()) AS rows, toString(uniqExact(position)) AS keys,
         toString(uniqExact(position, prefix, message, ending, timestamp, batch_epoch, batch_sequence)) AS contents
       FROM ${database}.console_logs ${final} WHERE batch_epoch = ${epoch}`,
      );
      return found;
    };
    const streams = () => rowsOf(client, `SELECT * FROM ${database}.streams FINAL`);
    const before = await streams();
    await until(async () => Number((await counts())!.rows) > 200);
    // What is shown here is the one way in which a key may stand twice; if it no longer does, so much the better.
    assert.deepEqual(await counts(), { rows: '400', keys: '200', contents: '200' });
    assert.deepEqual(await counts('FINAL'), { rows: '200', keys: '200', contents: '200' });
    assert.deepEqual(await streams(), before, 'what is derived does not count it twice');
    await goOn();
    assert.deepEqual(await counts(), { rows: '500', keys: '300', contents: '300' }, 'it goes no further');
    assert.deepEqual(await gapsOf(client, database, epoch), []);
    await client.command({ query: `SYSTEM START MERGES ${database}.console_logs` });
    await client.command({ query: `OPTIMIZE TABLE ${database}.console_logs FINAL` });
    await assertLandedOnce(client, database, epoch, 300);
  });
});
