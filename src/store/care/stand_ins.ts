import { randomUUID } from 'node:crypto';
import { TupleParam } from '@clickhouse/client';
import { AfterlogError, reasonOf } from '../../base/errors.ts';
import { type BatchHeader, batchId, dayText } from '../../wire/header.ts';
import { type Params, readError, type Store, selectRows } from '../query.ts';
import { IS_ERASURE } from '../record.ts';
import { errorNumber } from '../refusal.ts';

/**
 * The rows in the table with a batch's id: gap rows that stand for it since it was refused, and rows of its
 * own. The rows of an erase, and a row that reports the batch as missing, count as neither.
 */
export interface BatchRows {
  stand_ins: number;
  rows: number;
}

/** Asks the table itself. @returns by batch id; @throws AfterlogError as selectRows */
export async function batchRowsOf(store: Store, headers: BatchHeader[]): Promise<Map<string, BatchRows>> {
  if (headers.length === 0) return new Map();
  const found = await selectRows<{ id: string; stand_ins: string; rows: string }>(
    store,
    `SELECT concat(host, '/', toString(batch_epoch), '/', toString(batch_sequence)) AS id,
       countIf(${IS_STAND_IN}) AS stand_ins, countIf(NOT ${IS_STAND_IN} AND NOT ${IS_MISSING}) AS rows
     FROM ${store.database}.console_logs WHERE ${OF_BATCHES} AND NOT ${IS_ERASURE}
     GROUP BY host, batch_epoch, batch_sequence`,
    batchParams(headers),
  );
  const places = new Map(
    found.map(({ id, stand_ins, rows }) => [id, { stand_ins: Number(stand_ins), rows: Number(rows) }]),
  );
  for (const header of headers) {
    if (!places.has(batchId(header))) places.set(batchId(header), { stand_ins: 0, rows: 0 });
  }
  return places;
}

/**
 * Removes the gap rows that stand for batches whose rows are there now. Their positions leave `streams`
 * first: as long as stand-ins are in the table, the removal was not finished and is repeated.
 * @throws AfterlogError CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED; it can be repeated
 */
export async function removeStandIns(store: Store, headers: BatchHeader[]): Promise<void> {
  if (headers.length === 0) return;
  const console_logs = `${store.database}.console_logs`;
  const key = 'sandbox_id, log, stream_started_at';
  const ours = `record = 'gap' AND ${OF_BATCHES} AND ${IS_STAND_IN}`;
  const touched = `(${key}) IN (SELECT ${key} FROM ${console_logs} WHERE ${ours})`;
  // A position where a gap of the batch's own begins stays; the others have only stand-ins.
  const gone = `SELECT ${key}, position FROM ${console_logs} WHERE record = 'gap' AND ${touched}
    GROUP BY ${key}, position HAVING min(${OF_BATCHES} AND ${IS_STAND_IN})`;
  await command(
    store,
    `ALTER TABLE ${store.database}.streams
     UPDATE gap_positions = arrayFilter(at -> (${key}, at) NOT IN (${gone}), gap_positions) WHERE ${touched}`,
    batchParams(headers),
  );
  await command(store, `DELETE FROM ${console_logs} WHERE ${ours}`, batchParams(headers));
}

/** A gap row whose reason names its own batch as refused; see refusedReason(). */
const IS_STAND_IN = `(record = 'gap' AND startsWith(JSONExtractString(message, 'reason'),
  concat('batch ', host, '/', toString(batch_epoch), '/', toString(batch_sequence), ' was refused')))`;

/** A gap row in no stream that reports missing batches; it has the number of the last of them. */
const IS_MISSING = `(record = 'gap' AND sandbox_id = '')`;

/**
 * Days are partitions. The epochs leave few rows for the comparison of triples, which is ten times slower.
 */
export const OF_BATCHES = `(ingest_day IN {days: Array(Date)} AND batch_epoch IN {epochs: Array(UInt64)}
  AND (host, batch_epoch, batch_sequence) IN {ids: Array(Tuple(String, UInt64, UInt64))})`;

export const batchParams = (headers: BatchHeader[]): Params => ({
  days: [...new Set(headers.map(({ ingest_day }) => dayText(ingest_day)))],
  epochs: [...new Set(headers.map(({ epoch }) => epoch))],
  ids: headers.map(({ host, epoch, sequence }) => new TupleParam([host, epoch, sequence])),
});

async function command(store: Store, query: string, query_params: Params): Promise<void> {
  try {
    await store.client.command({
      query,
      query_params,
      query_id: `afterlog-replay/${randomUUID()}`,
      // The command returns when it is done on all replicas.
      clickhouse_settings: { mutations_sync: '2', lightweight_deletes_sync: '2' },
    });
  } catch (error) {
    if (errorNumber(error) !== null) throw readError(store, error);
    throw new AfterlogError(
      'CLICKHOUSE_UNREACHABLE',
      `ClickHouse at ${store.url} did not confirm that the gap rows are gone: ${reasonOf(error)} ` +
        'If it still works on it, system.mutations shows its progress and any failure. Repeat the replay.',
      error,
    );
  }
}
