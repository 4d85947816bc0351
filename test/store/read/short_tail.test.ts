import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openStore } from '../../../src/store/query.ts';
import { findTail } from '../../../src/store/read/find_tail.ts';
import { lastRow, readBytes } from '../../../src/store/read/read_log.ts';
import { readShortTail } from '../../../src/store/read/short_tail.ts';
import { clickhouseSettings, migratedDatabase } from '../../support/clickhouse.ts';
import { fc } from '../../support/property.ts';
import { gapRow, insertRows, SECOND_STREAM, sealRow, type TestRow } from '../../support/rows.ts';

const LONG = 'x'.repeat(65_536);

/** A log of some shape: each letter is a row or two. */
function rowsOf(sandbox_id: string, shape: string[]): TestRow[] {
  const rows: TestRow[] = [];
  let position = 0;
  const second = Math.floor(shape.length / 2);
  for (const [index, kind] of shape.entries()) {
    const stream = index < second ? {} : { stream_started_at: SECOND_STREAM };
    if (index === second) position = 0;
    const add = (row: TestRow, bytes: number): void => {
      rows.push({ ...row, ...stream });
      position += bytes;
    };
    if (kind === 'line') add({ sandbox_id, position, message: `${index}` }, String(index).length + 1);
    if (kind === 'empty') add({ sandbox_id, position, message: '', ending: '\r\n' }, 2);
    if (kind === 'long') {
      add({ sandbox_id, position, message: LONG, ending: '' }, LONG.length);
      add({ sandbox_id, position, message: `end ${index}` }, 5 + String(index).length);
    }
    if (kind === 'open') add({ sandbox_id, position, message: LONG, ending: '' }, LONG.length);
    if (kind === 'gap') add(gapRow(sandbox_id, position, 7, 'lost'), 7);
    if (kind === 'seal' && index === shape.length - 1) add(sealRow(sandbox_id, position, 'deleted'), 0);
    if (kind === 'twice') {
      const row = { sandbox_id, position, message: 'twice', ...stream };
      rows.push(row, row);
      position += 6;
    }
  }
  return rows;
}

test('a tail of one query has the bytes that the long way has, of logs of any shape', async (t) => {
  const { client, database } = await migratedDatabase(t);
  await client.command({ query: `SYSTEM STOP MERGES ${database}.console_logs` });
  const store = openStore(await clickhouseSettings(t, { clickhouseDatabase: database }));
  t.after(() => store.client.close());
  let run = 0;
  let short = 0;
  const kinds = fc.constantFrom('line', 'line', 'line', 'empty', 'long', 'open', 'gap', 'seal', 'twice');
  const property = fc.asyncProperty(fc.array(kinds, { maxLength: 60 }), fc.nat(12), async (shape, lines) => {
    const sandbox_id = `sb-${run++}`;
    const rows = rowsOf(sandbox_id, shape);
    if (rows.length > 0) await insertRows(client, database, rows);
    const id = { sandbox_id, log: 'console', workspace: null };
    const found = await readShortTail(store, id, lines);
    if (found === null) return;
    short++;
    const tail = await findTail(store, id, lines);
    const expected: Buffer[] = [];
    if (tail !== null)
      for await (const piece of readBytes(store, id, tail.after, tail.until, {}, true)) expected.push(piece);
    assert.ok(found.bytes.equals(Buffer.concat(expected)), JSON.stringify(shape));
    const placeOf = (at: { stream: string; position: string } | null) => at && [at.stream, at.position];
    assert.deepEqual(placeOf(found.until), placeOf(tail?.until ?? null));
    assert.deepEqual(found.last, await lastRow(store, id));
  });
  await fc.assert(property, { numRuns: 60 });
  assert.ok(short > 30, `only ${short} of ${run} were short`);
});

test('what is too much for one answer is left to the long way', async (t) => {
  const { client, database } = await migratedDatabase(t);
  const store = openStore(await clickhouseSettings(t, { clickhouseDatabase: database }));
  t.after(() => store.client.close());
  const rows = Array.from({ length: 400 }, (_, at) => ({
    sandbox_id: 's',
    position: at * 60_001,
    message: 'x'.repeat(60_000),
  }));
  await insertRows(client, database, rows);
  const id = { sandbox_id: 's', log: 'console', workspace: null };
  assert.equal(await readShortTail(store, id, 300), null);
  assert.equal((await readShortTail(store, id, 3))?.bytes.length, 3 * 60_001);
  assert.equal(await readShortTail(store, id, 5_001), null);
});
