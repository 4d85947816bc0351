import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { limits } from '../../base/limits.ts';
import { columnTypes } from '../../wire/columns.ts';

/** ClickHouse computes entry_position only if the INSERT names its columns. */
const COLUMNS = Object.keys(columnTypes).join(', ');

/**
 * One INSERT must become one block and, with one ingest day, one part: then it lands whole or not at all. All
 * settings are in the query, so that no profile of the server can change them.
 */
const insertSettings = (): ClickHouseSettings => ({
  async_insert: 0,
  // Blocks are joined up to these sizes; both are beyond the largest INSERT.
  min_insert_block_size_rows: String(limits.insert.rows_max * 4),
  min_insert_block_size_bytes: String(limits.insert.bytes_max * 8),
  max_insert_block_size: String(limits.insert.rows_max * 4),
  max_insert_threads: '1',
  max_threads: 1,
  input_format_parallel_parsing: 0,
  max_partitions_per_insert_block: '1',
  throw_on_max_partitions_per_insert_block: 1,
  // Sorts the block without a search for equal keys: merges do that anyway, and it costs as much as they do.
  optimize_on_insert: 0,
  // ClickHouse must not drop an equal block: the lander looks up which batches have landed.
  insert_deduplicate: 0,
  deduplicate_blocks_in_dependent_materialized_views: 0,
  // Otherwise a column that the table does not have is dropped without an error.
  input_format_skip_unknown_fields: 0,
  // Bounds the INSERT of a client that has given up.
  max_execution_time: limits.insert.timeout_ms / 1_000,
  timeout_overflow_mode: 'throw',
});

/**
 * The beginning of each INSERT of batches. By it a fence tells the INSERTs of databases apart, also those of
 * older versions: a running query shows its text, and not the database that it writes to.
 */
export const insertInto = (database: string): string => `INSERT INTO ${database}.console_logs (`;

export interface Body {
  format: 'Native' | 'JSONEachRow';
  bytes: Buffer;
}

/**
 * Inserts one body into console_logs. With its Content-Length, ClickHouse and any proxy refuse a body that is
 * cut on its way.
 * @param idPrefix of the query_id, by which fence() finds the INSERT
 * @throws whatever the client throws; then it is not known whether the INSERT landed
 */
export async function insertBody(
  client: ClickHouseClient,
  database: string,
  idPrefix: string,
  { format, bytes }: Body,
  signal: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(limits.insert.timeout_ms);
  const request = client.exec({
    query: `${insertInto(database)}${COLUMNS}) FORMAT ${format}`,
    values: Readable.from([bytes]),
    query_id: `${idPrefix}${randomUUID()}`,
    http_headers: {
      'Content-Length': String(bytes.length),
      ...(format === 'Native' ? { 'Content-Encoding': 'zstd' } : {}),
    },
    clickhouse_settings: insertSettings(),
    abort_signal: AbortSignal.any([signal, timeout]),
  });
  const answer = await request.catch((error: unknown) => {
    throw timeout.aborted ? new Error(`no answer to an INSERT within ${limits.insert.timeout_ms} ms`) : error;
  });
  let text = '';
  for await (const chunk of answer.stream) text += String(chunk);
  // An INSERT has an empty answer; a late error is text after a status of 200.
  if (text.trim() !== '') throw new Error(`ClickHouse answered an INSERT with: ${text.slice(0, 300)}`);
}
