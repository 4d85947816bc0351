import { limits } from '../../base/limits.ts';
import { type Params, type Store, selectBytes, selectRows } from '../query.ts';
import { type LineFilter, lineCondition, lineParams } from './line_filter.ts';

/** One log of one sandbox; with a workspace, only that workspace's rows of it. */
export interface LogId {
  sandbox_id: string;
  log: string;
  workspace: string | null;
}

/**
 * A place in a log, between two rows: reading goes on with what is strictly greater. `stream` is
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
  /** Of prefix, message and ending in the file. */
  bytes: number;
  /** These bytes in base64; only where they were asked for. */
  raw?: string;
}

/** The last row of a log, with what tells whether it is the end. */
export interface LastRow extends LogPlace {
  /** Of a gap or a seal. */
  message: string;
  host: string;
  /** When it was read, in ms since 1970. */
  observed_ms: number;
  /** Position behind its bytes. */
  end: string;
}

/** A row that was cut because its line is longer. */
export const goesOn = (row: LogRow): boolean =>
  row.record === 'line' && row.ending === '' && row.bytes >= limits.parse.line_bytes_max;

export const KEY = 'sandbox_id, log, stream_started_at, position, record';
export const KEY_DOWN = KEY.replaceAll(/\w+/g, '$& DESC');
export const STREAM = 'toUnixTimestamp64Nano(stream_started_at)';
const STREAM_PARAM = "fromUnixTimestamp64Nano({stream: Int64}, 'UTC')";
const PLACE = `${STREAM} AS stream, position, record`;
/** What a LogRow has, without its raw bytes. */
export const ROW = `${PLACE}, concat(replaceOne(toString(timestamp), ' ', 'T'), 'Z') AS time, timestamp_kind,
       source, severity, event, title, entry_position, prefix, message, ending,
       toUInt32(length(prefix) + length(message) + length(ending)) AS bytes`;

/**
 * The next rows after a place, of all records, at most `limits.read.rows_max`, in order, each once. Reads in key
 * order and stops at the limit: 10 ms in a table of any size; with a filter it reads on until the limit is met.
 * Empty when there is nothing more (yet).
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

/** The same; `isFull`: there may be more. */
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
  // A row may stand twice until parts are merged; in key order its copies are neighbours.
  const once = rows.filter((row, index) => index === 0 || !samePlace(row, rows[index - 1]!));
  return { rows: once, isFull: rows.length >= limits.read.rows_max };
}

