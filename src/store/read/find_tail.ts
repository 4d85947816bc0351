import { type Store, selectRows } from '../query.ts';
import type { LineFilter } from './line_filter.ts';
import {
  afterPlace,
  BEFORE,
  KEY,
  KEY_DOWN,
  type LogId,
  type LogPlace,
  logCondition,
  logParams,
  PLACE,
  STREAM,
} from './read_log.ts';

export interface Tail {
  /**
   * The line before the tail: reading starts after it, and includes a gap in between. Null if there is none.
   */
  after: LogPlace | null;
  /** The last line when the tail was found. */
  until: LogPlace;
}

/**
 * Where the last `lines` wanted lines of a log begin; null if it has none. The search goes backwards in key
 * order, so its cost depends on `lines` (and on the lines that a filter leaves out between them), not on the
 * log. Repeated rows count once, and so does a line of several rows. A line that its stream left without an
 * end counts with the one behind it.
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
  // One more line, the one before the tail. An unfinished long line at the end of the log counts here too.
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

/** SQL: a row that ends its line; the pieces before the last one do not. */
const LINE_END = "ending != ''";

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

/** The last `count` ends of wanted lines before a place. */
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
