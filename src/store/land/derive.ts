import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { type BatchHeader, dayText } from '../../wire/header.ts';
import type { Store } from '../query.ts';
import type { Landed } from './landed.ts';

/** The tables that views derive from the rows of console_logs: `<name>_view` each. */
export const derivedTables = ['streams', 'marks'] as const;
export type DerivedTable = (typeof derivedTables)[number];

/**
 * The definition of such a table as the database has it, so that a migration changes it in one place only.
 */
export interface Derived {
  table: DerivedTable;
  /** The SELECT of the view that keeps it, over all of console_logs. */
  select: string;
  columns: { name: string; type: string; is_key: boolean }[];
}

export type Database = Pick<Store, 'client' | 'database'>;

/** @throws AfterlogError SCHEMA_BEHIND; whatever the client throws */
export async function derivedOf(db: Database, table: DerivedTable, signal?: AbortSignal): Promise<Derived> {
  const { database } = db;
  const [view] = await askDerived<{ as_select: string }>(
    db,
    `SELECT as_select FROM system.tables WHERE database = '${database}' AND name = '${table}_view'`,
    { signal },
  );
  if (view === undefined) {
    const sentence = `Database '${database}' has no view ${table}_view, so nothing keeps its table ${table}.`;
    throw new AfterlogError('SCHEMA_BEHIND', sentence);
  }
  const columns = await askDerived<{ name: string; type: string; is_key: number }>(
    db,
    `SELECT name, type, is_in_primary_key AS is_key FROM system.columns
     WHERE database = '${database}' AND table = '${table}' ORDER BY position`,
    { signal },
  );
  return {
    table,
    select: view.as_select,
    columns: columns.map((column) => ({ ...column, is_key: Number(column.is_key) === 1 })),
  };
}

/**
 * A query over a view's SELECT. `rows` is the condition of the rows of console_logs that it reads; with
 * `final`, repeated rows count once. An INSERT returns no rows.
 * @throws whatever the client throws
 */
export async function askDerived<Row>(
  { client, database }: Database,
  query: string,
  { rows, final, signal }: { rows?: string; final?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<Row[]> {
  const settings = ['optimize_aggregation_in_order = 1'];
  if (final) settings.push('final = 1');
  if (rows !== undefined) {
    settings.push(
      `additional_table_filters = {'${database}.console_logs': '${rows.replaceAll("'", "\\'")}'}`,
    );
  }
  const text = `${query} SETTINGS ${settings.join(', ')}`;
  const more = {
    clickhouse_settings: { max_execution_time: limits.insert.timeout_ms / 1_000, async_insert: 0 as const },
    ...(signal && { abort_signal: signal }),
  };
  if (query.startsWith('INSERT')) {
    await client.command({ query: text, ...more });
    return [];
  }
  return await (await client.query({ query: text, format: 'JSONEachRow', ...more })).json<Row>();
}

/**
 * Derives the rows of batches again that a look found in the table after a doubt: their INSERT may have ended
 * between its own rows and those of the view. Rows that are there already do not change.
 * @param landed the highest landed batch of each of their epochs
 * @throws AfterlogError SCHEMA_BEHIND; whatever the client throws
 */
export async function deriveBatches(
  db: Database,
  found: BatchHeader[],
  landed: Landed,
  signal: AbortSignal,
): Promise<void> {
  const firsts = new Map<string, BatchHeader>();
  for (const header of found) {
    const key = `${header.epoch}/${header.host}`;
    if (header.sequence < (firsts.get(key)?.sequence ?? Number.POSITIVE_INFINITY)) firsts.set(key, header);
  }
  const first_day = dayText(Math.min(...found.map(({ ingest_day }) => ingest_day)));
  // Up to the landed batch: a gap row before a batch that has not landed belongs to none of these batches.
  const batches = [...firsts.values()].map(
    (header) =>
      `(host = unhex('${Buffer.from(header.host).toString('hex')}') AND batch_epoch = ${header.epoch}
        AND batch_sequence BETWEEN ${header.sequence} AND ${landed.of(header) ?? header.sequence})`,
  );
  const rows = `ingest_day >= toDate('${first_day}') AND (${batches.join(' OR ')})`;
  for (const table of derivedTables) {
    const { select, columns } = await derivedOf(db, table, signal);
    const names = columns.map(({ name }) => name).join(', ');
    const query = `INSERT INTO ${db.database}.${table} (${names}) SELECT ${names} FROM (${select})`;
    await askDerived(db, query, { rows, signal });
  }
}
