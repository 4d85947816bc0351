import { limits } from '../../base/limits.ts';
import { type Params, type Store, selectBytes, selectRows } from '../query.ts';
import { ROW_BYTES } from '../record.ts';
import { type LineFilter, lineCondition, lineParams } from './line_filter.ts';

/** One log of one sandbox; with a workspace, only that workspace's rows of it. */
export interface LogId {
  sandbox_id: string;
  log: string;
  workspace: string | null;
}

/**
 * A place in a log, between two rows: reading continues with the first greater row. `stream` is
 * stream_started_at in ns since 1970. With record '' nothing at `position` has been read yet.
 */
export interface LogPlace {
  stream: string;
  position: string;
  record: string;
}

export interface LogRow extends LogPlace {
  /** Its timestamp, RFC 3339, UTC, nanoseconds. */
  time: string;
  timestamp_kind: string;
  source: string;
  severity: string;
  event: string;
  title: string;
  entry_position: string;
  prefix: string;
  message: string;
  ending: string;
  /** Length of prefix, message and ending in the file. */
  bytes: number;
  /** These bytes in base64, only if requested. */
  raw?: string;
}

/** The last row of a log, with the fields that show whether the log has ended. */
export interface LastRow extends LogPlace {
  /** The message of a gap, of NULs or of a seal. */
  message: string;
  host: string;
  /** When its agent read it, in ms since 1970. */
  observed_ms: number;
  /** The position behind its bytes. */
  end: string;
}

/** Whether a row does not end its line: the line is long, came in pieces, or has no end (yet). */
export const goesOn = (row: LogRow): boolean => row.record === 'line' && row.ending === '';

const NEWLINE = 10;
export const KEY = 'sandbox_id, log, stream_started_at, position, record';
export const KEY_DOWN = KEY.replaceAll(/\w+/g, '$& DESC');
export const STREAM = 'toUnixTimestamp64Nano(stream_started_at)';
const STREAM_PARAM = "fromUnixTimestamp64Nano({stream: Int64}, 'UTC')";
export const PLACE = `${STREAM} AS stream, position, record`;
/** SQL: the columns of a LogRow, without its raw bytes. */
export const ROW = `${PLACE}, concat(replaceOne(toString(timestamp), ' ', 'T'), 'Z') AS time, timestamp_kind,
       source, severity, event, title, entry_position, prefix, message, ending,
       toUInt32(length(prefix) + length(message) + length(ending)) AS bytes`;

/**
 * The next rows after a place, of all records, at most `limits.read.rows_max`, in order, each once. The query
 * reads in key order and stops at the limit: 10 ms in a table of any size; with a filter it reads until the
 * limit is reached. Empty if there are no more rows (yet).
 */
export async function readRows(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  filter: LineFilter = {},
  raw = false,
): Promise<LogRow[]> {
  return (await readPage(store, id, after, filter, raw)).rows;
}

/** The same; `isFull`: there may be more rows. */
export async function readPage(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  filter: LineFilter = {},
  raw = false,
): Promise<{ rows: LogRow[]; isFull: boolean }> {
  const rows = await selectRows<LogRow>(
    store,
    `SELECT ${ROW} ${raw ? ', base64Encode(concat(prefix, message, ending)) AS raw' : ''}
     FROM ${store.database}.console_logs
     WHERE ${logCondition(id, filter)} AND ${afterPlace(after)}
     ORDER BY ${KEY} LIMIT ${limits.read.rows_max}`,
    logParams(id, filter, after),
  );
  // A row may be repeated until parts are merged; in key order its copies are neighbors.
  const once = rows.filter((row, index) => index === 0 || !samePlace(row, rows[index - 1]!));
  return { rows: once, isFull: rows.length >= limits.read.rows_max };
}

/** `count` rows before a place and as many behind it, in order, without seals. */
export async function readAround(
  store: Store,
  id: LogId,
  place: LogPlace,
  count: number,
): Promise<{ before: LogRow[]; after: LogRow[] }> {
  const read = (condition: string, order: string): Promise<LogRow[]> =>
    selectRows<LogRow>(
      store,
      `SELECT ${ROW} FROM ${store.database}.console_logs
       WHERE ${logCondition(id)} AND record != 'seal' AND ${condition} ORDER BY ${order} LIMIT {rows: UInt32}`,
      { ...logParams(id, {}, place), rows: 3 * count },
    );
  const [before, after] = await Promise.all([read(BEFORE, KEY_DOWN), read(AFTER, KEY)]);
  const once = (rows: LogRow[]): LogRow[] =>
    rows.filter((row, index) => index === 0 || !samePlace(row, rows[index - 1]!)).slice(0, count);
  return { before: once(before).reverse(), after: once(after) };
}

