import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { replay } from '../../../src/dlq/replay.ts';
import { migrate } from '../../../src/store/care/migrate.ts';
import { startEmbedded } from '../../../src/store/embedded/embedded.ts';
import { createLander, type Refused, STOPPED } from '../../../src/store/land/land.ts';
import { lookQuery } from '../../../src/store/land/landed.ts';
import type { Batch } from '../../../src/wire/header.ts';
import { type Column, makeBatch, newEpoch, seal, today, type Wanted } from '../../support/batches.ts';
import { clickhouseOrigin, clickhouseUrl, migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { assertLandedOnce, gapsOf } from '../../support/landed_rows.ts';
import { asStore, letterFrom } from '../../support/letters.ts';
import { overrideLimits } from '../../support/limits.ts';
import { until } from '../../support/patience.ts';
import { startProxy } from '../../support/proxy.ts';
import { slowInserts } from '../../support/slow_inserts.ts';
import { temporaryDir, uniqueName } from '../../support/temporary.ts';
import { waitsFor } from '../../support/waits_for.ts';

const scope = (): string => `${uniqueName('topic')}/0`;
const sequences = (batches: Batch[]): number[] => batches.map(({ header }) => header.sequence);
const run = (epoch: number, from: number, to: number, more: Partial<Wanted> = {}): Batch[] =>
  Array.from({ length: to - from + 1 }, (_, at) => makeBatch({ epoch, sequence: from + at, ...more }));

async function parts(t: Awaited<ReturnType<typeof migratedDatabase>>): Promise<number[]> {
  const found = await rowsOf<{ rows: string }>(
    t.client,
    `SELECT rows FROM system.parts WHERE database = '${t.database}' AND table = 'console_logs' AND min_block_number = max_block_number
     ORDER BY min_block_number`,
  );
  return found.map(({ rows }) => Number(rows));
}

test('batches of one day become one INSERT, and one part', async (t) => {
  const store = await migratedDatabase(t);
  const lander = createLander(store.client, store.database, scope());
  const epoch = newEpoch();
  const { landed } = await lander.land(run(epoch, 1, 60, { rows: 8_000 }));
  assert.equal(landed.length, 60);
  assert.equal(lander.status().inserts, 1);
  assert.deepEqual(await parts(store), [480_000]);
  await assertLandedOnce(store.client, store.database, epoch, 480_000);
});

test('a new day and a full INSERT each begin another INSERT', async (t) => {
  const store = await migratedDatabase(t);
  const lander = createLander(store.client, store.database, scope());
  const [one, two] = [newEpoch(), newEpoch() + 2048];
  await lander.land([
    ...run(one, 1, 2, { day: today() - 1 }),
    ...run(one, 3, 4),
    ...run(two, 1, 3, { rows: 8_000 }).map((batch) => ({
      ...batch,
      // As if it were 200,000 rows: only two of them fit into one INSERT.
      header: { ...batch.header, rows: 200_000 },
    })),
  ]);
  assert.deepEqual(
    (await parts(store)).toSorted((a, b) => a - b),
    [20, 8_000, 16_020],
  );
});

test('the same batches twice, late, or from an older epoch land once', async (t) => {
  const store = await migratedDatabase(t);
  const lander = createLander(store.client, store.database, scope());
  const [older, newer] = [newEpoch() - 2048 * 60_000, newEpoch()];
  await lander.land(run(older, 1, 5));
  await lander.land(run(newer, 1, 3));
  const late = await lander.land([...run(newer, 2, 5), ...run(newer, 3, 4), ...run(older, 4, 6)]);
  assert.deepEqual(sequences(late.landed), [4, 5, 6]);
  assert.deepEqual(sequences(late.skipped), [2, 3, 3, 4, 4, 5]);
  const another = createLander(store.client, store.database, scope());
  const again = await another.land([...run(older, 1, 6), ...run(newer, 1, 5)]);
  assert.deepEqual([again.landed.length, again.skipped.length], [0, 11]);
  await assertLandedOnce(store.client, store.database, older, 60);
  await assertLandedOnce(store.client, store.database, newer, 50);
});

test('the look is answered by the projection', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  await createLander(client, database, scope()).land(run(epoch, 1, 2));
  const answer = await client.query({
    query: `EXPLAIN ${lookQuery(database)}`,
    query_params: { hosts: ['host-1'], epochs: [epoch] },
    format: 'TabSeparatedRaw',
  });
  assert.match(await answer.text(), /ReadFromMergeTree \(landed\)/);
});

