import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { clickhouseErrors } from '../clickhouse_errors.ts';
import { type Params, type Store, selectRows } from '../query.ts';
import { errorNumber } from '../refusal.ts';
import { KEY, type LogId, type LogPlace, type LogRow, ROW, STREAM, samePlace } from './read_log.ts';

/** A row of any log. */
export interface LandedRow extends LogRow {
  sandbox_id: string;
  log: string;
  workspace: string;
}

export const logKey = ({ sandbox_id, log }: Pick<LogId, 'sandbox_id' | 'log'>): string =>
  `${sandbox_id}\n${log}`;

/** Partition → the highest block in its parts. */
export type Blocks = Map<string, number>;

/** A partition with new parts, and its highest block at the look before. */
type NewParts = readonly [partition: string, before: number];

export interface PartsLook {
  now: Blocks;
  fresh: NewParts[];
  /** Whether no new part has older rows too, as one that a merge made would. */
  isUnmerged: boolean;
}

/**
 * The parts of the table that have come since an earlier look. @param seen null: none, so nothing is new
 * @throws AfterlogError as selectRows
 */
export async function newParts(store: Store, seen: Blocks | null): Promise<PartsLook> {
  const parts = await selectRows<{ part: string }>(
    store,
    // Answered from the list of parts, without reading any.
    `SELECT _part AS part FROM ${store.database}.console_logs GROUP BY _part`,
    {},
  );
  const now: Blocks = new Map();
  let isUnmerged = true;
  for (const { part } of parts) {
    // A part is named <partition>_<min>_<max>_<level>; the numbers grow as blocks become visible.
    const [partition = '', min, max] = part.split('_');
    now.set(partition, Math.max(now.get(partition) ?? 0, Number(max)));
    const before = seen?.get(partition) ?? -1;
    if (Number(max) > before && Number(min) <= before) isUnmerged = false;
  }
  const fresh =
    seen === null
      ? []
      : [...now.keys()]
          .map((partition) => [partition, seen.get(partition) ?? -1] as const)
          .filter(([partition, before]) => now.get(partition)! > before);
  return { now, fresh, isUnmerged };
}

/** A log, and the place behind which its rows are wanted; null: from its start. */
export interface WantedLog {
  id: LogId;
  after: LogPlace | null;
}

/**
 * The rows of these logs in new parts, in order; null if they are more than one answer may hold.
 * @throws AfterlogError as selectRows
 */
export async function landedRows(
  store: Store,
  wanted: WantedLog[],
  { fresh, isUnmerged }: PartsLook,
): Promise<LandedRow[] | null> {
  const params = {
    partitions: fresh.map(([partition]) => partition),
    seen: fresh.map(([, before]) => before),
    sandboxes: [...new Set(wanted.map(({ id }) => id.sandbox_id))],
  };
  // Conditions for 1,000 places double the cost of the query, so they are used only if new parts hold older
  // rows too. A merge in the meantime may add old rows, which followers ignore, or too many rows.
  return (
    (isUnmerged ? await rowsInParts(store, '1', params) : null) ??
    (await rowsInParts(store, BEHIND_PLACES, { ...params, ...placeParams(wanted) }))
  );
}

async function rowsInParts(store: Store, condition: string, params: Params): Promise<LandedRow[] | null> {
  try {
    const rows = await selectRows<LandedRow>(
      store,
      `SELECT sandbox_id, log, workspace, ${ROW} FROM ${store.database}.console_logs
       WHERE (splitByChar('_', _part)[1] AS partition) IN {partitions: Array(String)}
         AND toInt64(splitByChar('_', _part)[3])
           > transform(partition, {partitions: Array(String)}, {seen: Array(Int64)}, -1)
         AND sandbox_id IN {sandboxes: Array(String)} AND ${condition}
       ORDER BY ${KEY} LIMIT ${limits.follow.hub_rows_max}`,
      params,
      {
        max_threads: 2,
        max_result_bytes: String(limits.follow.hub_bytes_max),
        result_overflow_mode: 'throw',
      },
    );
    return rows.length < limits.follow.hub_rows_max ? rows : null;
  } catch (error) {
    const isTooMuch =
      error instanceof AfterlogError && errorNumber(error.cause) === clickhouseErrors.TOO_MANY_ROWS_OR_BYTES;
    if (!isTooMuch) throw error;
    return null;
  }
}

/** Only rows of these logs, and only those that some follower of the log has not had. */
const BEHIND_PLACES = `(concat(sandbox_id, '\\n', log) AS key) IN {keys: Array(String)}
  AND ((${STREAM} AS ns) > (transform(key, {keys: Array(String)}, {streams: Array(Int64)}, 0) AS after_ns)
    OR (ns = after_ns AND position >= transform(key, {keys: Array(String)}, {positions: Array(UInt64)}, 0)))`;

const placeParams = (wanted: WantedLog[]): Params => ({
  keys: wanted.map(({ id }) => logKey(id)),
  streams: wanted.map(({ after }) => BigInt(after?.stream ?? 0)),
  positions: wanted.map(({ after }) => BigInt(after?.position ?? 0)),
});

/** The rows of each log as one array, without repeated rows. */
export function* byLog(rows: LandedRow[]): Generator<LandedRow[]> {
  let batch: LandedRow[] = [];
  for (const row of rows) {
    const before = batch.at(-1);
    if (before !== undefined && logKey(before) !== logKey(row)) {
      yield batch;
      batch = [];
    } else if (before !== undefined && samePlace(before, row)) continue;
    batch.push(row);
  }
  if (batch.length > 0) yield batch;
}
