import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { limits } from '../../src/base/limits.ts';
import { loadSettings } from '../../src/config/settings.ts';
import { type Letter, letterOf } from '../../src/dlq/letter.ts';
import { replay, statesOf } from '../../src/dlq/replay.ts';
import { createLander } from '../../src/store/land/land.ts';
import { lookQuery } from '../../src/store/land/landed.ts';
import { openStore } from '../../src/store/query.ts';
import { gapBatch, refusedReason } from '../../src/wire/gap_batch.ts';
import { type Batch, toKafkaHeaders } from '../../src/wire/header.ts';
import { makeBatch, newEpoch, run, seal, today } from '../support/batches.ts';
import { clickhouseUrl, migratedDatabase, rowsOf } from '../support/clickhouse.ts';
import { gapsOf } from '../support/landed_rows.ts';
import {
  asStore,
  assertStreamsAgree,
  everything,
  landedLetters,
  letterFrom,
  poisonBatch,
  poisonTable,
  withoutMerges,
} from '../support/letters.ts';
import { startLimitedProxy } from '../support/limited_proxy.ts';

async function site(t: TestContext, { isMerged = false } = {}) {
  const { client, database } = await migratedDatabase(t);
  if (!isMerged) await withoutMerges(client, database);
  const store = asStore(client, database);
  const states = async (letters: Letter[]) => (await statesOf(store, letters)).map(({ state }) => state);
  const outcomes = async (letters: Letter[]) => (await replay(store, letters)).map(({ state }) => state);
  return { client, database, store, states, outcomes };
}

test('after a replay the table is as if the batch had never been refused', async (t) => {
  const { client, database, states, outcomes } = await site(t);
  const clean = await migratedDatabase(t);
  const epoch = newEpoch();
  const batches = [...run(epoch, 1, 1), poisonBatch(epoch, 2), ...run(epoch, 3, 4)];
  await landedLetters(clean.client, clean.database, batches);
  const mend = await poisonTable(client, database);
  const letters = await landedLetters(client, database, batches);
  assert.equal(letters.length, 1);
  assert.deepEqual(await states(letters), ['waiting']);
  // Of each run of one sandbox a row: a, b, a, b.
  assert.deepEqual(
    (await gapsOf(client, database, epoch)).map(({ sequence, position }) => `${sequence} ${position}`),
    ['2 1000', '2 1600', '2 1300', '2 1900'],
  );
  await mend();
  assert.deepEqual(await outcomes(letters), ['replayed']);
  assert.deepEqual(await states(letters), ['replayed']);
  assert.deepEqual(await everything(client, database), await everything(clean.client, clean.database));
  await assertStreamsAgree(client, database);
  for (const view of ['gaps', 'sandboxes']) {
    const columns = "* EXCEPT ('first_seen|last_seen|deleted_at|observed_at')";
    const rows = (of: string) => rowsOf(client, `SELECT ${columns} FROM ${of}.${view} ORDER BY ALL`);
    assert.deepEqual(await rows(database), await rows(clean.database));
  }
});

test('behind a proxy that refuses large bodies, letters are replayed one by one; one that is too large stays', async (t) => {
  const { client, database, states } = await site(t);
  const mend = await poisonTable(client, database);
  const epoch = newEpoch();
  const letters = await landedLetters(
    client,
    database,
    [1, 2, 3].map((at) => poisonBatch(epoch, at)),
  );
  await mend();
  const proxy = await startLimitedProxy(t, clickhouseUrl());
  const behind = openStore(loadSettings({ clickhouseUrl: proxy.url, clickhouseDatabase: database }, {}));
  t.after(() => behind.client.close());
  const sizes = letters.map(({ bytes }) => bytes);
  proxy.bytes_max = 100;
  await assert.rejects(replay(behind, letters), { code: 'BODY_REFUSED', message: / 413 / });
  assert.deepEqual(await states(letters), ['waiting', 'waiting', 'waiting']);
  proxy.bytes_max = Math.max(...sizes);
  const replayed = await replay(behind, letters);
  assert.deepEqual(
    replayed.map(({ state }) => state),
    ['replayed', 'replayed', 'replayed'],
  );
});

