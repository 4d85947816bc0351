import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import type { Settings } from '../../src/config/settings.ts';
import { startConsumer } from '../../src/consume/consumer.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { makeBatch, newEpoch, run } from '../support/batches.ts';
import { clickhouse, rowsOf } from '../support/clickhouse.ts';
import { consumerProcess, site, statusOf } from '../support/consumer_site.ts';
import { testSettings } from '../support/kafka.ts';
import { assertLandedOnce, gapsOf } from '../support/landed_rows.ts';
import { poisonTable } from '../support/letters.ts';
import { patient, until } from '../support/patience.ts';
import { asMessage, makeTopic, readTopic } from '../support/topic.ts';
import { waitsFor } from '../support/waits_for.ts';

async function started(t: TestContext, settings: Settings) {
  const consumer = await startConsumer(settings);
  t.after(() => consumer.stop());
  return consumer;
}

test('what comes twice lands once, and its offset is committed', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send([...run(epoch, 1, 5), ...run(epoch, 3, 8)]);
  const consumer = await started(t, settings);
  await until(async () => (await topic.committed()) === 11);
  await topic.send(run(epoch, 9, 10));
  await until(async () => (await topic.committed()) === 13);
  // The broker has the offset before the consumer knows that it has.
  await until(() => consumer.status().lag === 0);
  const { rows, batches_landed, batches_skipped, lag, paused } = consumer.status();
  assert.deepEqual(
    { rows, batches_landed, batches_skipped, lag, paused },
    {
      ...{ rows: 100, batches_landed: 10, batches_skipped: 3, lag: 0, paused: null },
    },
  );
  await assertLandedOnce(client, database, epoch, 100);
});

test('damaged and refused messages go to the dead letters with all they were; the rest lands', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await poisonTable(client, database);
  const [good1, cut, wrong, bare, refused, good2] = [
    ...run(epoch, 1, 4).map(asMessage),
    asMessage(makeBatch({ epoch, sequence: 5, text: () => 'poison' })),
    ...run(epoch, 6, 6).map(asMessage),
  ];
  cut!.value = (cut!.value as Buffer).subarray(0, -3);
  wrong!.headers!.crc32 = '1';
  delete bare!.headers!.batch;
  const foreign = { key: null, value: 'hello', headers: {} };
  await topic.send([good1!, cut!, wrong!, bare!, foreign, refused!, good2!]);
  const consumer = await started(t, settings);
  await until(async () => (await topic.committed()) === 7);
  assert.deepEqual([consumer.status().batches_landed, consumer.status().batches_refused], [2, 5]);

  const gaps = await gapsOf(client, database, epoch);
  assert.deepEqual(
    gaps.map(({ sequence }) => sequence),
    ['4', '5'],
    'the damaged are missing in the sequence, the refused has a row of its own',
  );
  assert.match(gaps[0]!.reason, /batches 2 to 4 .* are missing/);
  assert.match(gaps[1]!.reason, /refused and set aside: code 469/);

  const letters = await readTopic(settings, `${settings.kafka.topic}-dlq`, 5);
  const byOffset = new Map(letters.map((letter) => [String(letter.headers!['dlq-offset']), letter]));
  assert.deepEqual([...byOffset.keys()].sort(), ['1', '2', '3', '4', '5']);
  for (const [offset, original, why] of [
    ['1', cut!, /bytes, its header says/],
    ['2', wrong!, /CRC-32/],
    ['3', bare!, /header 'batch' is missing/],
    ['4', foreign, /header 'batch' is missing/],
    ['5', refused!, /code 469/],
  ] as const) {
    const letter = byOffset.get(offset)!;
    assert.deepEqual(letter.value, Buffer.from(original.value as Buffer));
    assert.equal(letter.key?.toString(), original.key?.toString());
    for (const [name, value] of Object.entries(original.headers!))
      assert.equal(String(letter.headers![name]), value);
    assert.match(String(letter.headers!['dlq-reason']), why);
    assert.equal(String(letter.headers!['dlq-topic']), settings.kafka.topic);
    assert.equal(String(letter.headers!['dlq-partition']), '0');
  }
});

