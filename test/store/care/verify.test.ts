import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type TestContext, test } from 'node:test';
import { crc32 } from 'node:zlib';
import type { ClickHouseClient } from '@clickhouse/client';
import { startAgent } from '../../../src/agent/agent.ts';
import { migrate } from '../../../src/store/care/migrate.ts';
import { type Report, verify } from '../../../src/store/care/verify.ts';
import type { VerifyScope } from '../../../src/store/care/verify_rows.ts';
import type { Store } from '../../../src/store/query.ts';
import {
  clickhouse,
  clickhouseSettings,
  clickhouseUrl,
  migratedDatabase,
  rowsOf,
} from '../../support/clickhouse.ts';
import { until } from '../../support/patience.ts';
import { gapRow, insertRows, rowsOfFile, type TestRow } from '../../support/rows.ts';
import { stopMerges } from '../../support/stored.ts';

const recording = readFileSync(resolve(import.meta.dirname, '../../../fixtures/consoles/ok-boot.log'));

async function reports(store: Store, scope: VerifyScope = {}, page_rows?: number): Promise<Report[]> {
  const all: Report[] = [];
  for await (const report of verify(store, scope, page_rows)) all.push(report);
  return all;
}

const storeOf = (client: ClickHouseClient, database: string): Store => ({
  client,
  database,
  url: clickhouseUrl(),
});

/** What a report says, but for the sums of what is there. */
const said = ({ verdict, missing, gaps, problems, repeated_rows }: Report) => ({
  verdict,
  missing,
  gaps,
  problems,
  repeated_rows,
});
const fine = { verdict: 'complete', missing: [], gaps: [], problems: [], repeated_rows: 0 };

/** The rows of a console that a real agent brought to a table, to its seal. @returns the table's name */
async function realStream(t: TestContext): Promise<string> {
  const settings = await clickhouseSettings(t);
  const { database } = settings.clickhouse;
  const client = clickhouse(t);
  await migrate(client, database);
  const folder = join(settings.data_dir, 'vms', 'real');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'console.log'), recording);
  const agent = await startAgent(settings);
  rmSync(folder, { recursive: true });
  const seals = `SELECT count() AS seals FROM ${database}.console_logs WHERE record = 'seal'`;
  await until(async () => Number((await rowsOf<{ seals: number }>(client, seals))[0]!.seals) === 1);
  await agent.stop();
  return `${database}.console_logs`;
}