test('the look goes on to be answered by the projection, and what follows lands after it', async (t) => {
  const { client, database, outcomes } = await site(t);
  const mend = await poisonTable(client, database);
  const epoch = newEpoch();
  // The last one of its epoch: only the gap rows, then only the rows, say how far it landed.
  const batches = [...run(epoch, 1, 2), poisonBatch(epoch, 3)];
  const letters = await landedLetters(client, database, batches);
  await mend();
  await outcomes(letters);
  const look = async (explain: string) => {
    const query_params = { hosts: ['host-1'], epochs: [epoch] };
    const query = `${explain} ${lookQuery(database)}`;
    return (await client.query({ query, query_params, format: 'TabSeparatedRaw' })).text();
  };
  assert.match(await look('EXPLAIN'), /ReadFromMergeTree \(landed\)/);
  assert.match(await look(''), /\t3\n$/);
  const after = await createLander(client, database, 'topic/0').land([...batches, ...run(epoch, 4, 4)]);
  assert.deepEqual([after.landed.length, after.skipped.length], [1, 3]);
});

test('a replay that is repeated changes nothing', async (t) => {
  const { client, database, store, outcomes } = await site(t);
  const mend = await poisonTable(client, database);
  const letters = await landedLetters(client, database, [poisonBatch(newEpoch(), 1)]);
  await mend();
  // A crash of the consumer can set a batch aside twice.
  assert.deepEqual(await outcomes([...letters, ...letters]), ['replayed', 'replayed']);
  const [once, parts] = [await everything(client, database), await partNames(client, database)];
  const [again] = await replay(store, letters);
  assert.deepEqual([again!.tried, again!.state, again!.place.rows], [false, 'replayed', 10]);
  assert.deepEqual(await everything(client, database), once);
  assert.deepEqual(await partNames(client, database), parts);
});

test('what is refused again says why and changes nothing; the others come back', async (t) => {
  const { client, database, store, states } = await site(t);
  const mend = await poisonTable(client, database);
  const epochs = [newEpoch(), newEpoch() + 2048];
  const letters = await landedLetters(
    client,
    database,
    epochs.map((epoch) => poisonBatch(epoch, 1)),
  );
  const before = await everything(client, database);
  const [first] = await replay(store, letters);
  assert.equal(first!.state, 'refused');
  assert.match(first!.reason!, /^code 469 VIOLATED_CONSTRAINT/);
  assert.deepEqual(await everything(client, database), before);
  assert.deepEqual(await states(letters), ['waiting', 'waiting']);
  await mend();
  await client.command({
    query: `ALTER TABLE ${database}.console_logs ADD CONSTRAINT other CHECK batch_epoch != ${epochs[0]}`,
  });
  const [still, done] = await replay(store, letters);
  assert.deepEqual([still!.state, done!.state], ['refused', 'replayed']);
  assert.match(still!.reason!, /other/);
  assert.deepEqual((await gapsOf(client, database, epochs[0]!)).length, 4);
  await assertStreamsAgree(client, database);
});

test('a block that nobody can read is damaged, and does not stop the others', async (t) => {
  const { client, database, store } = await site(t);
  const mend = await poisonTable(client, database);
  const absurd = makeBatch({ epoch: newEpoch(), sequence: 1 });
  const block = zstdDecompressSync(absurd.value);
  const rows = Buffer.from('ffffffffff0f', 'hex');
  const value = zstdCompressSync(Buffer.concat([block.subarray(0, 1), rows, block.subarray(2)]));
  const batches = [seal(absurd.header, value), poisonBatch(newEpoch() + 2048, 1)];
  const letters = await landedLetters(client, database, batches);
  await mend();
  const [still, done] = await replay(store, letters);
  assert.deepEqual([still!.state, done!.state], ['damaged', 'replayed']);
  assert.match(still!.reason!, /^A batch cannot be used: its frame declares 1361 bytes, its header 1356/);
});

