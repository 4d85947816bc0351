import assert from 'node:assert/strict';
import { test } from 'node:test';
import { clickhouseErrors } from '../../src/store/clickhouse_errors.ts';
import { clickhouse, rowsOf } from '../support/clickhouse.ts';

test('each number is the one that ClickHouse gives to the error of that name', async (t) => {
  const names = Object.entries(clickhouseErrors).map(
    ([name, number]) => `SELECT '${name}' AS ours, errorCodeToName(${number}) AS theirs`,
  );
  const rows = await rowsOf<{ ours: string; theirs: string }>(clickhouse(t), names.join(' UNION ALL '));
  assert.equal(rows.length, names.length);
  for (const { ours, theirs } of rows) assert.equal(ours, theirs);
});
