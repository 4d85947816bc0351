import { limits } from '../../base/limits.ts';
import { type Params, readError, readerSettings, type Store, selectRows } from '../query.ts';
import { ofSandbox } from '../record.ts';

/** A stream's key. `stream` is stream_started_at in ns since 1970. */
export interface StreamId {
  sandbox_id: string;
  log: string;
  stream: string;
}

/** The streams to verify: those of one sandbox, those with rows since a time (ns since 1970), or all. */
export interface VerifyScope {
  sandbox_id?: string;
  since?: bigint;
}

/** A row of console_logs for verify: its text as length and CRC-32; `message` only of gaps and seals. */
export interface CheckedRow extends StreamId {
  position: number;
  record: string;
  bytes: number;
  crc32: number;
  message: string;
}

/** A stream in the table `streams`, which outlives the rows. Days since 1970. */
export interface KnownStream extends StreamId {
  bytes: number;
  first_day: number;
  last_day: number;
}

const STREAM_KEY = 'sandbox_id, log, stream_started_at';
const ROW_KEY = `${STREAM_KEY}, position, record`;
const STREAM = 'toUnixTimestamp64Nano(stream_started_at)';
const STREAM_PARAM = "fromUnixTimestamp64Nano({stream: Int64}, 'UTC')";

// Not a comparison of tuples: ClickHouse does not use the primary key for one.
const after = (rest: string): string =>
  `sandbox_id >= {sandbox: String} AND (sandbox_id > {sandbox: String} OR (log >= {log: String} AND (log > {log: String}
   OR (stream_started_at >= ${STREAM_PARAM} AND (stream_started_at > ${STREAM_PARAM}${rest})))))`;
const AFTER_STREAM = after('');
const AFTER_ROW = after(
  ' OR position > {position: UInt64} OR (position = {position: UInt64} AND record > {record: String})',
);

type RowTuple = [string, string, string, string, string, number, number, string];

/**
 * All rows in order of their key, in the pieces in which they arrive; repeated rows are not removed. Each
 * query reads `page_rows` rows (and the copies of the last one), so that no query runs for long.
 * @throws AfterlogError as selectRows
 */
export async function* rowsToCheck(
  store: Store,
  scope: VerifyScope,
  page_rows: number = limits.verify.rows,
): AsyncGenerator<CheckedRow[]> {
  let place: Params = {};
  for (let found = page_rows; found >= page_rows; ) {
    found = 0;
    const query: string = `SELECT sandbox_id, log, ${STREAM}, position, record,
        toUInt32(length(prefix) + length(message) + length(ending)), CRC32(concat(prefix, message, ending)),
        if(record = 'line', '', message)
      FROM ${store.database}.console_logs
      WHERE record != 'erased' AND ${scopeOf(store, scope)} AND ${'sandbox' in place ? AFTER_ROW : '1'}
      ORDER BY ${ROW_KEY} LIMIT ${page_rows} WITH TIES`;
    for await (const tuples of pieces(store, query, { ...paramsOf(scope), ...place })) {
      const rows: CheckedRow[] = tuples.map(rowOf);
      found += rows.length;
      if (rows.length > 0) place = placeOf(rows.at(-1)!);
      yield rows;
    }
  }
}

async function* pieces(store: Store, query: string, query_params: Params): AsyncGenerator<RowTuple[]> {
  try {
    const result = await store.client.query({
      query,
      query_params,
      format: 'JSONCompactEachRow',
      clickhouse_settings: readerSettings(),
    });
    for await (const rows of result.stream<RowTuple>()) yield rows.map((row) => row.json<RowTuple>());
  } catch (error) {
    throw readError(store, error);
  }
}

const rowOf = ([sandbox_id, log, stream, position, record, bytes, crc32, message]: RowTuple): CheckedRow => ({
  sandbox_id,
  log,
  stream,
  position: Number(position),
  record,
  bytes,
  crc32,
  message,
});

const placeOf = (row: CheckedRow): Params => ({
  sandbox: row.sandbox_id,
  log: row.log,
  stream: row.stream,
  position: row.position,
  record: row.record,
});

/** The streams that were ever seen, in order of their key. */
export async function* knownStreams(store: Store, scope: VerifyScope): AsyncGenerator<KnownStream> {
  let last: StreamId | null = null;
  for (let found: KnownStream[] = []; last === null || found.length === limits.verify.streams; ) {
    const rows: Record<keyof KnownStream, string>[] = await selectRows(
      store,
      `SELECT sandbox_id, log, ${STREAM} AS stream, max(bytes) AS bytes,
         toUInt16(toDate(min(first_observed_at))) AS first_day, toUInt16(toDate(max(last_observed_at))) AS last_day
       FROM ${store.database}.streams
       WHERE sandbox_id != '' AND ${scopeOf(store, scope)} AND ${last === null ? '1' : AFTER_STREAM}
       GROUP BY ${STREAM_KEY} ORDER BY ${STREAM_KEY} LIMIT ${limits.verify.streams}`,
      { ...paramsOf(scope), ...(last && { sandbox: last.sandbox_id, log: last.log, stream: last.stream }) },
    );
    found = rows.map((row) => ({
      ...row,
      bytes: Number(row.bytes),
      first_day: Number(row.first_day),
      last_day: Number(row.last_day),
    }));
    yield* found;
    last = found.at(-1) ?? { sandbox_id: '', log: '', stream: '0' };
  }
}