test('rows of a real stream that are deleted, changed, doubled or moved are named exactly', async (t) => {
  const real = await realStream(t);
  const { client, database } = await migratedDatabase(t);
  await stopMerges(client, database);
  const lines = await rowsOf<{ position: string }>(
    client,
    `SELECT position FROM ${real} WHERE record = 'line' ORDER BY position`,
  );
  const at = (line: number): number => Number(lines[line]!.position);
  const copy = (id: string, where: string, replaced = 'log AS log'): Promise<unknown> =>
    client.command({
      query: `INSERT INTO ${database}.console_logs
        SELECT * REPLACE ('${id}' AS sandbox_id, ${replaced}) FROM (SELECT * FROM ${real} WHERE ${where})`,
    });
  const line = (index: number): string => `record = 'line' AND position = ${at(index)}`;
  await copy('whole', '1');
  await copy('hole', `record = 'seal' OR position NOT IN (${at(10)}, ${at(11)}, ${at(20)})`);
  await copy('start', `position >= ${at(3)}`);
  await copy('end', `record = 'seal' OR position < ${at(lines.length - 2)}`);
  await copy('open', "record = 'line'");
  await copy('changed', '1', `if(${line(30)}, concat(reverse(message), ''), message) AS message`);
  await copy('doubled', '1');
  await copy('doubled', line(5));
  await copy('differing', '1');
  await copy('differing', line(5), "'other' AS message");
  await copy('moved', `NOT (${line(40)})`);
  // Into the middle of another line.
  const inside = at(lines.findIndex((_, index) => index > 45 && at(index + 1) - at(index) > 20)) + 10;
  await copy('moved', line(40), `toUInt64(${inside}) AS position`);
  await copy('behind', '1');
  await copy('behind', line(0), `toUInt64(${recording.length + 100}) AS position`);
  const found = new Map(
    (await reports(storeOf(client, database))).map((report) => [report.sandbox_id, report]),
  );
  const one = (id: string) => said(found.get(id)!);
  const wrong = { ...fine, verdict: 'wrong' };
  const whole = found.get('whole')!;
  assert.deepEqual(one('whole'), fine);
  assert.deepEqual(
    [whole.bytes, whole.lines, whole.crc32, whole.seal!.crc32],
    [recording.length, lines.length, crc32(recording), crc32(recording)],
  );
  const missing = (...ranges: [number, number][]) => ranges.map(([from, to]) => ({ from, to }));
  assert.deepEqual(one('hole'), { ...wrong, missing: missing([at(10), at(12)], [at(20), at(21)]) });
  assert.deepEqual(one('start'), { ...wrong, missing: missing([0, at(3)]) });
  assert.deepEqual(one('end'), { ...wrong, missing: missing([at(lines.length - 2), recording.length]) });
  assert.deepEqual(one('open'), { ...fine, verdict: 'open' });
  assert.match(one('changed').problems.join(), /^the bytes differ from what was read: CRC-32 [0-9a-f]{8}, /);
  assert.deepEqual(one('doubled'), { ...fine, repeated_rows: 1 });
  // Which of the two counts is open, and with it whether the sum is the seal's.
  assert.equal(one('differing').problems[0], `two different line rows are at ${at(5)}`);
  assert.deepEqual(one('moved').missing, missing([at(40), at(41)]));
  assert.ok(one('moved').problems.some((text) => text.startsWith(`rows overlap: [${inside}, `)));
  assert.deepEqual(
    [one('behind').verdict, one('behind').problems[0]],
    ['wrong', `a line is at ${recording.length + 100}, behind the seal`],
  );
});

/** A sealed stream's rows: of `bytes` those in `kept`, and a seal that counts them all. */
function sealed(id: string, bytes: Buffer, more: Partial<TestRow> = {}, gaps = 0): TestRow[] {
  const rows = rowsOfFile(id, bytes, more);
  const message = JSON.stringify({
    bytes: bytes.length,
    lines: rows.length,
    crc32: crc32(bytes),
    gaps,
    complete: gaps === 0,
    reason: 'deleted',
  });
  return [...rows, { record: 'seal', sandbox_id: id, position: bytes.length, message, ...more }];
}

const text = Buffer.from('first\nsecond\nthird\nfourth\n');

test('what gap rows explain is incomplete, not wrong; what they do not is named', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const without = (id: string, gaps: number, ...positions: number[]): TestRow[] =>
    sealed(id, text, {}, gaps).filter((row) => row.record === 'seal' || !positions.includes(row.position));
  const refused = 'batch host-1/1/2 was refused and set aside: too odd';
  await insertRows(client, database, [
    ...sealed('cut', text, {}, 1),
    gapRow('cut', 26, null, 'truncated in place'),
    ...without('refused', 0, 6, 13),
    gapRow('refused', 6, 13, refused),
    ...sealed('replayed', text),
    gapRow('replayed', 6, 13, refused),
    ...without('partly', 0, 6, 13),
    gapRow('partly', 6, 7, refused),
    ...sealed('silent', text, {}, 1),
  ]);
  const found = new Map(
    (await reports(storeOf(client, database))).map((report) => [report.sandbox_id, said(report)]),
  );
  const incomplete = { ...fine, verdict: 'incomplete' };
  assert.deepEqual(Object.fromEntries(found), {
    cut: { ...incomplete, gaps: [{ from: 26, to: null, reason: 'truncated in place' }] },
    refused: { ...incomplete, gaps: [{ from: 6, to: 19, reason: refused }] },
    replayed: fine,
    partly: {
      ...incomplete,
      verdict: 'wrong',
      missing: [{ from: 13, to: 19 }],
      gaps: [{ from: 6, to: 13, reason: refused }],
    },
    silent: { ...fine, verdict: 'wrong', problems: ['the seal counts 1 gaps, 0 are here'] },
  });
});