test('what the broker refused comes back as well, with its own gaps', async (t) => {
  const { client, database, outcomes } = await site(t);
  const batch = poisonBatch(newEpoch(), 1);
  await landedLetters(client, database, [refusedByKafka(batch)]);
  await assertStreamsAgree(client, database);
  const letters = [letterFrom({ batch, reason: 'MESSAGE_TOO_LARGE' })];
  assert.deepEqual(await outcomes(letters), ['replayed']);
  const left = await gapsOf(client, database, batch.header.epoch);
  assert.deepEqual(
    left.map(({ position, reason }) => [position, reason]),
    [['300', 'a gap of its own']],
  );
  await assertStreamsAgree(client, database);
});

test('a batch of a newer schema waits for the update, and for the migration', async (t) => {
  const { client, database, store } = await site(t);
  const mend = await poisonTable(client, database);
  const [letter] = await landedLetters(client, database, [poisonBatch(newEpoch(), 1)]);
  await mend();
  const newer = { ...letter!, header: { ...letter!.header!, schema: 900 } };
  const [outcome] = await replay(store, [newer]);
  assert.equal(outcome!.state, 'refused');
  assert.match(outcome!.reason!, /needs schema 900, this version of afterlog knows \d+/);
  await client.command({ query: `TRUNCATE TABLE ${database}.schema_migrations` });
  const [behind] = await replay(store, [letter!]);
  assert.equal(behind!.state, 'refused');
  assert.match(behind!.reason!, /needs schema 1, the database has 0/);
});

test('without gap rows in its place nothing is put there', async (t) => {
  const { client, database, states, outcomes } = await site(t);
  const epoch = newEpoch();
  await landedLetters(client, database, run(epoch, 1, 2));
  const letter = (sequence: number): Letter =>
    letterFrom({ batch: makeBatch({ epoch, sequence, day: today() - 2 }), reason: '' });
  const { header, value } = makeBatch({ epoch, sequence: 4 });
  const kept = { id: '0/1', at_ms: 0, reason: 'damaged', value };
  const cut = letterOf({ ...kept, headers: toKafkaHeaders(header), value: value.subarray(1) });
  const bare = letterOf({ ...kept, headers: {} });
  const left = letterOf({ ...kept, headers: { 'dlq-value': 'too large, left in place' }, value: null });
  const letters = [letter(1), letter(3), cut, bare, left];
  const expected = ['gone', 'coming', 'damaged', 'damaged', 'damaged'] as const;
  assert.deepEqual(await states(letters), expected);
  const before = await everything(client, database);
  assert.deepEqual(await outcomes(letters), expected);
  assert.deepEqual(await everything(client, database), before);
  assert.match(cut.fault!, /its header says/);
  assert.match(left.fault!, /too large, left in place/);
});

test('a whole group of letters with the longest names is looked up at once', async (t) => {
  const { states } = await site(t);
  const letters = Array.from({ length: limits.topic.letters_at_once }, (_, at) =>
    letterFrom({
      batch: makeBatch({ host: `${at}`.padEnd(200, 'h'), epoch: newEpoch(), sequence: 1 }),
      reason: '',
    }),
  );
  assert.deepEqual(new Set(await states(letters)), new Set(['coming']));
});

test('a group of letters, of several days and hosts, is replayed at once', async (t) => {
  const { client, database, outcomes } = await site(t, { isMerged: true });
  const batches = Array.from({ length: 30 }, (_, at) =>
    poisonBatch(newEpoch() + at * 2048, 1, { host: `host-${at % 7}`, day: today() - Math.floor(at / 12) }),
  );
  await landedLetters(client, database, batches.map(refusedByKafka));
  const letters = batches.map((batch) => letterFrom({ batch, reason: 'MESSAGE_TOO_LARGE' }));
  assert.deepEqual(new Set(await outcomes(letters)), new Set(['replayed']));
  const [found] = await rowsOf<{ rows: string; gaps: string }>(
    client,
    `SELECT toString(count()) AS rows, toString(countIf(record = 'gap')) AS gaps
     FROM ${database}.console_logs FINAL`,
  );
  assert.deepEqual(found, { rows: '300', gaps: '30' });
  await assertStreamsAgree(client, database);
});