function scopeOf(store: Store, scope: VerifyScope): string {
  const id = scope.sandbox_id === undefined ? '1' : 'sandbox_id = {id: String}';
  if (scope.since === undefined) return id;
  return `${id} AND (${STREAM_KEY}) IN (SELECT ${STREAM_KEY} FROM ${store.database}.streams
    GROUP BY ${STREAM_KEY} HAVING max(last_observed_at) >= fromUnixTimestamp64Nano({since: Int64}, 'UTC'))`;
}

const paramsOf = ({ sandbox_id, since }: VerifyScope): Params => ({
  ...(sandbox_id === undefined ? {} : { id: sandbox_id }),
  ...(since === undefined ? {} : { since: String(since) }),
});

/** Order of the key in ClickHouse: texts by their bytes. */
export function compareStreams(a: StreamId, b: StreamId): number {
  return (
    Buffer.compare(Buffer.from(a.sandbox_id), Buffer.from(b.sandbox_id)) ||
    Buffer.compare(Buffer.from(a.log), Buffer.from(b.log)) ||
    Math.sign(Number(BigInt(a.stream) - BigInt(b.stream)))
  );
}

/** The days that the table's TTL keeps a row; null if its definition has no such TTL. */
export async function retentionDays(store: Store): Promise<number | null> {
  const [table] = await selectRows<{ engine: string }>(
    store,
    "SELECT engine_full AS engine FROM system.tables WHERE database = {database: String} AND name = 'console_logs'",
    { database: store.database },
  );
  const days = /TTL ingest_day \+ toIntervalDay\((\d+)\)/.exec(table?.engine ?? '')?.[1];
  return days === undefined ? null : Number(days);
}

interface RowBatch {
  host: string;
  epoch: string;
  sequence: string;
}

/**
 * The reasons of the rows that name no sandbox and stand for batches between two positions of a stream: the
 * missing bytes were in these batches, or were erased.
 * @param from, to bounds of the hole
 */
export async function missingBatchesAt(
  store: Store,
  id: StreamId,
  from: number,
  to: number,
): Promise<string[]> {
  const batchAt = async (where: string, order: string): Promise<RowBatch | undefined> => {
    const rows = await selectRows<RowBatch>(
      store,
      `SELECT host, batch_epoch AS epoch, batch_sequence AS sequence FROM ${store.database}.console_logs
       WHERE sandbox_id = {sandbox: String} AND log = {log: String} AND stream_started_at = ${STREAM_PARAM}
         AND position ${where} ORDER BY ${ROW_KEY.replaceAll(/\w+/g, `$& ${order}`)} LIMIT 1`,
      { sandbox: id.sandbox_id, log: id.log, stream: id.stream, from, to },
    );
    return rows[0];
  };
  const behind = await batchAt('>= {to: UInt64}', 'ASC');
  if (behind === undefined) return [];
  // Without a row before the hole, only batches of the epoch of the row behind it can belong to the stream.
  const before = (await batchAt('< {from: UInt64}', 'DESC')) ?? { ...behind, sequence: '0' };
  const rows = await selectRows<{ reason: string }>(
    store,
    `SELECT DISTINCT JSONExtractString(message, 'reason') AS reason FROM ${store.database}.console_logs
     WHERE sandbox_id = '' AND host = {host: String} AND ((record = 'gap'
         AND (batch_epoch, batch_sequence) > ({epoch: UInt64}, {sequence: UInt64})
         AND (batch_epoch, position) < ({behind_epoch: UInt64}, {behind_sequence: UInt64}))
       OR (record = 'erased' AND endsWith(reason, {erased: String})
         AND (batch_epoch, batch_sequence) >= ({epoch: UInt64}, {sequence: UInt64})
         AND (batch_epoch, batch_sequence) <= ({behind_epoch: UInt64}, {behind_sequence: UInt64})))
     ORDER BY reason LIMIT ${limits.verify.reasons}`,
    {
      ...before,
      ...{ behind_epoch: behind.epoch, behind_sequence: behind.sequence },
      erased: ofSandbox(id.sandbox_id),
    },
  );
  return rows.map((row) => row.reason);
}
