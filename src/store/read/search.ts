import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Params, Store } from '../query.ts';
import { askBounded } from './bounded.ts';
import { findAcross, holds } from './find_text.ts';
import { type LineFilter, lineCondition, lineParams } from './line_filter.ts';
import { KEY, type LogId, type LogRow, ROW, readAround, STREAM, samePlace } from './read_log.ts';

/** The lines and sandboxes to search; `filter.text` is the text. */
export interface SearchFilter {
  filter: LineFilter;
  workspace: string | null;
  sandbox_id?: string | undefined;
  log?: string | undefined;
  host?: string | undefined;
  template?: string | undefined;
}

/** A line with its place among all lines of all sandboxes. */
export interface FoundRow extends LogRow {
  sandbox_id: string;
  log: string;
  host: string;
  workspace: string;
  template: string;
  /** The day of its arrival, YYYY-MM-DD. */
  day: string;
  /** Its timestamp, in ns since 1970. */
  time_ns: string;
}

/** Where a search continues: behind this line or, without `row`, with this day. */
export interface SearchPlace {
  day: string;
  row?: { time_ns: string; sandbox_id: string; log: string; stream: string; position: string } | undefined;
}

export interface SearchPage {
  rows: FoundRow[];
  /** Null: everything was searched. */
  next: SearchPlace | null;
}

/**
 * Lines of all sandboxes, the latest first: by day of arrival, and within a day by time. So rows that land
 * meanwhile move no place. A text may be in several pieces of its line: then their rows are read as one. A
 * page ends early after `limits.search.ms_max`; `next` then shows where it stopped.
 * @throws AfterlogError QUERY_TOO_BROAD if a single day takes longer
 */
export async function search(
  store: Store,
  what: SearchFilter,
  count: number,
  from: SearchPlace | null,
): Promise<SearchPage> {
  const { rows, next } = await searchRows(
    store,
    { ...what, filter: { ...what.filter, spans: true } },
    count,
    from,
  );
  const { text } = what.filter;
  if (text === undefined) return { rows, next };
  const across = async (row: FoundRow): Promise<FoundRow | null> => {
    if (holds(row, text)) return row;
    const id: LogId = { sandbox_id: row.sandbox_id, log: row.log, workspace: what.workspace };
    const line = await findAcross(store, id, row, text);
    return line === null ? null : { ...row, ...line };
  };
  const found: FoundRow[] = [];
  for (const row of rows) {
    const one = await across(row);
    if (one !== null) found.push(one);
  }
  return { rows: found, next };
}

/** As `search`, also pieces in which the text may begin. */
async function searchRows(
  store: Store,
  what: SearchFilter,
  count: number,
  from: SearchPlace | null,
): Promise<SearchPage> {
  const end_ms = performance.now() + limits.search.ms_max;
  const days = await daysOf(store, what, from);
  const rows: FoundRow[] = [];
  for (const [index, day] of days.entries()) {
    const left_ms = end_ms - performance.now();
    if (index > 0 && left_ms <= 0) return { rows, next: { day } };
    try {
      const after = day === from?.day ? from.row : undefined;
      const some = await searchDay(store, what, day, after, count - rows.length, Math.max(left_ms, 1_000));
      rows.push(...some);
    } catch (error) {
      const isLate = error instanceof AfterlogError && error.code === 'QUERY_TOO_BROAD';
      if (!isLate || index === 0) throw error;
      return { rows, next: { day } };
    }
    if (rows.length >= count) return { rows, next: placeOf(rows.at(-1)!) };
  }
  return { rows, next: null };
}

function placeOf(row: FoundRow): SearchPlace {
  const { sandbox_id, log, stream, position, day } = row;
  return { day, row: { time_ns: row.time_ns, sandbox_id, log, stream, position } };
}

/** Newest first. */
async function daysOf(store: Store, { filter }: SearchFilter, from: SearchPlace | null): Promise<string[]> {
  // A host's clock may be a little behind the times of its lines.
  const first = filter.since === undefined ? '1970-01-01' : dayOf(filter.since - DAY_NS);
  const rows = await askBounded<{ day: string }>(
    store,
    `SELECT toString(ingest_day) AS day FROM ${store.database}.console_logs
     WHERE ingest_day >= {first: Date} AND ingest_day <= {last: Date} GROUP BY ingest_day ORDER BY ingest_day DESC`,
    { first, last: from?.day ?? '2149-06-06' },
  );
  return rows.map(({ day }) => day);
}

const DAY_NS = 86_400_000_000_000n;

const dayOf = (ns: bigint): string =>
  ns < 0n ? '1970-01-01' : new Date(Number(ns / 1_000_000n)).toISOString().slice(0, 10);

