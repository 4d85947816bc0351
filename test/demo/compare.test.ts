import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32 } from 'node:zlib';
import { createComparer } from '../../src/demo/compare.ts';
import type { Finished } from '../../src/demo/fleet.ts';
import type { Written } from '../../src/demo/sandbox_files.ts';
import { migratedDatabase } from '../support/clickhouse.ts';
import { FIRST_STREAM, insertRows, SECOND_STREAM, type TestRow } from '../support/rows.ts';

const written = (text: string): Written => ({
  bytes: text.length,
  lines: text.split('\n').length - 1,
  crc32: crc32(Buffer.from(text, 'latin1')),
});
const sandbox = (id: string, text: string, deleted_at_ms = 0): Finished => ({
  id,
  started_at_ms: 0,
  deleted_at_ms,
  failed: false,
  written: { console: written(text), events: written(''), firecracker: written('') },
});
const lines = (sandbox_id: string, texts: string[], stream_started_at = FIRST_STREAM): TestRow[] => {
  let position = 0;
  return texts.map((message) => {
    const row = { sandbox_id, stream_started_at, position, message, ending: '\n' };
    position += message.length + 1;
    return row;
  });
};
const seal = (sandbox_id: string, position: number, reason = 'deleted'): TestRow => ({
  ...{ record: 'seal', sandbox_id, stream_started_at: SECOND_STREAM, position },
  message: JSON.stringify({ bytes: position, reason }),
});
/** A fleet's ledger: what was written, until it is forgotten. */
const ledger = (sandboxes: Finished[]) => ({
  left: sandboxes,
  finished() {
    return this.left;
  },
  forget(id: string) {
    this.left = this.left.filter((one) => one.id !== id);
  },
});

test('a sandbox is whole when ClickHouse holds its bytes in order, over all streams, once', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const kept = ledger([sandbox('sb-a', 'one\n\xff\0\ntwo\n')]);
  const comparer = createComparer(client, database, kept);
  await insertRows(client, database, lines('sb-a', ['two'], SECOND_STREAM));
  await insertRows(client, database, lines('sb-a', ['one', '\xff\0']));
  await insertRows(client, database, lines('sb-a', ['one', '\xff\0']));
  await comparer.look();
  assert.deepEqual(comparer.compared(), { whole: 0, wrong: [], lost_bytes: 0, waiting: 1 });
  await insertRows(client, database, [seal('sb-a', 4)]);
  await comparer.look();
  assert.deepEqual(comparer.compared(), { whole: 1, wrong: [], lost_bytes: 0, waiting: 0 });
});

test('a sealed sandbox with a byte missing or another byte is told', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const kept = ledger([sandbox('sb-short', 'one\ntwo\n'), sandbox('sb-other', 'one\ntwo\n')]);
  const judged: [string, boolean][] = [];
  const comparer = createComparer(client, database, kept, ({ id }, is_whole) => judged.push([id, is_whole]));
  await insertRows(client, database, [...lines('sb-short', ['one']), seal('sb-short', 4)]);
  await insertRows(client, database, [...lines('sb-other', ['two', 'one']), seal('sb-other', 8)]);
  await comparer.look();
  const { whole, wrong, lost_bytes, waiting } = comparer.compared();
  assert.deepEqual([whole, wrong.sort(), lost_bytes, waiting], [0, ['sb-other', 'sb-short'], 4, 0]);
  await comparer.look();
  assert.deepEqual(judged.sort(), [
    ['sb-other', false],
    ['sb-short', false],
  ]);
});

test('a sandbox that never arrives is lost once a later one is whole', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const kept = ledger([sandbox('sb-never', 'text\n', 1_000), sandbox('sb-soon', 'text\n', 1_000_000)]);
  const comparer = createComparer(client, database, kept);
  await insertRows(client, database, lines('sb-soon', ['text']));
  // A truncation's seal is not the end.
  await insertRows(client, database, [seal('sb-soon', 5, 'truncated')]);
  await comparer.look();
  assert.deepEqual(comparer.compared(), { whole: 0, wrong: [], lost_bytes: 0, waiting: 2 });
  await insertRows(client, database, [seal('sb-soon', 6)]);
  await comparer.look();
  await comparer.look();
  assert.deepEqual(comparer.compared(), { whole: 1, wrong: ['sb-never'], lost_bytes: 5, waiting: 0 });
});