test('it starts before the topic, and before ClickHouse has tables, and says what it waits for', async (t) => {
  const settings = await testSettings(t);
  const { database } = settings.clickhouse;
  const client = clickhouse(t);
  const consumer = await started(t, settings);
  await waitsFor(consumer, /Topic \S+ cannot be consumed: .*TOPIC_MISSING/);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 3));
  await waitsFor(consumer, /UNKNOWN_DATABASE.*SCHEMA_BEHIND/);
  await migrate(client, database);
  await until(async () => (await topic.committed()) === 3);
  await until(() => consumer.status().paused === null);
  await assertLandedOnce(client, database, epoch, 30);
});

test('without a broker it waits, says so, and stops when told', async (t) => {
  const settings = await testSettings(t, { kafkaBrokers: '127.0.0.1:9' });
  const consumer = await startConsumer(settings);
  await waitsFor(consumer, /cannot be consumed: .*127\.0\.0\.1:9.*KAFKA_UNREACHABLE/);
  await consumer.stop();
});

test('messages that retention took before they landed become one gap row', async (t) => {
  const { settings, client } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 3));
  const first = await startConsumer(settings);
  await until(async () => (await topic.committed()) === 3);
  await first.stop();
  await topic.send(run(epoch, 4, 9));
  await topic.deleteBefore(7);
  for (let time = 0; time < 2; time++) {
    const consumer = await startConsumer(settings);
    await until(async () => (await topic.committed()) === 9);
    await consumer.stop();
  }
  const { database } = settings.clickhouse;
  const rows = await rowsOf<{ message: string }>(
    client,
    `SELECT message FROM ${database}.console_logs WHERE record = 'gap' ORDER BY host`,
  );
  assert.deepEqual(
    rows.map(({ message }) => (JSON.parse(message) as { reason: string }).reason),
    [
      `messages 3 to 6 of ${settings.kafka.topic}/0 passed the topic's retention before they were landed`,
      `batches 4 to 7 of host-1/${epoch} are missing`,
    ],
  );
});

test('a consumer told to stop commits what it landed', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 20, { rows: 1_000 }));
  const one = consumerProcess(t, settings, patient);
  await until(
    async () => (await rowsOf(client, `SELECT 1 FROM ${database}.console_logs LIMIT 1`)).length > 0,
  );
  one.kill('SIGTERM');
  const [code] = (await once(one, 'exit')) as [number | null];
  assert.equal(code, 0);
  const found = await rowsOf<{ n: string }>(
    client,
    `SELECT toString(max(batch_sequence)) AS n FROM ${database}.console_logs`,
  );
  assert.equal(await topic.committed(), Number(found[0]!.n));
});

test('retention that passes a consumer that runs becomes a gap row, whoever sent what is lost', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const [gone, epoch] = [newEpoch(), newEpoch() + 2048];
  await topic.send(run(epoch, 1, 3));
  const consumer = await started(t, settings);
  await until(async () => (await topic.committed()) === 3);
  await client.command({ query: `RENAME TABLE ${database}.console_logs TO ${database}.elsewhere` });
  await topic.send(run(epoch, 4, 4));
  await waitsFor(consumer, /UNKNOWN_TABLE/);
  // A host that never sends again: nothing else would tell of its batches.
  await topic.send(run(gone, 1, 4));
  await topic.send(run(epoch, 5, 5));
  await topic.deleteBefore(8);
  await client.command({ query: `RENAME TABLE ${database}.elsewhere TO ${database}.console_logs` });
  await until(async () => (await topic.committed()) === 9);
  const rows = await rowsOf<{ message: string }>(
    client,
    `SELECT message FROM ${database}.console_logs WHERE record = 'gap'`,
  );
  assert.deepEqual(
    rows.map(({ message }) => (JSON.parse(message) as { reason: string }).reason),
    [`messages 4 to 7 of ${settings.kafka.topic}/0 passed the topic's retention before they were landed`],
  );
  await assertLandedOnce(client, database, epoch, 50);
});

