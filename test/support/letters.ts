import assert from 'node:assert/strict';
import type { ClickHouseClient } from '@clickhouse/client';
import { type Letter, letterOf } from '../../src/dlq/letter.ts';
import { createLander, type Refused } from '../../src/store/land/land.ts';
import type { Store } from '../../src/store/query.ts';
import { type Batch, batchId, toKafkaHeaders } from '../../src/wire/header.ts';
import { type Column, makeBatch, type Wanted } from './batches.ts';
import { clickhouseUrl, rowsOf } from './clickhouse.ts';
import { uniqueName } from './temporary.ts';

export const asStore = (client: ClickHouseClient, database: string): Store => ({
  client,
  database,
  url: clickhouseUrl(),
});

/**
 * Without merges, duplicates stay visible. (SYSTEM STOP MERGES would also stop mutations, and with them a
 * replay.)
 */
export async function withoutMerges(client: ClickHouseClient, database: string): Promise<void> {
  const settings = 'max_bytes_to_merge_at_max_space_in_pool = 1, max_bytes_to_merge_at_min_space_in_pool = 1';
  await client.command({ query: `ALTER TABLE ${database}.console_logs MODIFY SETTING ${settings}` });
}

/** Makes the table refuse every batch with `poison` in a line, until the returned function is called. */
export async function poisonTable(client: ClickHouseClient, database: string) {
  const alter = (what: string) => client.command({ query: `ALTER TABLE ${database}.console_logs ${what}` });
  await alter("ADD CONSTRAINT poison CHECK position(message, 'poison') = 0 OR record = 'gap'");
  return () => alter('DROP CONSTRAINT poison');
}

/** A batch that a poisoned table refuses: alternating rows of two sandboxes, with a gap and a seal. */
export function poisonBatch(epoch: number, sequence: number, more: Partial<Wanted> = {}): Batch {
  const change: Record<string, (row: number, value: Column['values'][number]) => Column['values'][number]> = {
    sandbox_id: (row, value) => (row % 6 < 3 ? value : `${value}-b`),
    // At the start of the second sandbox's rows, where their own gap row will be, too.
    record: (row) => (row === 3 ? 'gap' : row === 9 ? 'seal' : 'line'),
    // The guest's clock is half an hour slow.
    timestamp: (_, value) => (value as bigint) - 1_800_000_000_000n,
    message: (row, value) => (row === 3 ? GAP : row === 9 ? SEAL : `poison ${value}`),
  };
  const spoil = (columns: Column[]): Column[] =>
    columns.map((column) => ({
      ...column,
      values: column.values.map((value, row) => change[column.name]?.(row, value) ?? value),
    }));
  return makeBatch({ epoch, sequence, rows: 10, spoil, ...more });
}

const GAP = JSON.stringify({ bytes: 100, reason: 'a gap of its own' });
const SEAL = JSON.stringify({ bytes: 950, lines: 8, crc32: 1, gaps: 1, complete: false, reason: 'deleted' });

/** Stores batches like the consumer. @returns the refused ones as dead letters, in order */
export async function landedLetters(
  client: ClickHouseClient,
  database: string,
  batches: Batch[],
): Promise<Letter[]> {
  const aside: Refused[] = [];
  const lander = createLander(client, database, `${uniqueName('topic')}/0`, {
    setAside: async (refused) => void aside.push(refused),
  });
  await lander.land(batches);
  return aside.map((refused) => letterFrom(refused));
}

/** @param code of the error, for a batch that was set aside before it was tried */
export const letterFrom = ({ batch, reason }: Refused, code = ''): Letter =>
  letterOf({
    ...{ id: batchId(batch.header), at_ms: 0, reason },
    ...{ headers: { ...toKafkaHeaders(batch.header), 'dlq-code': code }, value: batch.value },
  });

/** All rows of the table, without FINAL, in order. */
export const everything = (client: ClickHouseClient, database: string) =>
  rowsOf<Record<string, unknown>>(client, `SELECT * FROM ${database}.console_logs ORDER BY ALL`);

/** Asserts that `streams` contains exactly the rows that its view derives from the stored rows. */
export async function assertStreamsAgree(client: ClickHouseClient, database: string): Promise<void> {
  const columns = '* REPLACE (arraySort(gap_positions) AS gap_positions)';
  const [view] = await rowsOf<{ as_select: string }>(
    client,
    `SELECT as_select FROM system.tables WHERE database = '${database}' AND name = 'streams_view'`,
  );
  const made = view!.as_select.replace(`${database}.console_logs`, `${database}.console_logs FINAL`);
  const order = 'ORDER BY sandbox_id, log, stream_started_at';
  assert.deepEqual(
    await rowsOf(client, `SELECT ${columns} FROM ${database}.streams FINAL ${order}`),
    await rowsOf(client, `SELECT ${columns} FROM (${made}) ${order}`),
  );
}
