import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { migratedDatabase } from '../support/clickhouse.ts';
import { insertRows, rowsOfFile, sealRow } from '../support/rows.ts';

test('each query of docs/guides/sql.md runs', async (t) => {
  const page = readFileSync(resolve(import.meta.dirname, '../../docs/guides/sql.md'), 'utf8');
  const queries = [...page.matchAll(/^```sql\n(.*?)^```$/gms)].map(([, query]) => query!);
  const [, sandbox] = /sandbox_id = '(.+?)'/.exec(page)!;
  const { client, database } = await migratedDatabase(t);
  const text = 'up\nRangeError: connect\n    at once\n';
  const [first, ...trace] = rowsOfFile(sandbox!, Buffer.from(text));
  const entry = trace.map((row) => ({ ...row, severity: 'ERROR', entry_position: trace[0]!.position! }));
  await insertRows(client, database, [first!, ...entry, sealRow(sandbox!, text.length, 'deleted')]);

  const answers = new Map<string, Record<string, unknown>[]>();
  for (const query of queries) {
    const result = await client.query({
      query,
      format: 'JSONEachRow',
      clickhouse_settings: { database } as Record<string, string>,
    });
    answers.set(query, await result.json());
  }
  const answer = (part: string): Record<string, unknown>[] =>
    [...answers].find(([query]) => query.includes(part))![1];
  assert.ok(answers.size > 7);
  assert.deepEqual(
    answer('LIMIT 20').map(({ message }) => message),
    ['    at once', 'RangeError: connect', 'up'],
  );
  assert.deepEqual(
    answer('arrayStringConcat').map((row) => row.text),
    ['RangeError: connect\n    at once'],
  );
  assert.equal(answer('FROM seals')[0]!.bytes, text.length);
});