test('a hole is explained by the gap row of a batch that is missing, but not by that of another', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const batched = async (id: string, epoch: number, missing: number[]): Promise<void> => {
    for (const [index, row] of sealed(id, text).entries()) {
      if (missing.includes(index + 1)) continue;
      await insertRows(client, database, [{ ...row, batch_epoch: epoch, batch_sequence: index + 1 }]);
    }
  };
  await batched('explained', 1_000, [2, 3]);
  await batched('other', 2_000, [2]);
  const reason = 'batches 2 to 3 of host-1/1000 are missing';
  await insertRows(client, database, [
    { ...gapRow('', 2, null, reason), batch_epoch: 1_000, batch_sequence: 3, log: '' },
  ]);
  const [unnamed, explained, other] = (await reports(storeOf(client, database))).map(said);
  assert.deepEqual(unnamed!.gaps, [{ from: 0, to: null, reason }]);
  assert.deepEqual(explained, {
    ...fine,
    verdict: 'incomplete',
    gaps: [{ from: 6, to: 19, reason }],
  });
  assert.deepEqual(other, { ...fine, verdict: 'wrong', missing: [{ from: 6, to: 13 }] });
});

test('a stream of which no row is left is wrong, unless retention took them', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const daysAgo = (days: number): string =>
    new Date(Date.now() - days * 86_400_000).toISOString().slice(0, 10);
  const known = (id: string, days: number): string =>
    `('${id}', 'console', '2026-01-01 00:00:00', '${daysAgo(days)} 00:00:00', '${daysAgo(days)} 01:00:00', 500)`;
  await client.command({
    query: `INSERT INTO ${database}.streams
      (sandbox_id, log, stream_started_at, first_observed_at, last_observed_at, bytes)
      VALUES ${known('lost', 3)}, ${known('old', 200)}, ${known('half', 200)}`,
  });
  const stream_started_at = '2026-01-01 00:00:00';
  const today = { ingest_day: daysAgo(0), stream_started_at };
  await insertRows(client, database, sealed('half', text, today).slice(2));
  const found = (await reports(storeOf(client, database))).map(said);
  const [half, lost, old] = found;
  assert.deepEqual(half!.gaps, [{ from: 0, to: 13, reason: 'removed by retention (30 days)' }]);
  assert.equal(half!.verdict, 'incomplete');
  assert.deepEqual([lost!.verdict, lost!.missing], ['wrong', [{ from: 0, to: 500 }]]);
  assert.deepEqual(old, { ...fine, verdict: 'expired' });
});

test('pages of rows and copies of rows across their ends change nothing', async (t) => {
  const { client, database } = await migratedDatabase(t);
  await stopMerges(client, database);
  const ids = ['a', 'b', 'ä', '\u{1f4a9}', '\uffee'];
  for (const id of ids) await insertRows(client, database, sealed(id, text));
  for (let times = 0; times < 2; times++) await insertRows(client, database, sealed('b', text));
  const store = storeOf(client, database);
  const whole = await reports(store);
  assert.deepEqual(whole.map(({ sandbox_id }) => sandbox_id).sort(), [...ids].sort());
  for (const { sandbox_id, ...report } of whole) {
    assert.deepEqual(said({ sandbox_id, ...report }), {
      ...fine,
      repeated_rows: sandbox_id === 'b' ? 10 : 0,
    });
  }
  for (const page_rows of [1, 2, 3, 7]) assert.deepEqual(await reports(store, {}, page_rows), whole);
});
