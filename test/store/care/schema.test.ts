import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { migratedDatabase, rowsOf } from '../../support/clickhouse.ts';
import { TODAY } from '../../support/rows.ts';

const START = '2026-11-23 10:00:00.000000001';

test('a sandbox is alive until the newest stream of each of its logs is sealed by a deletion', async (t) => {
  const { insert, sandbox } = await sandboxTable(t);
  await insert([line('console', 0, 'hello'), line('events', 0, '{}')]);
  assert.deepEqual(await sandbox(), {
    state: 'alive',
    logs: ['console', 'events'],
    bytes: 9,
    streams: 2,
  });
  await insert([seal('console', 6, 'deleted')]);
  assert.equal((await sandbox()).state, 'alive');
  await insert([seal('events', 3, 'deleted')]);
  assert.equal((await sandbox()).state, 'deleted');
  await insert([{ ...line('console', 0, 'born again'), stream_started_at: '2026-11-23 11:00:00' }]);
  assert.deepEqual(await sandbox(), {
    state: 'alive',
    logs: ['console', 'events'],
    bytes: 20,
    streams: 3,
  });
});

test('a truncated stream that is sealed does not make its sandbox deleted', async (t) => {
  const { insert, sandbox } = await sandboxTable(t);
  await insert([line('console', 0, 'hello'), seal('console', 6, 'truncated')]);
  assert.equal((await sandbox()).state, 'alive');
});

test('rows that land twice, late or in another order change no derived figure', async (t) => {
  const { client, database, insert, sandbox } = await sandboxTable(t);
  const rows = [
    line('console', 0, 'hello'),
    gap(6, '{"bytes":94,"reason":"cap"}'),
    line('console', 100, 'bye'),
  ];
  const streams = () => rowsOf(client, `SELECT * FROM ${database}.streams FINAL`);
  await insert(rows);
  const [once, summary] = [await streams(), await sandbox()];
  await insert(rows.toReversed());
  await insert([rows[1]!]);
  assert.deepEqual(await streams(), once);
  assert.deepEqual(await sandbox(), summary);
  assert.equal(summary.bytes, 104);
  const gaps = await rowsOf(client, `SELECT position, bytes, reason FROM ${database}.gaps`);
  assert.deepEqual(gaps, [{ position: 6, bytes: 94, reason: 'cap' }]);
  assert.deepEqual(await rowsOf(client, `SELECT gaps FROM ${database}.sandboxes`), [{ gaps: 1 }]);
});

test('a seal is readable with its types', async (t) => {
  const { client, database, insert } = await sandboxTable(t);
  await insert([seal('console', 6, 'deleted')]);
  const seals = await rowsOf(
    client,
    `SELECT bytes, lines, crc32, gaps, complete, reason FROM ${database}.seals`,
  );
  assert.deepEqual(seals, [
    { bytes: 6, lines: 1, crc32: 4_294_967_295, gaps: 0, complete: true, reason: 'deleted' },
  ]);
  const streams = await rowsOf(
    client,
    `SELECT complete, deleted_at = sealed_at AS same FROM ${database}.streams`,
  );
  assert.deepEqual(streams, [{ complete: 1, same: 1 }]);
});

test('no content of a row makes an INSERT fail', async (t) => {
  const { client, database, insert } = await sandboxTable(t);
  const odd = [
    '',
    'not JSON',
    '[]',
    '{"bytes":null}',
    '{"bytes":-1}',
    '{"bytes":1e99}',
    '{"bytes":"x","complete":7}',
  ];
  odd.push('{"bytes":18446744073709551615}', '{', `{"reason":${'['.repeat(5_000)}`);
  await insert(odd.flatMap((message, at) => [gap(at, message), { ...gap(at, message), record: 'seal' }]));
  await insert([{ ...gap(99, 'x'), record: 'unheard-of' }]);
  const found = await rowsOf(
    client,
    `SELECT count() AS n FROM ${database}.gaps WHERE NOT ignore(bytes, reason)`,
  );
  assert.deepEqual(found, [{ n: odd.length }]);
  await rowsOf(client, `SELECT * FROM ${database}.seals`);
  await rowsOf(client, `SELECT * FROM ${database}.sandboxes`);
});

test('gaps are found without reading the granules that have none', async (t) => {
  const { client, database, insert } = await sandboxTable(t);
  await client.command({
    query: `INSERT INTO ${database}.console_logs (record, sandbox_id, log, position, ingest_day)
      SELECT 'line', toString(intDiv(number, 100)), 'console', number, today() FROM numbers(300000)`,
  });
  await insert([gap(6, '{"bytes":1,"reason":"cap"}')]);
  const plan = await client.query({
    query: `EXPLAIN indexes = 1 SELECT count() FROM ${database}.gaps`,
    format: 'TabSeparatedRaw',
  });
  assert.match(await plan.text(), /Skip[\s\S]*kinds/);
});

interface Row {
  record: string;
  log: string;
  position: number;
  message: string;
  ending: string;
  stream_started_at?: string;
}
const line = (log: string, position: number, message: string): Row => ({
  record: 'line',
  log,
  position,
  message,
  ending: '\n',
});
const gap = (position: number, message: string): Row => ({
  record: 'gap',
  log: 'console',
  position,
  message,
  ending: '',
});
const seal = (log: string, position: number, reason: string): Row => ({
  record: 'seal',
  log,
  position,
  message: JSON.stringify({
    bytes: position,
    lines: 1,
    crc32: 4_294_967_295,
    gaps: 0,
    complete: true,
    reason,
  }),
  ending: '',
});

async function sandboxTable(t: TestContext) {
  const { client, database } = await migratedDatabase(t);
  const insert = async (rows: Row[]): Promise<void> => {
    const common = {
      sandbox_id: 'sb-1',
      host: 'h',
      stream_started_at: START,
      observed_at: START,
      timestamp: START,
    };
    await client.insert({
      table: `${database}.console_logs`,
      values: rows.map((row) => ({ ...common, ingest_day: TODAY, ...row })),
      format: 'JSONEachRow',
      clickhouse_settings: { async_insert: 0 },
    });
  };
  const sandbox = async () => {
    const query = `SELECT state, logs, bytes, streams FROM ${database}.sandboxes WHERE sandbox_id = 'sb-1'`;
    return (
      await rowsOf<{ state: string; logs: string[]; bytes: number; streams: number }>(client, query)
    )[0]!;
  };
  return { client, database, insert, sandbox };
}
