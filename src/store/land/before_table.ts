import type { ClickHouseClient } from '@clickhouse/client';
import { epochMs } from '../../wire/epoch.ts';

const DAY_MS = 86_400_000;

/**
 * Whether an epoch without a row may have landed nevertheless: it began before the database was made, or
 * before the oldest day in the table, so that the table's retention has removed its rows.
 * @throws whatever the client throws
 */
export async function beganBeforeTable(
  client: ClickHouseClient,
  database: string,
  epoch: number,
  signal: AbortSignal,
): Promise<boolean> {
  const answer = await client.query({
    query: `SELECT toString(count()) AS rows, toUInt16(min(ingest_day)) AS oldest,
      (SELECT toUnixTimestamp(min(applied_at)) FROM ${database}.schema_migrations) AS made
      FROM ${database}.console_logs`,
    format: 'JSONEachRow',
    abort_signal: signal,
  });
  const [found] = await answer.json<{ rows: string; oldest: number; made: number }>();
  const began_ms = epochMs(epoch);
  if (began_ms < Number(found!.made) * 1_000) return true;
  return Number(found!.rows) > 0 && began_ms < Number(found!.oldest) * DAY_MS;
}
