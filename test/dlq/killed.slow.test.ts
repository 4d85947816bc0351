import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setAsideIn } from '../../src/deliver/set_aside.ts';
import { createLander } from '../../src/store/land/land.ts';
import type { Batch } from '../../src/wire/header.ts';
import { newEpoch } from '../support/batches.ts';
import { clickhouseUrl, migratedDatabase, rowsOf } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { type Death, startKillingProxy } from '../support/killing_proxy.ts';
import { gapsOf } from '../support/landed_rows.ts';
import { assertStreamsAgree, poisonBatch, poisonTable, withoutMerges } from '../support/letters.ts';
import { until } from '../support/patience.ts';
import { slowInserts } from '../support/slow_inserts.ts';
import { temporaryDir, uniqueName } from '../support/temporary.ts';

const MAIN = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** Every statement of a replay that changes something. */
const deaths: Death[] = (['before', 'after'] as const).flatMap((when) =>
  [/^INSERT INTO \S+console_logs/, /ALTER TABLE \S+streams/, /^DELETE FROM \S+console_logs/].map(
    (statement) => ({ when, statement }),
  ),
);

async function site(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  await withoutMerges(client, database);
  const stateDir = await temporaryDir(t);
  const proxy = await startKillingProxy(t, clickhouseUrl());
  const environment = {
    AFTERLOG_STATE_DIR: stateDir,
    AFTERLOG_CLICKHOUSE_URL: proxy.url,
    AFTERLOG_CLICKHOUSE_DATABASE: database,
  };

  /** As direct mode does. */
  async function refuse(batches: Batch[]): Promise<void> {
    const setAside = setAsideIn(join(stateDir, 'refused'));
    const mend = await poisonTable(client, database);
    await createLander(client, database, `direct/${uniqueName('host')}`, { setAside }).land(batches);
    await mend();
  }

  async function replayAndDie(death: Death): Promise<void> {
    const child = spawn(process.execPath, [MAIN, 'dlq', 'replay', '--all'], {
      env: { ...process.env, ...environment },
      stdio: ['ignore', 'ignore', 'inherit'],
    });
    Object.assign(proxy, { death, victim: child });
    const [, signal] = await once(child, 'exit');
    assert.equal(signal, 'SIGKILL', `it was not killed ${death.when} ${death.statement}`);
    proxy.death = null;
  }

  return { client, database, environment, refuse, replayAndDie };
}

test('a replay killed at any of its steps and repeated puts every row in its place once', async (t) => {
  for (const death of deaths) {
    const { client, database, environment, refuse, replayAndDie } = await site(t);
    const epoch = newEpoch();
    await refuse([poisonBatch(epoch, 1), poisonBatch(epoch, 2)]);
    await replayAndDie(death);
    const { rows, gaps } = await countsOf();
    assert.ok(rows >= 10 || gaps === 8, 'what is not there has gap rows in its place');
    const again = await afterlog(['dlq', 'replay', '--all'], environment);
    assert.equal(again.code, 0, again.stderr);
    // Two batches of ten rows, each with a gap of its own.
    assert.deepEqual(await countsOf(), { rows: 20, keys: 20, gaps: 2 }, `${death.when} ${death.statement}`);
    await assertStreamsAgree(client, database);

    async function countsOf() {
      const [found] = await rowsOf<{ rows: string; keys: string; gaps: string }>(
        client,
        `SELECT toString(countIf(NOT standIn)) AS rows, toString(uniqExactIf((sandbox_id, position, record), NOT standIn)) AS keys,
           toString(countIf(record = 'gap')) AS gaps
         FROM (SELECT *, record = 'gap' AND message LIKE '%set aside%' AS standIn
               FROM ${database}.console_logs WHERE batch_epoch = ${epoch})`,
      );
      return { rows: Number(found!.rows), keys: Number(found!.keys), gaps: Number(found!.gaps) };
    }
  }
});

test('an INSERT that a killed replay left running does not land beside the next one’s', async (t) => {
  const { client, database, environment, refuse, replayAndDie } = await site(t);
  const epoch = newEpoch();
  await refuse([poisonBatch(epoch, 1)]);
  await slowInserts(client, database, 0.3);
  await replayAndDie({ when: 'while', statement: /^INSERT INTO/ });
  // It runs, or on a slow machine it has ended by now.
  await until(async () => (await runningInserts()) > 0 || (await landedLines()) > 0);
  const again = await afterlog(['dlq', 'replay', '--all'], environment);
  assert.equal(again.code, 0, again.stderr);
  const [found] = await rowsOf<{ rows: string }>(
    client,
    `SELECT toString(count()) AS rows FROM ${database}.console_logs`,
  );
  assert.equal(found!.rows, '10');
  assert.equal((await gapsOf(client, database, epoch)).length, 1);

  async function landedLines(): Promise<number> {
    const lines = await rowsOf(client, `SELECT 1 FROM ${database}.console_logs WHERE record = 'line'`);
    return lines.length;
  }

  async function runningInserts(): Promise<number> {
    const running = await rowsOf(
      client,
      `SELECT 1 FROM system.processes WHERE query_id LIKE 'afterlog/dlq/${database}/%'`,
    );
    return running.length;
  }
});
