import type { ClickHouseClient } from '@clickhouse/client';
import { until } from './patience.ts';

/** Settings of a client whose INSERTs may sleep for longer than the three seconds that are ClickHouse's default. */
export const longSleeps = { function_sleep_max_microseconds_per_block: String(60e6) };

/** `longSleeps` in the URL that a consumer is told. */
export const LONG_SLEEPS_QUERY = `?ch_${new URLSearchParams(longSleeps)}`;

/**
 * Makes an INSERT sleep `seconds` for each of its rows before its part is written; one that would sleep for too long
 * is refused.
 * @returns what makes INSERTs quick again that have not begun; those that run go on as they are
 */
export async function slowInserts(
  client: ClickHouseClient,
  database: string,
  seconds: number,
): Promise<() => Promise<void>> {
  const alter = (what: string) => client.command({ query: `ALTER TABLE ${database}.console_logs ${what}` });
  await alter(`ADD COLUMN slow UInt8 DEFAULT sleepEachRow(${seconds})`);
  return () =>
    until(() =>
      alter('DROP COLUMN IF EXISTS slow').then(
        () => true,
        () => false,
      ),
    );
}