async function searchDay(
  store: Store,
  what: SearchFilter,
  day: string,
  after: SearchPlace['row'],
  count: number,
  time_ms: number,
): Promise<FoundRow[]> {
  const found: FoundRow[] = [];
  for (let from = after; ; ) {
    // Rows may be repeated until parts are merged.
    const rows = await askBounded<FoundRow>(
      store,
      `SELECT sandbox_id, log, host, workspace, template, toString(ingest_day) AS day,
         toUnixTimestamp64Nano(timestamp) AS time_ns, ${ROW}
       FROM ${store.database}.console_logs
       WHERE ingest_day = {day: Date} AND record = 'line' AND ${searchCondition(what)} AND ${from === undefined ? '1' : BEYOND}
       ORDER BY timestamp DESC, ${KEY} LIMIT {rows: UInt32}`,
      {
        ...searchParams(what),
        day,
        rows: 2 * count,
        ...(from && { ...from, at: from.sandbox_id, of_log: from.log }),
      },
      time_ms,
    );
    for (const row of rows) {
      const before = found.at(-1);
      if (
        before !== undefined &&
        before.sandbox_id === row.sandbox_id &&
        before.log === row.log &&
        samePlace(before, row)
      )
        continue;
      found.push(row);
    }
    if (found.length >= count || rows.length < 2 * count) return found.slice(0, count);
    from = placeOf(rows.at(-1)!).row;
  }
}

const BEYOND = `(timestamp < fromUnixTimestamp64Nano({time_ns: Int64}, 'UTC')
  OR (timestamp = fromUnixTimestamp64Nano({time_ns: Int64}, 'UTC') AND (sandbox_id, log, ${STREAM}, position)
    > ({at: String}, {of_log: String}, {stream: Int64}, {position: UInt64})))`;

const columns = { sandbox_id: 'sandbox', log: 'log', host: 'host', template: 'template' } as const;

export function searchCondition(what: SearchFilter): string {
  const all = [lineCondition(what.filter)];
  if (what.workspace !== null) all.push('workspace = {workspace: String}');
  for (const [column, name] of Object.entries(columns)) {
    if (what[column as keyof typeof columns] !== undefined) all.push(`${column} = {w_${name}: String}`);
  }
  return all.join(' AND ');
}

export function searchParams(what: SearchFilter): Params {
  const params: Params = { ...lineParams(what.filter) };
  if (what.workspace !== null) params.workspace = what.workspace;
  for (const [column, name] of Object.entries(columns)) {
    const value = what[column as keyof typeof columns];
    if (value !== undefined) params[`w_${name}`] = value;
  }
  return params;
}

export interface Surrounded {
  row: FoundRow;
  before: LogRow[];
  after: LogRow[];
}

/** Each line with `count` rows before it and behind it in its log. */
export async function surround(
  store: Store,
  rows: FoundRow[],
  count: number,
  workspace: string | null,
): Promise<Surrounded[]> {
  const all = rows.map((row): Surrounded => ({ row, before: [], after: [] }));
  if (count === 0) return all;
  const waiting = [...all];
  const work = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      const id: LogId = { sandbox_id: one.row.sandbox_id, log: one.row.log, workspace };
      Object.assign(one, await readAround(store, id, one.row, count));
    }
  };
  await Promise.all(Array.from({ length: limits.search.reads }, work));
  return all;
}

export interface HistogramBucket {
  /** ns since 1970. */
  from: bigint;
  counts: Record<string, number>;
}

/** The number of lines in each of `buckets` equal parts of a time span, by severity or source. */
export async function histogram(
  store: Store,
  what: SearchFilter & { filter: { since: bigint; until: bigint } },
  buckets: number,
  by: 'severity' | 'source',
): Promise<HistogramBucket[]> {
  const { since, until } = what.filter;
  const width = (until - since + BigInt(buckets) - 1n) / BigInt(buckets);
  const rows = await askBounded<{ bucket: string; name: string; lines: string }>(
    store,
    `SELECT intDiv(toUnixTimestamp64Nano(timestamp) - {since: Int64}, {width: Int64}) AS bucket, ${by} AS name,
       count() AS lines
     FROM ${store.database}.console_logs FINAL
     WHERE ingest_day >= {first: Date} AND record = 'line' AND ${searchCondition(what)}
     GROUP BY bucket, name ORDER BY bucket, lines DESC LIMIT {most: UInt32} BY bucket
     SETTINGS do_not_merge_across_partitions_select_final = 1`,
    {
      ...searchParams(what),
      width: String(width),
      first: dayOf(since - DAY_NS),
      most: limits.search.names_max,
    },
  );
  const all = Array.from(
    { length: buckets },
    (_, at): HistogramBucket => ({ from: since + BigInt(at) * width, counts: {} }),
  );
  for (const { bucket, name, lines } of rows) all[Number(bucket)]!.counts[name] = Number(lines);
  return all;
}
