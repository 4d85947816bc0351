import type { ClickHouseClient } from '@clickhouse/client';

/** Figures from ClickHouse about the table and some sandboxes. */
export interface Stored {
  rows: number;
  /** Size on disk. */
  bytes: number;
  /** Age of the newest row of the running sandboxes; null if there is none. */
  behind_ms: number | null;
  /** By sandbox id, the title of its crash if it has one, else its last line, as the guest wrote it. */
  last_words: Map<string, string>;
}

/**
 * Reads the figures. It is cheap at any size of the table: it uses the counts of the parts, and rows of a few
 * sandboxes.
 * @param running ids of the running sandboxes, for `behind_ms`
 * @param ended ids of sandboxes for `last_words`
 */
export async function readStored(
  client: ClickHouseClient,
  database: string,
  running: string[],
  ended: string[],
): Promise<Stored> {
  const [parts] = await rows<{ rows: string; bytes: string }>(
    client,
    `SELECT toString(sum(rows)) AS rows, toString(sum(bytes_on_disk)) AS bytes FROM system.parts
      WHERE active AND database = {database:String} AND table = 'console_logs'`,
    { database },
  );
  const [newest] = await rows<{ observed_ms: string }>(
    client,
    `SELECT toString(toUnixTimestamp64Milli(max(observed_at))) AS observed_ms FROM ${database}.console_logs
      WHERE sandbox_id IN {ids:Array(String)} AND record = 'line'`,
    { ids: running },
  );
  const words = await rows<{ sandbox_id: string; crash: string; line: string }>(
    client,
    `SELECT sandbox_id, argMaxIf(title, (stream_started_at, position), notEmpty(title)) AS crash,
        argMax(message, (stream_started_at, position)) AS line
      FROM ${database}.console_logs
      WHERE sandbox_id IN {ids:Array(String)} AND log = 'console' AND record = 'line' AND notEmpty(message)
      GROUP BY sandbox_id`,
    { ids: ended },
  );
  const observed_ms = Number(newest?.observed_ms ?? 0);
  return {
    rows: Number(parts?.rows ?? 0),
    bytes: Number(parts?.bytes ?? 0),
    behind_ms: observed_ms > 0 ? Math.max(0, Date.now() - observed_ms) : null,
    last_words: new Map(words.map(({ sandbox_id, crash, line }) => [sandbox_id, crash || line])),
  };
}

async function rows<Row>(
  client: ClickHouseClient,
  query: string,
  query_params: Record<string, unknown>,
): Promise<Row[]> {
  const answer = await client.query({ query, query_params, format: 'JSONEachRow' });
  return await answer.json<Row>();
}