/** What the agent sends instead. */
const refusedByKafka = (batch: Batch): Batch =>
  gapBatch(batch, refusedReason(batch.header, 'MESSAGE_TOO_LARGE', ' by Kafka'));

const partNames = (client: Parameters<typeof rowsOf>[0], database: string) =>
  rowsOf(
    client,
    `SELECT name FROM system.parts WHERE active AND database = '${database}' AND table = 'console_logs' ORDER BY ALL`,
  );

test('held letters come back in order, and never before the batches that the consumer still brings', async (t) => {
  const { client, database, states, outcomes } = await site(t);
  const epoch = newEpoch();
  const batches = run(epoch, 1, 6);
  const held = (...sequences: number[]) =>
    sequences.map((sequence) =>
      letterFrom({ batch: batches[sequence - 1]!, reason: '' }, 'SIGNATURE_MISSING'),
    );
  const lander = createLander(client, database, 'topic/0');
  await lander.land(batches.slice(0, 1));
  assert.deepEqual(await states(held(2, 3, 5)), ['held', 'held', 'coming']);
  assert.deepEqual(await outcomes(held(3)), ['coming']);
  assert.deepEqual(await outcomes(held(3, 2)), ['replayed', 'replayed']);
  // Batch 4 was set aside too, and 5 lands: a gap row has the number of 4.
  await lander.land(batches.slice(4, 5));
  assert.equal((await gapsOf(client, database, epoch)).length, 1);
  assert.deepEqual(await states(held(4, 5)), ['held', 'replayed']);
  assert.deepEqual(await outcomes(held(4)), ['replayed']);
  const { landed, skipped } = await createLander(client, database, 'topic/0').land(batches);
  assert.deepEqual([landed.length, skipped.length], [1, 5]);
});

test('a letter that another host may have sent is not replayed, and does not stand before the next one', async (t) => {
  const { store } = await site(t);
  const letters = run(newEpoch(), 1, 2).map((batch) =>
    letterFrom({ batch, reason: '' }, 'SIGNATURE_MISSING'),
  );
  const trust = (letter: Letter) => (letter === letters[0] ? 'it is not signed.' : null);
  const [first, second] = await replay(store, letters, trust);
  assert.deepEqual([first!.tried, first!.state, first!.reason], [false, 'untrusted', 'it is not signed.']);
  assert.equal(second!.state, 'coming');
});

test('a dismissal ends only what cannot be replayed, or what nobody has tried', async (t) => {
  const { client, database, states, outcomes } = await site(t);
  const epoch = newEpoch();
  const mend = await poisonTable(client, database);
  const [waiting] = await landedLetters(client, database, [poisonBatch(epoch, 1)]);
  await mend();
  const [second, third] = [2, 3].map((sequence) =>
    letterFrom({ batch: makeBatch({ epoch, sequence }), reason: 'held' }, 'SIGNATURE_WRONG'),
  );
  const dismissed = (letter: Letter): Letter => ({ ...letter, dismissed_ms: 1 });
  assert.deepEqual(await states([dismissed(waiting!), second!, third!]), ['waiting', 'held', 'held']);
  const some = [dismissed(waiting!), dismissed(second!), third!];
  // The third one would let the consumer take the second one for landed.
  assert.deepEqual(await states(some), ['waiting', 'dismissed', 'coming']);
  assert.deepEqual(await outcomes(some), ['replayed', 'dismissed', 'coming']);
  assert.deepEqual(await outcomes([second!, third!]), ['replayed', 'replayed'], 'who names it decides anew');
});
