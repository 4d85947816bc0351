import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import { replay } from '../../../src/dlq/replay.ts';
import { erase } from '../../../src/store/care/erase.ts';
import { rebuild } from '../../../src/store/care/rebuild.ts';
import { type Report, verify } from '../../../src/store/care/verify.ts';
import { insertBody } from '../../../src/store/land/insert.ts';
import { createLander } from '../../../src/store/land/land.ts';
import { makeBatch, newEpoch, run } from '../../support/batches.ts';
import { migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { asStore, landedLetters, poisonBatch, poisonTable } from '../../support/letters.ts';
import { overrideLimits } from '../../support/limits.ts';
import { PATIENCE_MS } from '../../support/patience.ts';
import { insertRows, rowsOfFile, sealRow, type TestRow } from '../../support/rows.ts';
import { uniqueName } from '../../support/temporary.ts';

// On a slow machine ClickHouse is waited for longer.
overrideLimits({ erase: { wait_ms: PATIENCE_MS } });

async function site(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const store = asStore(client, database);
  /** As a consumer that has just taken its partition. */
  const land = (batches: Parameters<ReturnType<typeof createLander>['land']>[0]) =>
    createLander(client, database, `${uniqueName('topic')}/0`).land(batches);
  const reports = async (sandbox_id: string): Promise<Report[]> => {
    const found: Report[] = [];
    for await (const report of verify(store, { sandbox_id })) found.push(report);
    return found;
  };
  const lines = async (sandbox_id: string): Promise<number> => {
    const query = `SELECT count() AS lines FROM ${database}.console_logs WHERE sandbox_id = '${sandbox_id}' AND record = 'line'`;
    return Number((await rowsOf<{ lines: string }>(client, query))[0]!.lines);
  };
  return { client, database, store, land, reports, lines };
}

const all = { workspace: null };
const SECRET = 'a secret of a guest';
/** Lines of 100 bytes, as far apart as `makeBatch` puts them. */
const full = { text: (row: number) => `line ${row} `.padEnd(98, '.') };

/** Every text of every table and view of the database. */
async function everyText(client: ClickHouseClient, database: string): Promise<string> {
  const tables = await rowsOf<{ name: string }>(
    client,
    `SELECT name FROM system.tables WHERE database = '${database}' AND engine != 'MaterializedView'`,
  );
  const texts = tables.map(({ name }) => rowsOf(client, `SELECT * FROM ${database}.${name}`));
  return JSON.stringify(await Promise.all(texts));
}

/** A deleted sandbox with a boot, a crash and the runtime's events. */
function sandbox(sandbox_id: string, more: Partial<TestRow> = {}): TestRow[] {
  const crash = { event: 'kernel.panic', title: `panic: ${SECRET}` };
  const bytes = { bytes: 30, lines: 3, crc32: 7, gaps: 0, complete: true, reason: 'deleted' };
  return [
    ...rowsOfFile(sandbox_id, Buffer.from('Linux\n'), { event: 'boot.start', ...more, batch_sequence: 1 }),
    ...rowsOfFile(sandbox_id, Buffer.from(`${SECRET}\nend\n`), { ...crash, ...more, batch_sequence: 2 }, 6),
    sealRow(sandbox_id, 30, 'deleted', { ...more, message: JSON.stringify(bytes), batch_sequence: 3 }),
    ...rowsOfFile(sandbox_id, Buffer.from(`${SECRET}\n`), { log: 'events', ...more, batch_sequence: 3 }),
  ];
}

test('nothing of a sandbox’s text is left in any table, and nothing of another is touched', async (t) => {
  const { client, database, store, reports } = await site(t);
  await insertRows(client, database, [
    ...sandbox('sb-1', { batch_epoch: 7 }),
    ...sandbox('other', { batch_epoch: 7 }).map((row) => ({ ...row, ...(row.title && { title: 'kept' }) })),
  ]);
  const others = `SELECT * FROM (SELECT sandbox_id, message, title FROM ${database}.console_logs
    UNION ALL SELECT sandbox_id, event, title FROM ${database}.marks) WHERE sandbox_id = 'other' ORDER BY ALL`;
  const before = await rowsOf(client, others);
  assert.equal(before.length, 9);
  assert.match(await everyText(client, database), /"sb-1".{1,300}a secret/);
  const erased = await erase(store, { sandbox_id: 'sb-1', ...all });
  assert.deepEqual(erased, { state: 'erased', lines: 4, bytes: 50 });
  assert.deepEqual(await rowsOf(client, others), before);
  await client.command({
    query: `ALTER TABLE ${database}.console_logs DELETE WHERE sandbox_id = 'other'`,
    clickhouse_settings: { mutations_sync: '2' },
  });
  assert.doesNotMatch(await everyText(client, database), new RegExp(SECRET));
  const told = (await reports('sb-1')).map(({ log, verdict, gaps, missing, problems }) => ({
    ...{ log, verdict, missing, problems },
    gaps: gaps.map(({ from, to, reason }) => [from, to, reason.slice(0, 17)]),
  }));
  const clean = { verdict: 'erased', missing: [], problems: [] };
  assert.deepEqual(told, [
    { log: 'console', ...clean, gaps: [[0, 30, 'erased on request']] },
    { log: 'events', ...clean, gaps: [[0, 20, 'erased on request']] },
  ]);
  // Derived again, nothing comes back; erased again, nothing happens.
  for await (const lacking of rebuild(store, { mend: true })) assert.deepEqual(lacking, []);
  const rows = () =>
    rowsOf(client, `SELECT * FROM ${database}.console_logs WHERE sandbox_id != 'other' ORDER BY ALL`);
  const left = await rows();
  assert.deepEqual(await erase(store, { sandbox_id: 'sb-1', ...all }), {
    state: 'erased',
    lines: 0,
    bytes: 0,
  });
  assert.deepEqual(await rows(), left);
  assert.doesNotMatch(await everyText(client, database), new RegExp(SECRET));
  assert.equal(await erase(store, { sandbox_id: 'sb-2', ...all }), null);
  assert.equal(await erase(store, { sandbox_id: '', ...all }), null, 'rows that name none are nobody’s');
});

test('batches that come again after an erase land nowhere; what comes later does, and can be erased, too', async (t) => {
  const { client, database, store, land, lines, reports } = await site(t);
  const epoch = newEpoch();
  // The highest batches are of nobody but the sandbox.
  const batches = [
    ...run(epoch, 1, 3, { sandbox_id: 'other' }),
    ...run(epoch, 4, 6, { sandbox_id: 'sb-1', ...full }),
  ];
  await land(batches);
  await erase(store, { sandbox_id: 'sb-1', ...all });
  const again = await land(batches);
  assert.deepEqual([again.landed.length, again.skipped.length], [0, 6]);
  const later = await land(run(epoch, 7, 8, { sandbox_id: 'sb-1', ...full }));
  assert.equal(later.landed.length, 2, 'and no gap row says that batches are missing');
  assert.deepEqual([await lines('sb-1'), await lines('other')], [20, 30]);
  assert.equal((await reports('sb-1'))[0]!.verdict, 'erased');
  assert.equal((await erase(store, { sandbox_id: 'sb-1', ...all }))!.lines, 20);
  assert.equal(
    (await land([...batches, ...run(epoch, 7, 8, { sandbox_id: 'sb-1', ...full })])).landed.length,
    0,
  );
  assert.deepEqual([await lines('sb-1'), await lines('other')], [0, 30]);
  const gaps = await rowsOf(client, `SELECT position, bytes FROM ${database}.gaps`);
  assert.deepEqual(
    gaps,
    [{ position: 3000, bytes: 5000 }],
    'one gap stands for both, and for no missing batch',
  );
});

test('several erases at once, beside rows that land, leave what landed behind them and nothing else', async (t) => {
  const { store, land, lines, reports } = await site(t);
  const epoch = newEpoch();
  const batches = run(epoch, 1, 40, { sandbox_id: 'sb-1', ...full });
  await land(batches.slice(0, 10));
  const landing = (async () => {
    for (let at = 10; at < 40; at++) await land([batches[at]!]);
  })();
  const erasing = Array.from({ length: 4 }, async () => {
    for (let times = 0; times < 3; times++) await erase(store, { sandbox_id: 'sb-1', ...all });
  });
  await Promise.all([landing, ...erasing]);
  const between = (await reports('sb-1'))[0]!;
  assert.deepEqual([between.verdict, between.missing, between.problems], ['erased', [], []]);
  assert.equal((await land(batches)).landed.length, 0, 'nothing lands again');
  await erase(store, { sandbox_id: 'sb-1', ...all });
  assert.equal(await lines('sb-1'), 0);
  assert.equal((await land(batches)).landed.length, 0);
  const [report] = await reports('sb-1');
  assert.deepEqual([report!.verdict, report!.missing, report!.problems], ['erased', [], []]);
});

test('runs of agents that wrote the same rows are each kept in mind, also through merges', async (t) => {
  const { client, database, store, land, lines } = await site(t);
  // An agent that lost its state reads a file again: the same keys from another run.
  const epochs = [newEpoch(), newEpoch() + 2048];
  const of = (epoch: number) => {
    const { header, value } = makeBatch({
      epoch,
      sequence: 1,
      sandbox_id: 'sb-1',
      spoil: (columns) =>
        columns.map((column) =>
          column.name === 'stream_started_at' ? { ...column, values: column.values.map(() => 5n) } : column,
        ),
    });
    return { header, value };
  };
  for (const epoch of epochs) await land([of(epoch)]);
  await erase(store, { sandbox_id: 'sb-1', ...all });
  await client.command({ query: `OPTIMIZE TABLE ${database}.console_logs FINAL` });
  for (const epoch of epochs) assert.equal((await land([of(epoch)])).landed.length, 0);
  assert.equal(await lines('sb-1'), 0);
});

test('a workspace erases its own rows, with those that came before it was known, and no others', async (t) => {
  const { client, database, store, lines } = await site(t);
  await insertRows(client, database, [
    ...sandbox('mine', { workspace: 'mine' }),
    { sandbox_id: 'mine', position: 100, message: 'before its label', batch_sequence: 9 },
    ...sandbox('theirs', { workspace: 'theirs' }),
    { sandbox_id: 'shared', position: 0, message: 'mine', workspace: 'mine' },
    {
      sandbox_id: 'shared',
      position: 10,
      message: 'theirs',
      workspace: 'theirs',
      event: 'x',
      title: 'theirs',
    },
    { sandbox_id: 'shared', position: 20, message: 'of nobody known' },
    { sandbox_id: 'nobody', position: 0, message: 'of nobody known' },
  ]);
  const mine = { workspace: 'mine' };
  for (const sandbox_id of ['theirs', 'nobody', 'never']) {
    assert.equal(await erase(store, { sandbox_id, ...mine }), null, sandbox_id);
  }
  assert.equal((await erase(store, { sandbox_id: 'mine', ...mine }))!.lines, 5);
  assert.equal((await erase(store, { sandbox_id: 'shared', ...mine }))!.lines, 1);
  const left = await Promise.all(['mine', 'theirs', 'shared', 'nobody'].map(lines));
  assert.deepEqual(left, [0, 4, 2, 1]);
  const told = await rowsOf(client, `SELECT sandbox_id, workspace FROM ${database}.gaps ORDER BY ALL`);
  const gap = { sandbox_id: 'mine', workspace: 'mine' };
  assert.deepEqual(told, [gap, gap, { sandbox_id: 'shared', workspace: 'mine' }]);
  const marks = `SELECT sandbox_id, uniqExact(title) > 0 AS has FROM ${database}.marks WHERE title != '' GROUP BY ALL ORDER BY ALL`;
  assert.deepEqual(
    (await rowsOf<{ sandbox_id: string }>(client, marks)).map(({ sandbox_id }) => sandbox_id),
    ['shared', 'theirs'],
  );
});

test('marks that outlived their lines go, too', async (t) => {
  const { client, database, store } = await site(t);
  await insertRows(client, database, sandbox('sb-1'));
  await client.command({
    query: `ALTER TABLE ${database}.console_logs DELETE WHERE 1`,
    clickhouse_settings: { mutations_sync: '2' },
  });
  assert.match(await everyText(client, database), new RegExp(SECRET));
  assert.equal((await erase(store, { sandbox_id: 'sb-1', ...all }))!.state, 'erased');
  assert.doesNotMatch(await everyText(client, database), new RegExp(SECRET));
});

for (const killed of ['', ', also by the replay after one that was killed behind its INSERT']) {
  test(`a dead letter that is replayed brings back what others wrote, not what was erased${killed}`, async (t) => {
    const { client, database, store, land, lines } = await site(t);
    const mend = await poisonTable(client, database);
    const epoch = newEpoch();
    const before = { sandbox_id: 'sb-1' };
    const letters = await landedLetters(client, database, [
      ...run(epoch, 1, 1, before),
      poisonBatch(epoch, 2, before),
      ...run(epoch, 3, 4, before),
    ]);
    assert.equal(letters.length, 1);
    await erase(store, { sandbox_id: 'sb-1', ...all });
    await mend();
    const others = await lines('sb-1-b');
    if (killed !== '') {
      const body = { format: 'Native', bytes: letters[0]!.value! } as const;
      await insertBody(client, database, 'afterlog/test/', body, new AbortController().signal);
      assert.ok((await lines('sb-1')) > 0);
    }
    const outcomes = await replay(store, letters);
    assert.deepEqual(
      outcomes.map(({ state }) => state),
      letters.map(() => 'replayed'),
    );
    assert.equal(await lines('sb-1'), 0);
    assert.ok((await lines('sb-1-b')) > others);
    assert.equal((await land(run(epoch, 1, 4, before))).landed.length, 0);
  });
}

test('while ClickHouse is kept from it, it is said to be removing, and is done later all the same', async (t) => {
  const { client, database, store, lines, reports } = await site(t);
  await insertRows(client, database, sandbox('sb-1'));
  await client.command({ query: `SYSTEM STOP MERGES ${database}.console_logs` });
  assert.equal((await erase(store, { sandbox_id: 'sb-1', ...all }, 200))!.state, 'removing');
  assert.equal(await lines('sb-1'), 4);
  const [console] = await reports('sb-1');
  assert.deepEqual([console!.gaps, console!.missing], [[], []], 'nothing is said to be gone that is there');
  assert.notEqual(console!.verdict, 'erased');
  await client.command({ query: `SYSTEM START MERGES ${database}.console_logs` });
  // The order may be carried out before it is given again.
  assert.equal((await erase(store, { sandbox_id: 'sb-1', ...all }))!.state, 'erased');
  assert.equal(await lines('sb-1'), 0);
  assert.doesNotMatch(await everyText(client, database), new RegExp(SECRET));
});
