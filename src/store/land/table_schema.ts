import type { ClickHouseClient } from '@clickhouse/client';

/**
 * The highest migration that the database has: a batch with a higher schema may hold columns that the table lacks.
 * @throws whatever the client throws, also if the database was never migrated
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
