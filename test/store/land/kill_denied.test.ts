import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { createLander } from '../../../src/store/land/land.ts';
import { newEpoch, run } from '../../support/batches.ts';
import { rowsOf } from '../../support/clickhouse.ts';
import { startClickHouseWithUsers } from '../../support/clickhouse_users.ts';
import { assertLandedOnce } from '../../support/landed_rows.ts';
import { overrideLimits } from '../../support/limits.ts';
import { until } from '../../support/patience.ts';
import { longSleeps, slowInserts } from '../../support/slow_inserts.ts';
import { waitsFor } from '../../support/waits_for.ts';

// The two minutes that the server lets an INSERT run are too long for a test; but on a slow machine it must still run
// when the heir comes.
overrideLimits({ insert: { timeout_ms: 6_000 }, consume: { handover_ms: 500 } });

test('without the right to end its own INSERTs a heir waits until the server has, says so, and lands once', async (t) => {
  const grants = ['SELECT, INSERT ON afterlog.*'];
  const url = await startClickHouseWithUsers(t, [{ name: 'writer', grants }]);
  const log = { level: ClickHouseLogLevel.OFF };
  const admin = createClient({ url, log, username: 'admin', password: 'admin' });
  const clients = [1, 2].map(() =>
    createClient({ url, log, username: 'writer', password: 'writer', clickhouse_settings: longSleeps }),
  );
  t.after(() => Promise.all([admin, ...clients].map((one) => one.close())));
  const epoch = newEpoch();
  // 10 s, longer than the server lets it run.
  const quick = await slowInserts(admin, 'afterlog', 0.1);
  const batches = run(epoch, 1, 10);
  const isRunning = async () => {
    const mine = "SELECT 1 FROM system.processes WHERE startsWith(query_id, 'afterlog/some-topic/')";
    return (await rowsOf(admin, mine)).length > 0;
  };
  const [dying, heir] = clients.map((client) => createLander(client, 'afterlog', 'some-topic/0'));
  t.after(() => {
    for (const one of [dying, heir]) one!.stop();
  });
  const died = dying!.land(batches);
  died.catch(() => {});
  await until(isRunning, () => `an INSERT that runs: ${dying!.status().paused}`);
  dying!.stop();
  const landing = heir!.land(batches);
  await waitsFor(
    heir!,
    /may not end its own INSERTs.*GRANT SELECT ON system\.processes.*CLICKHOUSE_REFUSED/s,
  );
  await died.catch(() => {});
  await quick();
  const { landed, skipped } = await landing;
  assert.equal(landed.length + skipped.length, 10);
  assert.equal(heir!.status().paused, null);
  await assertLandedOnce(admin, 'afterlog', epoch, 100);
});
