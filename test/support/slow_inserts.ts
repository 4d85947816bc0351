import type { ClickHouseClient } from '@clickhouse/client';
import { until } from './patience.ts';

/** Settings of a client whose INSERTs may sleep longer than ClickHouse's default maximum of three seconds. */
export const longSleeps = { function_sleep_max_microseconds_per_block: String(60e6) };

/** A URL with `longSleeps`, for a consumer. */
export const LONG_SLEEPS_QUERY = `?ch_${new URLSearchParams(longSleeps)}`;

/**
 * Makes an INSERT sleep `seconds` for each of its rows before it writes its part; ClickHouse refuses one that
 * would sleep too long.
 * @returns a function that makes new INSERTs fast again; running ones continue unchanged
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
