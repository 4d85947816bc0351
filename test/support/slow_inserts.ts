import type { ClickHouseClient } from '@clickhouse/client';
import { until } from './patience.ts';

/**
 * Makes an INSERT sleep `seconds` for each of its rows before its part is written. A server refuses more than three
 * seconds an INSERT, if its settings do not say otherwise: see clickhouse_users.ts.
 * @returns what makes it quick again: it waits for INSERTs that run, maybe for longer than a client does
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