/** The last row of a log, or null. */
export async function lastRow(store: Store, id: LogId): Promise<LastRow | null> {
  const rows = await selectRows<LastRow>(
    store,
    `SELECT ${PLACE}, message, host, toFloat64(toUnixTimestamp64Milli(observed_at)) AS observed_ms,
       position + ${ROW_BYTES} AS end
     FROM ${store.database}.console_logs WHERE ${logCondition(id)}
     ORDER BY ${KEY_DOWN} LIMIT 1`,
    logParams(id),
  );
  const [last] = rows;
  return last === undefined ? null : { ...last, message: last.record === 'line' ? '' : last.message };
}

/** The sources and severities of a log's lines ('' if unknown), at most 100 of each. */
export async function sourcesAndSeverities(
  store: Store,
  id: LogId,
): Promise<{ sources: string[]; severities: string[] }> {
  const [row] = await selectRows<{ sources: string[]; severities: string[] }>(
    store,
    `SELECT arraySort(groupUniqArray(100)(source)) AS sources,
       arraySort(groupUniqArray(100)(severity)) AS severities
     FROM ${store.database}.console_logs WHERE ${logCondition(id)} AND record = 'line'`,
    logParams(id),
  );
  return row!;
}

/**
 * The file's bytes of the wanted lines after a place (null: from the start) up to and with the line at
 * `until`, all streams in order, in pieces of about `limits.read.bytes_max`. Positions are byte offsets, so a
 * range of them bounds a piece. Between two pieces nothing is open in ClickHouse, however slow the reader is.
 * @param parts whether each stream begins on a line of its own: a newline follows one that ends without it
 */
export async function* readBytes(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  until: LogPlace,
  filter: LineFilter = {},
  parts = false,
): AsyncGenerator<Buffer> {
  let before: { stream: string; last: number } | null = null;
  for (let from = await nextLine(store, id, after, filter); from !== null; ) {
    if (isBeyond(from, until)) return;
    const end = BigInt(from.position) + BigInt(limits.read.bytes_max);
    const stop = from.stream === until.stream && end > BigInt(until.position) + 1n;
    const to = stop ? BigInt(until.position) + 1n : end;
    const piece = await selectBytes(
      store,
      `SELECT concat(prefix, message, ending) FROM ${store.database}.console_logs FINAL
       WHERE ${logCondition(id, filter)} AND stream_started_at = ${STREAM_PARAM}
         AND position >= {position: UInt64} AND position < {to: UInt64} AND record = 'line'
       ORDER BY ${KEY} FORMAT RawBLOB`,
      { ...logParams(id, filter, from), to: String(to) },
    );
    const { stream } = from;
    if (parts && before !== null && before.stream !== stream && before.last !== NEWLINE)
      yield Buffer.from([NEWLINE]);
    if (piece.length > 0) {
      before = { stream, last: piece.at(-1)! };
      yield piece;
    }
    if (stop) return;
    from = await nextLine(store, id, { stream: from.stream, position: String(to), record: '' }, filter);
  }
}

async function nextLine(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  filter: LineFilter,
): Promise<LogPlace | null> {
  const rows = await selectRows<LogPlace>(
    store,
    `SELECT ${PLACE} FROM ${store.database}.console_logs
     WHERE ${logCondition(id, filter)} AND record = 'line' AND ${afterPlace(after)} ORDER BY ${KEY} LIMIT 1`,
    logParams(id, filter, after),
  );
  return rows[0] ?? null;
}

// Not a comparison of tuples: ClickHouse does not use the primary key for one.
const AFTER = `(stream_started_at >= ${STREAM_PARAM} AND (stream_started_at > ${STREAM_PARAM}
  OR position > {position: UInt64} OR (position = {position: UInt64} AND record > {record: String})))`;
export const BEFORE = `(stream_started_at <= ${STREAM_PARAM} AND (stream_started_at < ${STREAM_PARAM}
  OR position < {position: UInt64}))`;

export const samePlace = (a: LogPlace, b: LogPlace): boolean =>
  a.position === b.position && a.record === b.record && a.stream === b.stream;

/** True if `a` comes after `b` in the order of the key. */
export function isBeyond(a: LogPlace, b: LogPlace): boolean {
  if (a.stream !== b.stream) return BigInt(a.stream) > BigInt(b.stream);
  if (a.position !== b.position) return BigInt(a.position) > BigInt(b.position);
  return a.record > b.record;
}

export const afterPlace = (after: LogPlace | null): string => (after === null ? '1' : AFTER);

export const logCondition = (id: LogId, filter: LineFilter = {}): string =>
  `sandbox_id = {sandbox_id: String} AND log = {log: String}${
    id.workspace === null ? '' : ' AND workspace = {workspace: String}'
  } AND ${lineCondition(filter)}`;

export function logParams(id: LogId, filter: LineFilter = {}, place: LogPlace | null = null): Params {
  return {
    sandbox_id: id.sandbox_id,
    log: id.log,
    ...(id.workspace === null ? {} : { workspace: id.workspace }),
    ...lineParams(filter),
    ...(place && { stream: place.stream, position: place.position, record: place.record }),
  };
}