test('a consumer that is killed when it goes on behind what retention took: the next one tells of it', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const [gone, epoch] = [newEpoch(), newEpoch() + 2048];
  await topic.send(run(epoch, 1, 3));
  const victim = consumerProcess(t, settings, { TEST_CRASH_AT: 'consume.out_of_range' });
  await until(async () => (await topic.committed()) === 3);
  await client.command({ query: `RENAME TABLE ${database}.console_logs TO ${database}.elsewhere` });
  await topic.send(run(epoch, 4, 4));
  await until(async () => /UNKNOWN_TABLE/.test((await statusOf(victim)).paused ?? ''));
  await topic.send(run(gone, 1, 4));
  await topic.send(run(epoch, 5, 5));
  await topic.deleteBefore(8);
  await client.command({ query: `RENAME TABLE ${database}.elsewhere TO ${database}.console_logs` });
  // On a machine that stands still it may be out of its group by then, and tells of it itself when it is in again.
  await until(async () => victim.signalCode === 'SIGKILL' || (await topic.committed()) === 9);
  await started(t, settings);
  await until(async () => (await topic.committed()) === 9);
  const rows = await rowsOf<{ message: string }>(
    client,
    `SELECT message FROM ${database}.console_logs WHERE record = 'gap'`,
  );
  const reasons = rows.map(({ message }) => (JSON.parse(message) as { reason: string }).reason);
  const lost = `7 of ${settings.kafka.topic}/0 passed the topic's retention before they were landed`;
  if (victim.signalCode === 'SIGKILL') {
    assert.deepEqual(reasons, [`messages 4 to ${lost}`]);
    await assertLandedOnce(client, database, epoch, 50);
  } else assert.ok(reasons.includes(`messages 3 to ${lost}`) || reasons.includes(`messages 4 to ${lost}`));
});

test('the lag of each partition is known, also while nothing can land', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings, 3);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 2), 1);
  const consumer = await started(t, settings);
  await until(async () => (await topic.committed(1)) === 2);
  const lags = () => consumer.status().partitions.map(({ partition, lag }) => [partition, lag]);
  await until(() => consumer.status().lag === 0);
  assert.deepEqual(
    lags().toSorted(),
    [0, 1, 2].map((partition) => [partition, 0]),
  );
  await client.command({ query: `RENAME TABLE ${database}.console_logs TO ${database}.elsewhere` });
  // What comes behind the message that it holds is not fetched.
  for (const sequence of [3, 4, 5]) await topic.send(run(epoch, sequence, sequence), 1);
  await until(() => consumer.status().lag === 3);
  assert.deepEqual(lags().toSorted(), [[0, 0], [1, 3], [2, 0]]); // biome-ignore format: a table
  await client.command({ query: `RENAME TABLE ${database}.elsewhere TO ${database}.console_logs` });
  await until(() => consumer.status().lag === 0);
});

test('a group whose offsets were forgotten or set back reads all again and lands nothing twice', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 20));
  for (const setBack of [topic.forgetGroup, () => topic.setOffset(0)]) {
    const first = await startConsumer(settings);
    await until(async () => (await topic.committed()) === 20);
    await first.stop();
    await setBack();
  }
  const consumer = await started(t, settings);
  await until(async () => (await topic.committed()) === 20);
  assert.deepEqual([consumer.status().batches_landed, consumer.status().batches_skipped], [0, 20]);
  await assertLandedOnce(client, database, epoch, 200);
  assert.deepEqual(await gapsOf(client, database, epoch), []);
});

test('partitions that are added while it runs are read from their beginning', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const epochs = [newEpoch(), newEpoch() + 2048];
  await topic.send(run(epochs[0]!, 1, 2));
  await started(t, settings);
  await until(async () => (await topic.committed()) === 2);
  await topic.addPartitions(3);
  await topic.send(run(epochs[1]!, 1, 5), 2);
  await topic.send(run(epochs[0]!, 3, 4));
  await until(async () => (await topic.committed(0)) === 4 && (await topic.committed(2)) === 5);
  await assertLandedOnce(client, database, epochs[0]!, 40);
  await assertLandedOnce(client, database, epochs[1]!, 50);
});

test('a topic that is deleted and made again under a consumer that runs is read from its new beginning', async (t) => {
  const { settings, client, database } = await site(t);
  const topic = await makeTopic(t, settings);
  const [before, epoch] = [newEpoch(), newEpoch() + 2048];
  await topic.send(run(before, 1, 10));
  await started(t, settings);
  await until(async () => (await topic.committed()) === 10);
  await topic.makeAgain();
  // More than it had before: the old offset lies in the middle of the new topic.
  await topic.send(run(epoch, 1, 30));
  await until(async () => (await topic.committed()) === 30);
  await assertLandedOnce(client, database, before, 100);
  await assertLandedOnce(client, database, epoch, 300);
  assert.deepEqual(await gapsOf(client, database, epoch), []);
});
