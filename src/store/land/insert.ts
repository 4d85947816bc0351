import { randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { limits } from '../../base/limits.ts';

/**
 * All columns of console_logs that a block may hold. entry_back is EPHEMERAL: entry_position is computed from it,
 * which ClickHouse does only if the INSERT names its columns. A block may omit any of them.
 */
const COLUMNS = [
  ...['record', 'sandbox_id', 'log', 'stream_started_at', 'position', 'timestamp', 'timestamp_kind'],
  ...['observed_at', 'ingest_day', 'host', 'batch_epoch', 'batch_sequence', 'workspace', 'template'],
  ...['source', 'severity', 'event', 'title', 'entry_back', 'prefix', 'message', 'ending'],
].join(', ');

/**
 * One INSERT must become one block, and with one ingest day one part: then it lands whole or not at all. All of
 * it is said in the query, so that no profile of the server can change it.
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
  // The block is sorted, not searched for equal keys: merges do that anyway, and it costs as much as they do.
  optimize_on_insert: 0,
  // An equal block is no reason to drop rows: what landed is looked up, not guessed.
  insert_deduplicate: 0,
  deduplicate_blocks_in_dependent_materialized_views: 0,
  // Else a column that the table does not know is dropped without a word.
  input_format_skip_unknown_fields: 0,
  // Behind a client that gave up, the server does not go on for ever.
  max_execution_time: limits.insert.timeout_ms / 1_000,
  timeout_overflow_mode: 'throw',
});

export interface Body {
  format: 'Native' | 'JSONEachRow';
  bytes: Buffer;
}

/**
 * Inserts one body into console_logs. Content-Length is set, so that a body cut on its way is refused (a chunked
 * one as well; a Content-Length also keeps proxies honest).
 * @param idPrefix of the query_id, by which fence() finds it
 * @throws whatever the client throws; then the INSERT's fate is not known
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
    query: `INSERT INTO ${database}.console_logs (${COLUMNS}) FORMAT ${format}`,
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
  // An INSERT answers nothing; a late error would come as text behind a 200.
  if (text.trim() !== '') throw new Error(`ClickHouse answered an INSERT with: ${text.slice(0, 300)}`);
}