/** So many rows before a place, and behind it, in order; seals are none. */
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
       position + multiIf(record = 'line', length(prefix) + length(message) + length(ending),
                          record = 'gap', JSONExtractUInt(message, 'bytes'), 0) AS end
     FROM ${store.database}.console_logs WHERE ${logCondition(id)}
     ORDER BY ${KEY_DOWN} LIMIT 1`,
    logParams(id),
  );
  const [last] = rows;
  return last === undefined ? null : { ...last, message: last.record === 'line' ? '' : last.message };
}

/** The sources and severities of a log's lines ('' where it is unknown), at most 100 of each. */
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

export interface Tail {
  /** Reading goes on after this: the line before the tail, null if there is none. A gap in between is shown too. */
  after: LogPlace | null;
  /** The last line when the tail was taken. */
  until: LogPlace;
}

/**
 * Where the last `lines` wanted lines of a log begin; null if it has none. Goes backwards in key order, so the cost
 * follows `lines` (and what a filter leaves out between them), not the log; a line that stands twice is counted
 * once, and so is a long one of several rows.
 */
export async function findTail(
  store: Store,
  id: LogId,
  lines: number,
  filter: LineFilter = {},
): Promise<Tail | null> {
  const until = await lastLine(store, id, filter);
  if (until === null) return null;
  if (lines === 0) return { after: until, until };
  let below: LogPlace = { ...until, position: String(BigInt(until.position) + 1n) };
  // One more than asked for: the line before the tail. A long line that goes on at the end is counted here.
  for (let more = until.ends === 1 ? lines + 1 : lines; ; ) {
    const found: TailStep = await tailStep(store, id, below, more, filter);
    if (found.distinct >= more) return { after: found.first, until };
    if (found.read < more) return { after: null, until };
    more -= found.distinct;
    below = found.first;
  }
}

/** The last of the next `count` wanted lines after a place; null if there is none. */
export async function nthLine(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  count: number,
  filter: LineFilter = {},
): Promise<LogPlace | null> {
  const rows = await selectRows<LogPlace>(
    store,
    `SELECT ${PLACE} FROM (
       SELECT stream_started_at, position, record FROM ${store.database}.console_logs
       WHERE ${logCondition(id, filter)} AND record = 'line' AND ${afterPlace(after)}
       ORDER BY ${KEY} LIMIT 1 BY stream_started_at, position LIMIT {count: UInt64}
     ) ORDER BY stream_started_at DESC, position DESC LIMIT 1`,
    { ...logParams(id, filter, after), count },
  );
  return rows[0] ?? null;
}

interface TailStep {
  read: number;
  distinct: number;
  first: LogPlace;
}

/** A row that ends its line: all but the first pieces of a line too long for one row. */
export const LINE_END = `(ending != '' OR length(prefix) + length(message) < ${limits.parse.line_bytes_max})`;

async function lastLine(
  store: Store,
  id: LogId,
  filter: LineFilter,
): Promise<(LogPlace & { ends: number }) | null> {
  const rows = await selectRows<LogPlace & { ends: number }>(
    store,
    `SELECT ${PLACE}, toUInt8(${LINE_END}) AS ends FROM ${store.database}.console_logs
     WHERE ${logCondition(id, filter)} AND record = 'line' ORDER BY ${KEY_DOWN} LIMIT 1`,
    logParams(id, filter),
  );
  return rows[0] ?? null;
}

/** The last `count` ends of wanted lines below a place. */
async function tailStep(
  store: Store,
  id: LogId,
  below: LogPlace,
  count: number,
  filter: LineFilter,
): Promise<TailStep> {
  const [row] = await selectRows<{ read: string; distinct: string; first: string[] }>(
    store,
    `SELECT count() AS read, uniqExact(stream, at) AS distinct,
       arrayMap(n -> toString(n), [toUInt64(min((stream, at)).1), min((stream, at)).2]) AS first
     FROM (
       SELECT ${STREAM} AS stream, position AS at FROM ${store.database}.console_logs
       WHERE ${logCondition(id, filter)} AND record = 'line' AND ${BEFORE} AND ${LINE_END}
       ORDER BY ${KEY_DOWN} LIMIT {count: UInt64}
     )`,
    { ...logParams(id, filter, below), count },
  );
  const [stream, position] = row!.first;
  return {
    read: Number(row!.read),
    distinct: Number(row!.distinct),
    first: { stream: stream!, position: position!, record: 'line' },
  };
}

/**
 * The file's bytes after a place (null: from the start) up to and with the line at `until`, all streams in order
 * (of the wanted lines, exactly and no others), in pieces of about `limits.read.bytes_max`. Positions are byte offsets, so a range of them bounds a piece;
 * between two pieces nothing is held open in ClickHouse, however slow the reader is.
 */
export async function* readBytes(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  until: LogPlace,
  filter: LineFilter = {},
): AsyncGenerator<Buffer> {
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
    if (piece.length > 0) yield piece;
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

// Spelled out rather than as a comparison of tuples, which ClickHouse does not look up in the primary key.
const AFTER = `(stream_started_at >= ${STREAM_PARAM} AND (stream_started_at > ${STREAM_PARAM}
  OR position > {position: UInt64} OR (position = {position: UInt64} AND record > {record: String})))`;
const BEFORE = `(stream_started_at <= ${STREAM_PARAM} AND (stream_started_at < ${STREAM_PARAM}
  OR position < {position: UInt64}))`;

export const samePlace = (a: LogPlace, b: LogPlace): boolean =>
  a.position === b.position && a.record === b.record && a.stream === b.stream;

/** True if `a` comes after `b` in the order of the key. */
export function isBeyond(a: LogPlace, b: LogPlace): boolean {
  if (a.stream !== b.stream) return BigInt(a.stream) > BigInt(b.stream);
  if (a.position !== b.position) return BigInt(a.position) > BigInt(b.position);
  return a.record > b.record;
}

const afterPlace = (after: LogPlace | null): string => (after === null ? '1' : AFTER);

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