test('a jump becomes a gap row in front of the batch that follows', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const lander = createLander(client, database, scope());
  const epoch = newEpoch();
  const result = await lander.land([...run(epoch, 1, 2), ...run(epoch, 6, 7), ...run(epoch, 9, 9)]);
  assert.deepEqual(sequences(result.landed), [1, 2, 6, 7, 9]);
  const gaps = await gapsOf(client, database, epoch);
  assert.deepEqual(
    gaps.map(({ position, sequence, bytes, reason }) => ({ position, sequence, bytes, reason })),
    [
      { position: '3', sequence: '5', bytes: null, reason: `batches 3 to 5 of host-1/${epoch} are missing` },
      { position: '8', sequence: '8', bytes: null, reason: `batch 8 of host-1/${epoch} is missing` },
    ],
  );
  assert.equal(lander.status().gaps, 2);
  const late = await lander.land(run(epoch, 3, 5));
  assert.equal(late.skipped.length, 3);
});

test('entry_position is computed from what the block holds', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  const spoil = (columns: Column[]): Column[] =>
    columns.map((column) =>
      column.name === 'entry_back' ? { ...column, values: column.values.map((_, row) => row * 100) } : column,
    );
  await createLander(client, database, scope()).land(run(epoch, 1, 1, { spoil }));
  const rows = await rowsOf(
    client,
    `SELECT DISTINCT toString(entry_position) AS at FROM ${database}.console_logs`,
  );
  assert.deepEqual(rows, [{ at: '0' }]);
});

const spoils: [string, (batch: Batch) => Batch][] = [
  [
    'a column that the table does not know',
    ({ header }) =>
      makeBatch({
        ...header,
        rows: 10,
        spoil: (columns) => [...columns, { ...columns[0]!, name: 'unknown' }],
      }),
  ],
  [
    'a type that does not convert',
    ({ header }) =>
      makeBatch({
        ...header,
        rows: 10,
        spoil: (columns) =>
          columns.map((column) =>
            column.name === 'timestamp'
              ? { ...column, type: 'String', values: column.values.map(() => 'soon') }
              : column,
          ),
      }),
  ],
  [
    'rows of two days',
    ({ header }) =>
      makeBatch({
        ...header,
        rows: 10,
        spoil: (columns) =>
          columns.map((column) =>
            column.name === 'ingest_day'
              ? { ...column, values: column.values.map((_, row) => today() - (row % 2)) }
              : column,
          ),
      }),
  ],
  ['a block that ends early', (batch) => reblock(batch, (block) => block.subarray(0, block.length - 20))],
  [
    'a count of rows that cannot be',
    (batch) =>
      reblock(batch, (block) =>
        Buffer.concat([block.subarray(0, 1), Buffer.from('ffffffffff0f', 'hex'), block.subarray(2)]),
      ),
  ],
  ['no block at all', (batch) => reblock(batch, () => Buffer.from('no block at all'.repeat(20)))],
];

const reblock = ({ header, value }: Batch, change: (block: Buffer) => Buffer): Batch =>
  seal(header, zstdCompressSync(change(zstdDecompressSync(value))));

for (const [what, spoil] of spoils) {
  test(`a batch with ${what} is refused alone; the others land, gap rows stand in its place`, async (t) => {
    const { client, database } = await migratedDatabase(t);
    const aside: Refused[] = [];
    const setAside = async (refused: Refused): Promise<void> => void aside.push(refused);
    const lander = createLander(client, database, scope(), { setAside });
    const epoch = newEpoch();
    const batches = run(epoch, 1, 5);
    batches[2] = spoil(batches[2]!);
    const result = await lander.land(batches);
    assert.deepEqual(sequences(result.landed), [1, 2, 4, 5]);
    assert.deepEqual(sequences(result.refused.map(({ batch }) => batch)), [3]);
    assert.deepEqual(aside, result.refused);
    const [gap, ...more] = await gapsOf(client, database, epoch);
    assert.deepEqual(more, []);
    assert.equal(gap?.sequence, '3');
    assert.match(gap.reason, new RegExp(`^batch host-1/${epoch}/3 was refused and set aside: `));
    const readable = !/ends early|cannot be|no block/.test(what);
    const text = 'line 20\r\n'.length * 10;
    assert.deepEqual([gap.sandbox_id, gap.bytes], readable ? [`sb-${epoch}`, text] : ['', null]);
    const again = await createLander(client, database, scope()).land(batches);
    assert.equal(again.skipped.length, 5, 'a refused batch counts as landed');
  });
}

