import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, rowsOf } from '../support/clickhouse.ts';
import { crashPoints } from '../support/crash_points.ts';
import { Fleet, ROUNDS_MAX } from '../support/fleet.ts';
import { testSettings } from '../support/kafka.ts';
import { until } from '../support/patience.ts';
import { environmentOf, RoleProcess } from '../support/roles.ts';
import { assertReadBack, assertStoredOnceAndInOrder, sealedCount, stopMerges } from '../support/stored.ts';

test('an agent that kills itself at every crash point in turn, while data flows: every byte once, in order', async (t) => {
  const settings = await testSettings(t, { kafkaBrokers: '' });
  const { database } = settings.clickhouse;
  const client = clickhouse(t);
  await migrate(client, database);
  await stopMerges(client, database);
  const vms = join(settings.data_dir, 'vms');
  mkdirSync(vms, { recursive: true });
  const env = environmentOf(settings);
  const fleet = new Fleet(vms);
  const writing = fleet.run();
  t.after(() => fleet.finish());
  const stored = async (): Promise<number> =>
    Number(
      (await rowsOf<{ rows: number }>(client, `SELECT count() AS rows FROM ${database}.console_logs`))[0]!
        .rows,
    );

  const agent = new RoleProcess(t, ['agent'], env);
  /** An agent that starts, and what it has read arrives. */
  const flows = async (): Promise<void> => {
    fleet.cycle++;
    agent.output = '';
    agent.start();
    // What arrives before may still be of the one that crashed.
    await until(() => agent.output.includes('The agent reads'));
    fleet.left = ROUNDS_MAX;
    const before = await stored();
    await until(async () => (await stored()) > before);
    fleet.seen = fleet.cycle;
  };

  await flows();
  await agent.kill();
  const points = crashPoints();
  assert.ok(points.length >= 10, points.join());
  for (const point of points) {
    // At its first time, and in the middle of things; what happens at a start only, at a start.
    for (const nth of [1, 3]) {
      const crashes = new RoleProcess(t, ['agent'], { ...env, TEST_CRASH_AT: `${point}:${nth}` });
      crashes.start();
      fleet.left = ROUNDS_MAX;
      await until(() => !crashes.isRunning || crashes.output.includes('The agent reads'));
      fleet.left = Number.POSITIVE_INFINITY;
      if (nth > 1) await sleep(1_500);
      else await until(() => !crashes.isRunning);
      fleet.left = ROUNDS_MAX;
      if (nth === 1) assert.equal(crashes.endedBy, 'SIGKILL', `${point} is reached: ${crashes.output}`);
      await crashes.kill();
    }
    await flows();
    await agent.kill();
  }
  await flows();
  fleet.finish();
  await writing;
  fleet.deleteAll();
  await until(async () => (await sealedCount(client, database)) === fleet.written.size);
  await assertReadBack(
    settings,
    new Map([...fleet.written].map(([id, pieces]) => [id, Buffer.from(pieces.join(''))])),
  );
  await assertStoredOnceAndInOrder(client, database);
  // Some were deleted while no agent ran: nobody knows whether they had another file.
  const gaps = `SELECT message FROM ${database}.console_logs WHERE record = 'gap' AND message NOT LIKE '%nobody watched%'`;
  assert.deepEqual(await rowsOf(client, gaps), []);
});
