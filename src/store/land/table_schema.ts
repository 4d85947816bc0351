import type { ClickHouseClient } from '@clickhouse/client';

/**
 * The highest migration of the database. A batch with a higher schema may have columns that the table lacks.
 * @throws whatever the client throws; it also throws for a database that was never migrated
 */
export async function tableSchema(
  client: ClickHouseClient,
  database: string,
  signal: AbortSignal,
): Promise<number> {
  const answer = await client.query({
    query: `SELECT max(number) AS highest FROM ${database}.schema_migrations`,
    format: 'JSONEachRow',
    abort_signal: signal,
  });
  const [row] = await answer.json<{ highest: number }>();
  return Number(row?.highest ?? 0);
}
