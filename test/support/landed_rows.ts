import assert from 'node:assert/strict';
import type { ClickHouseClient } from '@clickhouse/client';
import { rowsOf } from './clickhouse.ts';

/** Asserts, without FINAL, that each row of an epoch of makeBatch() is stored exactly once, with its text. */
export async function assertLandedOnce(
  client: ClickHouseClient,
  database: string,
  epoch: number,
  rows: number,
): Promise<void> {
  const [found] = await rowsOf<Record<string, string>>(
    client,
    `SELECT toString(count()) AS rows, toString(uniqExact(position)) AS positions, toString(max(position)) AS last,
      toString(countIf(NOT startsWith(concat(message, ' '), concat('line ', toString(intDiv(position, 100)), ' '))))
        AS wrong
     FROM ${database}.console_logs WHERE record = 'line' AND batch_epoch = ${epoch}`,
  );
  assert.deepEqual(found, {
    rows: String(rows),
    positions: String(rows),
    last: String((rows - 1) * 100),
    wrong: '0',
  });
}

export interface Gap {
  sandbox_id: string;
  position: string;
  host: string;
  sequence: string;
  bytes: number | null;
  reason: string;
}

/** The gap rows of an epoch, in order, without FINAL. */
export async function gapsOf(client: ClickHouseClient, database: string, epoch: number): Promise<Gap[]> {
  return rowsOf<Gap>(
    client,
    `SELECT sandbox_id, toString(position) AS position, host, toString(batch_sequence) AS sequence,
      JSONExtract(message, 'bytes', 'Nullable(UInt64)')::Nullable(Float64) AS bytes, JSONExtractString(message, 'reason') AS reason
     FROM ${database}.console_logs WHERE record = 'gap' AND batch_epoch = ${epoch}
     ORDER BY batch_sequence, sandbox_id, position`,
  );
}