test('a refused batch is set aside before gap rows take its place', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  let calls = 0;
  let gapsBefore = -1;
  const setAside = async (): Promise<void> => {
    if (++calls === 1) throw new Error('the broker is away');
    gapsBefore = (await gapsOf(client, database, epoch)).length;
  };
  const lander = createLander(client, database, scope(), { setAside });
  const [batch] = run(epoch, 1, 1);
  const result = await lander.land([spoils[0]![1](batch!)]);
  assert.deepEqual([result.refused.length, calls, gapsBefore], [1, 2, 0]);
});

test('a batch whose gap rows are refused, too, is set aside once', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const alter = (what: string) => client.command({ query: `ALTER TABLE ${database}.console_logs ${what}` });
  await alter('ADD CONSTRAINT none CHECK batch_sequence != 2');
  let calls = 0;
  const setAside = async (): Promise<void> => void calls++;
  const lander = createLander(client, database, scope(), { setAside });
  const epoch = newEpoch();
  const landing = lander.land(run(epoch, 1, 3));
  await waitsFor(lander, /VIOLATED_CONSTRAINT/);
  // The counter of INSERTs shows that it tries again and again.
  const before = lander.status().inserts;
  await until(() => lander.status().inserts > before + 3);
  assert.equal(calls, 1);
  await alter('DROP CONSTRAINT none');
  const { landed, refused } = await landing;
  assert.deepEqual([sequences(landed), refused.length, calls], [[1, 3], 1, 1]);
  assert.deepEqual(
    (await gapsOf(client, database, epoch)).map(({ sequence }) => sequence),
    ['2'],
  );
});

test('a batch whose runs ClickHouse refuses as gap rows has one gap row', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  await client.command({
    query: `ALTER TABLE ${database}.console_logs ADD CONSTRAINT none CHECK batch_sequence != 2 OR sandbox_id = ''`,
  });
  const { landed, refused } = await createLander(client, database, scope()).land(run(epoch, 1, 3));
  assert.deepEqual([sequences(landed), refused.length], [[1, 3], 1]);
  const gaps = await gapsOf(client, database, epoch);
  assert.deepEqual(
    gaps.map(({ sequence, sandbox_id }) => [sequence, sandbox_id]),
    [['2', '']],
  );
});

test('a batch of a schema that this version does not know is set aside; the others land', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  const aside: Refused[] = [];
  const options = { schema_known: 5, setAside: async (refused: Refused) => void aside.push(refused) };
  const lander = createLander(client, database, scope(), options);
  const batches = [
    ...run(epoch, 1, 1),
    ...run(epoch, 2, 3, { schema: 6 }),
    ...run(epoch, 4, 4),
    ...run(epoch, 5, 5, { schema: Number.MAX_SAFE_INTEGER }),
    ...run(epoch, 6, 6, { schema: 5 }),
  ];
  const { landed, refused } = await lander.land(batches);
  assert.deepEqual(
    [sequences(landed), sequences(refused.map(({ batch }) => batch))],
    [
      [1, 4, 6],
      [2, 3, 5],
    ],
  );
  assert.deepEqual(aside, refused);
  assert.match(refused[0]!.reason, /has schema 6, this version of afterlog knows 5; update/);
  // A version that knows the schema replays them.
  const outcomes = await replay(
    asStore(client, database),
    refused.slice(0, 2).map((one) => letterFrom(one)),
  );
  assert.deepEqual(
    outcomes.map(({ state }) => state),
    ['replayed', 'replayed'],
  );
  const rows = await rowsOf<{ n: number }>(
    client,
    `SELECT DISTINCT batch_sequence AS n FROM ${database}.console_logs
    WHERE record = 'line' ORDER BY n`,
  );
  assert.deepEqual(
    rows.map((row) => Number(row.n)),
    [1, 2, 3, 4, 6],
  );
});

