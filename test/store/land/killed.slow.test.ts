import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { migrate } from '../../../src/store/care/migrate.ts';
import { rebuild } from '../../../src/store/care/rebuild.ts';
import { type Embedded, startEmbedded } from '../../../src/store/embedded/embedded.ts';
import { createLander } from '../../../src/store/land/land.ts';
import { type Column, newEpoch, run } from '../../support/batches.ts';
import { rowsOf } from '../../support/clickhouse.ts';
import { assertLandedOnce } from '../../support/landed_rows.ts';
import { until } from '../../support/patience.ts';
import { stopMerges } from '../../support/stored.ts';
import { temporaryDir } from '../../support/temporary.ts';

/** `TEST_KILLS=50 npm test -- store/land/killed` for more of it. */
const KILLS = Number(process.env.TEST_KILLS ?? 5);

test(`ClickHouse killed ${KILLS} times while an INSERT is known to run: every row once, and what is derived can be made to agree`, async (t) => {
  const dir = await temporaryDir(t);
  let server: Embedded = await startEmbedded({ dir });
  t.after(() => server.stop());
  const http_port = Number(new URL(server.url).port);
  const client = createClient({ url: server.url, log: { level: ClickHouseLogLevel.OFF } });
  t.after(() => client.close());
  const database = 'afterlog';
  await migrate(client, database);
  const lander = createLander(client, database, 'some-topic/0');
  t.after(() => lander.stop());
  const running = "SELECT 1 FROM system.processes WHERE startsWith(query_id, 'afterlog/some-topic/')";
  const epoch = newEpoch();
  const each = 20;
  for (let kill = 0; kill < KILLS; kill++) {
    await stopMerges(client, database);
    const landing = lander.land(
      run(epoch, kill * each + 1, (kill + 1) * each, { rows: 10_000, spoil: marked }),
    );
    let isOver = false;
    void landing.finally(() => {
      isOver = true;
    });
    await until(async () => isOver || (await rowsOf(client, running)).length > 0);
    // Sooner or later within it: while it reads, sorts, writes its part, or the view's.
    const after_ms = Math.random() * 400;
    const until_ms = performance.now() + after_ms;
    await until(() => performance.now() >= until_ms);
    server.kill();
    await server.exited;
    server = await startEmbedded({ dir, http_port });
    assert.equal((await landing).landed.length, each);
  }
  await assertLandedOnce(client, database, epoch, KILLS * each * 10_000);
  // A kill between a part of the rows and the view's leaves a difference, which is seen and can be mended.
  const store = { client, database, url: server.url };
  let lacking = 0;
  for await (const piece of rebuild(store, { mend: true })) lacking += piece.length;
  for await (const piece of rebuild(store, { mend: false })) assert.deepEqual(piece, []);
  const [found] = await rowsOf(
    client,
    `SELECT count() AS streams, max(bytes) AS bytes FROM (SELECT * FROM ${database}.streams FINAL)`,
  );
  const last = KILLS * each * 10_000 - 1;
  const [marks] = await rowsOf(client, `SELECT count() AS marks FROM ${database}.marks FINAL`);
  assert.deepEqual(marks, { marks: KILLS * each * 10 });
  assert.deepEqual(found, { streams: 1, bytes: last * 100 + `line ${last}\r\n`.length });
  t.diagnostic(`${KILLS} kills; streams that lacked something: ${lacking}`);
});

/** One row in 1,000 marks something. */
function marked(columns: Column[]): Column[] {
  const values = columns[0]!.values.map((_, row) => (row % 1_000 === 0 ? 'app.exception' : ''));
  return [...columns, { name: 'event', type: 'LowCardinality(String)', values }];
}
