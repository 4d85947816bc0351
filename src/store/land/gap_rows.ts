import { decodeValue } from '../../wire/decode.ts';
import { epochStart } from '../../wire/epoch.ts';
import { refusedReason } from '../../wire/gap_batch.ts';
import { type Batch, type BatchHeader, dayText } from '../../wire/header.ts';
import { runsOf } from '../../wire/runs.ts';

/** A row of console_logs with record = 'gap' (or 'erased'). */
export interface GapRow {
  /** Default: `gap`. */
  record?: 'gap' | 'erased';
  sandbox_id: string;
  log: string;
  /** ns since 1970. */
  stream_started_at: bigint;
  position: bigint;
  ingest_day: number;
  host: string;
  batch_epoch: number;
  batch_sequence: number;
  bytes: number | null;
  reason: string;
  /** ns since 1970. Where a time is not known (null), the row gets the time of the INSERT. */
  timestamp?: bigint | null;
  observed_at?: bigint | null;
  workspace?: string;
  template?: string;
}

/** Gap rows as one JSONEachRow body. @param now_ms for the times that a row does not have */
export function gapBody(rows: GapRow[], now_ms: number): Buffer {
  const now = BigInt(now_ms) * 1_000_000n;
  const line = (row: GapRow): string =>
    JSON.stringify({
      record: row.record ?? 'gap',
      sandbox_id: row.sandbox_id,
      log: row.log,
      stream_started_at: momentText(row.stream_started_at),
      position: String(row.position),
      timestamp: momentText(row.timestamp ?? now),
      timestamp_kind: 'observed',
      observed_at: momentText(row.observed_at ?? now),
      ingest_day: dayText(row.ingest_day),
      host: row.host,
      batch_epoch: String(row.batch_epoch),
      batch_sequence: String(row.batch_sequence),
      workspace: row.workspace ?? '',
      template: row.template ?? '',
      message: JSON.stringify({ bytes: row.bytes, reason: row.reason }),
    });
  return Buffer.from(`${rows.map(line).join('\n')}\n`);
}

const batchFields = (header: BatchHeader) => ({
  ingest_day: header.ingest_day,
  host: header.host,
  batch_epoch: header.epoch,
  batch_sequence: header.sequence,
});

/** The row for the batches between the highest landed one and `next`, whose sequence jumped ahead. */
export function missingBatches(next: BatchHeader, landed: number): GapRow {
  const [from, to] = [landed + 1, next.sequence - 1];
  const which = from === to ? `batch ${from}` : `batches ${from} to ${to}`;
  // If the table has no row of the epoch, retention may also have removed them.
  const aged = landed === 0 ? ' here or were removed by retention' : '';
  const reason = `${which} of ${next.host}/${next.epoch} ${from === to ? 'is' : 'are'} missing${aged}`;
  return {
    ...batchFields({ ...next, sequence: to }),
    sandbox_id: '',
    log: '',
    stream_started_at: epochStart(next.epoch),
    position: BigInt(from),
    bytes: null,
    reason,
  };
}

/**
 * The rows for a batch that ClickHouse refused: one for each run of rows of one stream, with its first
 * position and times, and its length in bytes. They carry the batch's id, so a look sees the batch as landed.
 * @param isBare one row for the whole batch instead
 */
export function refusedBatch(batch: Batch, why: string, isBare = false): GapRow[] {
  const whole: GapRow = {
    ...batchFields(batch.header),
    sandbox_id: '',
    log: '',
    stream_started_at: epochStart(batch.header.epoch),
    position: BigInt(batch.header.sequence),
    bytes: null,
    reason: refusedReason(batch.header, why),
  };
  if (isBare) return [whole];
  try {
    const runs = runsOf(decodeValue(batch.value)).map((run) => ({ ...whole, ...run }));
    return runs.length > 0 ? runs : [whole];
  } catch {
    return [whole];
  }
}

/** `YYYY-MM-DD hh:mm:ss.nnnnnnnnn` in UTC; a time outside of the range of DateTime64(9) becomes 1970. */
function momentText(ns: bigint): string {
  const held = ns >= 0n && ns < 9_223_372_036_000_000_000n ? ns : 0n;
  const seconds = new Date(Number(held / 1_000_000_000n) * 1_000)
    .toISOString()
    .slice(0, 19)
    .replace('T', ' ');
  return `${seconds}.${String(held % 1_000_000_000n).padStart(9, '0')}`;
}