test('a jump that is not believed is set aside without gap rows, and the epoch goes on', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  const aside: Refused[] = [];
  const lander = createLander(client, database, scope(), {
    setAside: async (refused) => void aside.push(refused),
    distrust: async ({ header }, missing) => (missing > 100 ? `no ${header.sequence}` : null),
  });
  const far = makeBatch({ epoch, sequence: Number.MAX_SAFE_INTEGER });
  const { landed, refused } = await lander.land([
    ...run(epoch, 1, 2),
    far,
    ...run(epoch, 3, 4),
    ...run(epoch, 6, 6),
  ]);
  assert.deepEqual(
    [sequences(landed), sequences(refused.map(({ batch }) => batch))],
    [[1, 2, 3, 4, 6], [2 ** 53 - 1]],
  );
  assert.deepEqual(
    [aside[0]!.code, aside[0]!.reason],
    ['BATCH_UNEXPLAINED', `no ${Number.MAX_SAFE_INTEGER}`],
  );
  assert.deepEqual(
    (await gapsOf(client, database, epoch)).map(({ sequence }) => sequence),
    ['5'],
  );
});

test('a jump over batches that somebody else has landed meanwhile is none', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  const lander = createLander(client, database, scope(), { distrust: async () => 'no' });
  await lander.land(run(epoch, 1, 2));
  await createLander(client, database, scope()).land(run(epoch, 3, 5));
  const { landed, refused } = await lander.land(run(epoch, 6, 7));
  assert.deepEqual([sequences(landed), refused], [[6, 7], []]);
});

test('a missing table and a wrong password are waited out', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  await client.command({ query: `RENAME TABLE ${database}.console_logs TO ${database}.elsewhere` });
  const lander = createLander(client, database, scope());
  const landing = lander.land(run(epoch, 1, 3));
  await waitsFor(lander, /ClickHouse refuses \(code 60 UNKNOWN_TABLE: .*nothing is lost/);
  await client.command({ query: `RENAME TABLE ${database}.elsewhere TO ${database}.console_logs` });
  assert.equal((await landing).landed.length, 3);
  assert.equal(lander.status().paused, null);

  const stranger = createClient({
    url: clickhouseOrigin(),
    username: new URL(clickhouseUrl()).username,
    password: 'wrong',
    log: { level: ClickHouseLogLevel.OFF },
  });
  t.after(() => stranger.close());
  const locked = createLander(stranger, database, scope());
  const never = locked.land(run(epoch, 4, 4));
  await waitsFor(locked, /AUTHENTICATION_FAILED|password/i);
  locked.stop();
  await assert.rejects(never, (error) => error === STOPPED);
});

test('a view that throws stops nothing that landed, and nothing lands twice', async (t) => {
  const { client, database } = await migratedDatabase(t);
  await client.command({
    query: `CREATE MATERIALIZED VIEW ${database}.bad ENGINE = Null AS
      SELECT throwIf(batch_sequence = 2, 'no') AS x FROM ${database}.console_logs`,
  });
  const epoch = newEpoch();
  const lander = createLander(client, database, scope());
  const landing = lander.land(run(epoch, 1, 3));
  const mended = until(async () => lander.status().paused !== null).then(() =>
    client.command({ query: `DROP VIEW ${database}.bad` }),
  );
  const { landed } = await landing;
  await mended;
  assert.equal(landed.length, 3);
  await assertLandedOnce(client, database, epoch, 30);
});

test('a batch of a newer schema waits for the migration', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const epoch = newEpoch();
  const lander = createLander(client, database, scope());
  const landing = lander.land([...run(epoch, 1, 1), ...run(epoch, 2, 2, { schema: 900 })]);
  await waitsFor(lander, /needs schema 900.*afterlog migrate.*SCHEMA_BEHIND/);
  await assertLandedOnce(client, database, epoch, 10);
  await client.insert({
    table: `${database}.schema_migrations`,
    values: [{ number: 900, name: '0900_test', checksum: '' }],
    format: 'JSONEachRow',
  });
  assert.equal((await landing).landed.length, 2);
});

test('an answer that is lost does not make batches land twice', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const proxy = await startProxy(t, clickhouseUrl());
  const impatient = createClient({
    url: proxy.url,
    request_timeout: 3_000,
    log: { level: ClickHouseLogLevel.OFF },
  });
  t.after(() => impatient.close());
  const epoch = newEpoch();
  const lander = createLander(impatient, database, scope());
  await lander.land(run(epoch, 1, 1));
  proxy.muted = true;
  const landing = lander.land(run(epoch, 2, 20));
  await until(
    async () =>
      (await rowsOf(client, `SELECT 1 FROM ${database}.console_logs WHERE batch_sequence = 20 LIMIT 1`))
        .length > 0,
  );
  await waitsFor(lander, /CLICKHOUSE_UNREACHABLE/);
  proxy.muted = false;
  const { landed, skipped } = await landing;
  assert.deepEqual([landed.length, skipped.length], [19, 0]);
  await assertLandedOnce(client, database, epoch, 200);
});

