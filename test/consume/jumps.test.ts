import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Settings } from '../../src/config/settings.ts';
import { startConsumer } from '../../src/consume/consumer.ts';
import type { Letter } from '../../src/dlq/letter.ts';
import { openLetters } from '../../src/dlq/letters.ts';
import { replay } from '../../src/dlq/replay.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { makeBatch, newEpoch, run } from '../support/batches.ts';
import { rowsOf } from '../support/clickhouse.ts';
import { site } from '../support/consumer_site.ts';
import { gapsOf } from '../support/landed_rows.ts';
import { asStore } from '../support/letters.ts';
import { until } from '../support/patience.ts';
import { asMessage, makeTopic, type Topic } from '../support/topic.ts';

type Client = Parameters<typeof rowsOf>[0];

/** The sequences of an epoch whose rows are stored. */
async function landedOf(client: Client, database: string, epoch: number): Promise<number[]> {
  const rows = await rowsOf<{ n: string }>(
    client,
    `SELECT DISTINCT toString(batch_sequence) AS n FROM ${database}.console_logs
     WHERE record = 'line' AND batch_epoch = ${epoch} ORDER BY batch_sequence`,
  );
  return rows.map(({ n }) => Number(n));
}

/** Runs a consumer until it has committed this offset. */
async function consumeTo(settings: Settings, topic: Topic, offset: number): Promise<void> {
  const consumer = await startConsumer(settings);
  await until(async () => (await topic.committed()) === offset);
  await consumer.stop();
}

const from = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, at) => first + at);

test('retention takes 100,000 batches of a host: all later ones land, and a later jump explains nothing', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 3));
  await consumeTo(settings, topic, 3);
  // What retention takes is never read, so it need not be batches.
  await topic.fill(100_000);
  await topic.send(run(epoch, 100_004, 100_006));
  await topic.deleteBefore(100_003);
  await topic.send([makeBatch({ epoch, sequence: 100_009 }), ...run(epoch, 100_007, 100_008)]);
  const second = await startConsumer(settings);
  t.after(() => second.stop());
  await until(async () => (await topic.committed()) === 100_009);
  assert.deepEqual(await landedOf(client, database, epoch), [1, 2, 3, ...from(100_004, 100_008)]);
  assert.equal(second.status().batches_refused, 1);
  assert.deepEqual(
    (await gapsOf(client, database, epoch)).map(({ reason }) => reason),
    [`batches 4 to 100003 of host-1/${epoch} are missing`],
  );
});

test('what was set aside explains a jump also to the next consumer', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  const damaged = run(epoch, 3, 4).map((batch) => ({ ...asMessage(batch), value: Buffer.from('damaged') }));
  await topic.send([...run(epoch, 1, 2), ...damaged]);
  await consumeTo(settings, topic, 4);
  await topic.send(run(epoch, 5, 6));
  const second = await startConsumer(settings);
  t.after(() => second.stop());
  await until(async () => (await topic.committed()) === 6);
  assert.deepEqual(await landedOf(client, database, epoch), [1, 2, 5, 6]);
});

test('a host whose batches a broker lost is believed after as many more, and these can be replayed', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send([...run(epoch, 1, 2), ...run(epoch, 6, 12)]);
  await consumeTo(settings, topic, 9);
  assert.deepEqual(await landedOf(client, database, epoch), [1, 2, ...from(9, 12)]);
  const box = openLetters(settings);
  t.after(() => box.close());
  const letters: Letter[] = [];
  for await (const letter of box.all()) letters.push(letter);
  assert.deepEqual(
    letters.map(({ code, header }) => [code, header?.sequence]),
    from(6, 8).map((sequence) => ['BATCH_UNEXPLAINED', sequence]),
  );
  const outcomes = await replay(asStore(client, database), letters);
  assert.deepEqual(
    outcomes.map(({ state }) => state),
    ['replayed', 'replayed', 'replayed'],
  );
  assert.deepEqual(await landedOf(client, database, epoch), [1, 2, ...from(6, 12)]);
});

test('a topic that is made again while its batches wait: the epoch goes on behind a gap row', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 10));
  const consumer = await startConsumer(settings);
  t.after(() => consumer.stop());
  await until(async () => (await topic.committed()) === 10);
  await topic.makeAgain();
  await topic.send(run(epoch, 15, 40));
  await until(async () => (await topic.committed()) === 26);
  assert.deepEqual(await landedOf(client, database, epoch), [...from(1, 10), ...from(15, 40)]);
  assert.deepEqual(
    (await gapsOf(client, database, epoch)).map(({ reason }) => reason),
    [`batches 11 to 14 of host-1/${epoch} are missing`],
  );
});

test('an epoch that is older than the database goes on in it', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 3));
  await consumeTo(settings, topic, 3);
  await client.command({ query: `DROP DATABASE ${database}` });
  await migrate(client, database);
  // The database knows only the second in which it was made.
  await topic.send([...run(epoch - 2_048_000 * 5, 9, 9), ...run(epoch - 2_048_000 * 5, 10, 10)]);
  const second = await startConsumer(settings);
  t.after(() => second.stop());
  await until(async () => (await topic.committed()) === 5);
  assert.deepEqual(await landedOf(client, database, epoch - 2_048_000 * 5), [9, 10]);
});

test('a new epoch that does not begin with its first batch is set aside', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch() + 2_048_000;
  await topic.send(run(epoch, 1, 1));
  const consumer = await startConsumer(settings);
  t.after(() => consumer.stop());
  await until(async () => (await topic.committed()) === 1);
  await consumer.stop();
  await topic.send([...run(epoch + 2048, 2, 2), ...run(epoch + 2048, 1, 3)]);
  const second = await startConsumer(settings);
  t.after(() => second.stop());
  await until(async () => (await topic.committed()) === 5);
  assert.deepEqual(await landedOf(client, database, epoch + 2048), [1, 2, 3]);
  assert.equal(second.status().batches_refused, 1);
});
