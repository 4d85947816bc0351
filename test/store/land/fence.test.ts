import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { insertBody } from '../../../src/store/land/insert.ts';
import { createLander } from '../../../src/store/land/land.ts';
import { fence } from '../../../src/store/land/landed.ts';
import { makeBatch, newEpoch, run } from '../../support/batches.ts';
import { clickhouseUrl, migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { assertLandedOnce } from '../../support/landed_rows.ts';
import { until } from '../../support/patience.ts';
import { longSleeps, slowInserts } from '../../support/slow_inserts.ts';
import { uniqueName } from '../../support/temporary.ts';

const never = new AbortController().signal;

/** A client whose INSERTs may be slow. */
function patientClient(t: TestContext): ClickHouseClient {
  const client = createClient({
    url: clickhouseUrl(),
    log: { level: ClickHouseLogLevel.OFF },
    clickhouse_settings: longSleeps,
  });
  t.after(() => client.close());
  return client;
}

const running = (client: ClickHouseClient, scope: string, database: string) =>
  rowsOf<{ query_id: string }>(
    client,
    `SELECT query_id FROM system.processes
     WHERE startsWith(query_id, 'afterlog/${scope}/') AND query LIKE 'INSERT INTO ${database}.%'`,
  );

/** An INSERT of 10 rows that takes 10 s, as a consumer of 0.1.0 sends it. */
function oldInsert(client: ClickHouseClient, database: string, scope: string): Promise<unknown> {
  const { value } = makeBatch({ epoch: newEpoch(), sequence: 1 });
  const body = { format: 'Native', bytes: value } as const;
  return insertBody(client, database, `afterlog/${scope}/`, body, never).catch((error: unknown) => error);
}

test('consumers of two databases with one topic do not end each other’s INSERTs', async (t) => {
  const [mine, theirs] = [await migratedDatabase(t), await migratedDatabase(t)];
  const scope = `${uniqueName('topic')}/0`;
  const client = patientClient(t);
  await slowInserts(mine.client, mine.database, 0.3);
  const lander = createLander(client, mine.database, scope);
  t.after(() => lander.stop());
  const epoch = newEpoch();
  const landing = lander.land(run(epoch, 1, 1));
  await until(async () => (await running(client, scope, mine.database)).length === 1);

  const other = createLander(client, theirs.database, scope);
  t.after(() => other.stop());
  for (let sequence = 1; sequence <= 3; sequence++) {
    other.taken();
    await other.land(run(epoch, sequence, sequence));
  }
  assert.equal((await running(client, scope, mine.database)).length, 1, 'it still runs');
  await landing;
  assert.equal(lander.status().inserts, 1, 'the first INSERT was never ended');
  await assertLandedOnce(client, mine.database, epoch, 10);
  await assertLandedOnce(client, theirs.database, epoch, 30);
});

test('a consumer ends the INSERTs of an older version, of its own database only', async (t) => {
  const [mine, theirs] = [await migratedDatabase(t), await migratedDatabase(t)];
  const scope = `${uniqueName('topic')}/0`;
  const client = patientClient(t);
  const inserts = [mine, theirs].map(async ({ client: admin, database }) => {
    await slowInserts(admin, database, 1);
    return { done: oldInsert(client, database, scope) };
  });
  const [ours, others] = await Promise.all(inserts);
  for (const { database } of [mine, theirs]) {
    await until(async () => (await running(client, scope, database)).length === 1);
  }
  await fence(client, mine.database, `afterlog/${scope}/`, never);
  assert.match(String(await ours!.done), /QUERY_WAS_CANCELLED|cancelled/i);
  assert.equal((await running(client, scope, theirs.database)).length, 1);
  await fence(client, theirs.database, `afterlog/${scope}/`, never);
  assert.match(String(await others!.done), /QUERY_WAS_CANCELLED|cancelled/i);
});

test('a consumer of an older version finds the INSERTs of this one, and its own partition’s only', async (t) => {
  const { client: admin, database } = await migratedDatabase(t);
  const topic = uniqueName('topic');
  const client = patientClient(t);
  await slowInserts(admin, database, 0.3);
  const landers = [1, 10].map((partition) => createLander(client, database, `${topic}/${partition}`));
  for (const lander of landers) t.after(() => lander.stop());
  const landings = landers.map((lander, at) => lander.land(run(newEpoch() + at, 1, 1)));
  await until(async () => (await running(client, topic, database)).length === 2);
  const ids = (await running(client, topic, database)).map(({ query_id }) => query_id).sort();
  assert.match(ids[0]!, new RegExp(`^afterlog/${topic}/1/${database}/[0-9a-f-]{36}$`));
  // The statement of 0.1.0.
  const ended = await rowsOf<{ kill_status: string }>(
    client,
    `KILL QUERY WHERE startsWith(query_id, 'afterlog/${topic}/1/') SYNC`,
  );
  assert.equal(ended.length, 1);
  // It was ended, and is sent again.
  await Promise.all(landings);
  assert.deepEqual(
    landers.map((lander) => lander.status().inserts),
    [2, 1],
  );
});