const runningInserts = (client: Parameters<typeof rowsOf>[0], of: string) =>
  rowsOf<{ rows: string }>(
    client,
    `SELECT toString(read_rows) AS rows FROM system.processes WHERE startsWith(query_id, 'afterlog/${of}/')`,
  );

test('an INSERT that a dead consumer left running is ended before the next one looks', async (t) => {
  const store = await migratedDatabase(t);
  const { client, database } = store;
  const place = scope();
  const fast = await slowInserts(client, database, 2 / 50_000);
  const epoch = newEpoch();
  const batches = run(epoch, 1, 5, { rows: 10_000 });
  const dying = createLander(client, database, place);
  const died = dying.land(batches, async () => {});
  let isOver = false;
  died
    .catch(() => {})
    .finally(() => {
      isOver = true;
    });
  await until(async () => isOver || (await runningInserts(client, place)).length > 0);
  dying.stop(); // It does not try again, as nobody does who is dead; its INSERT goes on.
  await fast().catch(() => {});
  const heir = createLander(client, database, place);
  const { landed, skipped } = await heir.land(batches);
  assert.equal(landed.length + skipped.length, 5);
  await died.catch(() => {});
  await assertLandedOnce(client, database, epoch, 50_000);
});

test('a group that takes the partition away ends land(), and its heir lands the rest once', async (t) => {
  const store = await migratedDatabase(t);
  const { client, database } = store;
  const place = scope();
  const epoch = newEpoch();
  const batches = run(epoch, 1, 5, { rows: 10_000 });
  const lander = createLander(client, database, place);
  // Slow enough to be met by one of the calls that come every few seconds while it runs.
  const fast = await slowInserts(client, database, 2 / 10_000);
  const rebalance = new Error('the group is rebalancing');
  // So often that a busy machine meets the INSERT, too.
  overrideLimits({ consume: { alive_ms: 50 } }, t);
  const taken = lander.land(batches, async () => {
    if ((await runningInserts(client, place)).length > 0) throw rebalance;
  });
  await assert.rejects(taken, (error) => error === rebalance);
  await fast();
  lander.taken();
  const { landed, skipped } = await lander.land(batches);
  assert.equal(landed.length + skipped.length, 5);
  await assertLandedOnce(client, database, epoch, 50_000);
});

async function ownServer(t: TestContext, dir: string) {
  const server = await startEmbedded({ dir });
  t.after(() => server.stop());
  const client = createClient({ url: server.url, log: { level: ClickHouseLogLevel.OFF } });
  t.after(() => client.close());
  return { server, client };
}

test('ClickHouse killed while an INSERT runs has all of it or nothing, and it lands once', async (t) => {
  const dir = await temporaryDir(t);
  const { server, client } = await ownServer(t, dir);
  const database = uniqueName('test');
  await migrate(client, database);
  const rows = 300_000;
  await slowInserts(client, database, 2 / rows);
  const epoch = newEpoch();
  const place = scope();
  const lander = createLander(client, database, place);
  const landing = lander.land(run(epoch, 1, 50, { rows: 6_000 }));
  let isOver = false;
  void landing.finally(() => {
    isOver = true;
  });
  await until(
    async () => isOver || (await runningInserts(client, place)).some((one) => Number(one.rows) > 0),
  );
  server.kill();
  await server.exited;
  const reborn = await startEmbedded({ dir, http_port: Number(new URL(server.url).port) });
  t.after(() => reborn.stop());
  const { landed } = await landing;
  assert.equal(landed.length, 50);
  await assertLandedOnce(client, database, epoch, rows);
});

test('heartbeats go on while nothing can be landed', async (t) => {
  const nobody = createClient({ url: 'http://127.0.0.1:9', log: { level: ClickHouseLogLevel.OFF } });
  t.after(() => nobody.close());
  const lander = createLander(nobody, 'none', scope());
  let beats = 0;
  const enough = new Error('enough');
  const landing = lander.land(run(newEpoch(), 1, 1), async () => {
    if (++beats === 6) throw enough;
  });
  await assert.rejects(landing, (error) => error === enough);
});
