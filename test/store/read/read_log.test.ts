import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openStore, type Store } from '../../../src/store/query.ts';
import { findTail } from '../../../src/store/read/find_tail.ts';
import type { LineFilter } from '../../../src/store/read/line_filter.ts';
import {
  isBeyond,
  type LogPlace,
  type LogRow,
  readBytes,
  readRows,
} from '../../../src/store/read/read_log.ts';
import { clickhouseSite } from '../../support/clickhouse.ts';
import { gapRow, insertRows, SECOND_STREAM, sealRow, type TestRow } from '../../support/rows.ts';

const id = { sandbox_id: 's', log: 'console', workspace: null };

async function open(t: TestContext): Promise<{ store: Store; insert: (rows: TestRow[]) => Promise<void> }> {
  const { settings, client, database } = await clickhouseSite(t);
  // Rows that stand twice stay so.
  await client.command({ query: `SYSTEM STOP MERGES ${database}.console_logs` });
  const store = openStore(settings);
  t.after(() => store.client.close());
  return { store, insert: (rows) => insertRows(client, database, rows) };
}

/** Lines of ten bytes, `number` in their text. */
const lineAt = (number: number, more: Partial<TestRow> = {}): TestRow => ({
  sandbox_id: 's',
  position: number * 10,
  message: `line ${String(number).padStart(4, '0')}`,
  ...more,
});

async function all(store: Store, filter: LineFilter, after: LogPlace | null = null): Promise<LogRow[]> {
  const found: LogRow[] = [];
  for (let at = after; ; at = found.at(-1)!) {
    const rows = await readRows(store, id, at, filter);
    if (rows.length === 0) return found;
    found.push(...rows);
  }
}

const textsOf = (rows: LogRow[]): string[] =>
  rows.map(({ record, message }) => (record === 'line' ? message : record));

async function tailOf(store: Store, lines: number, filter: LineFilter): Promise<string[]> {
  const tail = await findTail(store, id, lines, filter);
  return textsOf(await all(store, filter, tail === null ? null : tail.after));
}

test('a severity wants itself and what is worse, never what is unknown; gaps and the end are always told', async (t) => {
  const { store, insert } = await open(t);
  await insert([
    lineAt(0, { severity: 'FATAL' }),
    lineAt(1, { severity: 'INFO' }),
    lineAt(2, { severity: '' }),
    lineAt(3, { severity: 'WARN' }),
    gapRow('s', 40, 10, 'lost'),
    lineAt(5, { severity: 'TRACE' }),
    lineAt(6, { severity: 'ERROR' }),
    sealRow('s', 70, 'deleted'),
  ]);
  const texts = async (filter: LineFilter): Promise<string[]> => textsOf(await all(store, filter));
  assert.deepEqual(await texts({ severity: 'WARN' }), ['line 0000', 'line 0003', 'gap', 'line 0006', 'seal']);
  assert.deepEqual(await texts({ severity: 'FATAL' }), ['line 0000', 'gap', 'seal']);
  assert.equal((await texts({ severity: 'TRACE' })).length, 7, 'all but the unknown');
  assert.equal((await texts({})).length, 8);
});

test('any of the sources, and of those the severity', async (t) => {
  const { store, insert } = await open(t);
  await insert([
    lineAt(0, { source: 'kernel', severity: 'ERROR' }),
    lineAt(1, { source: 'app', severity: 'ERROR' }),
    lineAt(2, { source: 'init', severity: 'INFO' }),
    lineAt(3, { source: "it's", severity: 'ERROR' }),
  ]);
  const texts = async (filter: LineFilter): Promise<string[]> => textsOf(await all(store, filter));
  assert.deepEqual(await texts({ sources: ['kernel', 'init'] }), ['line 0000', 'line 0002']);
  assert.deepEqual(await texts({ sources: ['kernel', 'init'], severity: 'WARN' }), ['line 0000']);
  assert.deepEqual(await texts({ sources: ["it's"] }), ['line 0003']);
  assert.deepEqual(await texts({ sources: ["') OR 1=1 --"] }), []);
});

test('times are from since on and before until, to the nanosecond', async (t) => {
  const { store, insert } = await open(t);
  const at = (ns: number): string => `2026-11-20 10:00:00.${String(ns).padStart(9, '0')}`;
  await insert([1, 2, 3, 4].map((ns) => lineAt(ns, { timestamp: at(ns) })));
  const second = BigInt(Date.parse('2026-11-20T10:00:00Z')) * 1_000_000n;
  const texts = async (filter: LineFilter): Promise<string[]> => textsOf(await all(store, filter));
  assert.deepEqual(await texts({ since: second + 2n, until: second + 4n }), ['line 0002', 'line 0003']);
  assert.deepEqual(await texts({ until: second + 1n }), []);
  assert.deepEqual(await texts({ since: second + 5n }), []);
  assert.equal((await texts({ since: 0n, until: 2n ** 63n - 1n })).length, 4);
});

test('pages hold under a filter: every wanted line once, in order, over streams and rows that stand twice', async (t) => {
  const { store, insert } = await open(t);
  const second = { stream_started_at: SECOND_STREAM };
  const rows = Array.from({ length: 8_000 }, (_, at) =>
    lineAt(at % 4_000, {
      source: at % 3 === 0 ? 'kernel' : 'app',
      ...(at >= 4_000 && second),
    }),
  );
  for (const some of [rows, rows.slice(1_500, 6_500)]) await insert(some);
  const found = await all(store, { sources: ['kernel'] });
  assert.equal(found.length, rows.filter(({ source }) => source === 'kernel').length);
  assert.ok(found.every((row, index) => index === 0 || isBeyond(row, found[index - 1]!)));
});

test('a tail is of the last lines that are wanted, each counted once, with the gaps between them', async (t) => {
  const { store, insert } = await open(t);
  const rows = [
    ...Array.from({ length: 3_000 }, (_, at) =>
      lineAt(at, { severity: at % 1_000 === 0 ? 'ERROR' : 'INFO' }),
    ),
    gapRow('s', 30_000, 10, 'lost'),
    lineAt(3_001, { severity: 'ERROR' }),
    lineAt(3_002, { severity: 'INFO' }),
  ];
  for (const some of [rows, rows.slice(2_000)]) await insert(some);
  const filter = { severity: 'ERROR' } as const;
  assert.deepEqual(await tailOf(store, 1, filter), ['gap', 'line 3001']);
  assert.deepEqual(await tailOf(store, 2, filter), ['line 2000', 'gap', 'line 3001']);
  assert.deepEqual(await tailOf(store, 99, filter), [
    'line 0000',
    'line 1000',
    'line 2000',
    'gap',
    'line 3001',
  ]);
  assert.equal(await findTail(store, id, 5, { severity: 'FATAL' }), null);
});

test('bytes are those of the wanted lines, exactly and no others', async (t) => {
  const { store, insert } = await open(t);
  const bytes = Buffer.from([0, 255, 13, 27, 91]).toString('latin1');
  await insert([
    lineAt(0, { source: 'kernel', prefix: '[    0.1] ', message: bytes, ending: '\r\n' }),
    lineAt(1, { source: 'app' }),
    lineAt(10 ** 9, { source: 'kernel', message: 'far away' }),
  ]);
  const filter = { sources: ['kernel'] };
  const tail = await findTail(store, id, 0, filter);
  const pieces: Buffer[] = [];
  for await (const piece of readBytes(store, id, null, tail!.until, filter)) pieces.push(piece);
  assert.equal(Buffer.concat(pieces).toString('latin1'), `[    0.1] ${bytes}\r\nfar away\n`);
});
