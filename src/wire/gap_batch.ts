import { BatchBuilder, record } from './batch_builder.ts';
import { decodeValue } from './decode.ts';
import { type Batch, type BatchHeader, batchId } from './header.ts';
import { runsOf } from './runs.ts';

const SECOND = 1_000_000_000n;

/** The reason of the gap rows for a refused batch; a replay finds them by its beginning. */
export const refusedReason = (header: BatchHeader, why: string, by = ''): string =>
  `batch ${batchId(header)} was refused${by} and set aside: ${why}`;

/** The batch that takes the place of a refused one: with its id, and a gap row for each run of its rows. */
export function gapBatch(batch: Batch, reason: string): Batch {
  const { host, epoch, sequence, ingest_day } = batch.header;
  const builder = new BatchBuilder(host);
  const now = BigInt(Date.now()) * 1_000_000n;
  for (const run of runsOf(decodeValue(batch.value))) {
    const labels = {
      sandbox_id: run.sandbox_id,
      log: run.log,
      workspace: '',
      template: '',
      started_low: Number(run.stream_started_at & 0xffff_ffffn),
      started_high: Number(run.stream_started_at >> 32n),
      slot: 0,
      slot_batch: 0,
    };
    const message = JSON.stringify({ bytes: run.bytes, reason });
    if (!builder.fits(labels, message.length)) break;
    const observed_at = run.observed_at ?? now;
    builder.use(labels, Number(observed_at / SECOND), Number(observed_at % SECOND));
    builder.addMark(labels, record.gap, Number(run.position), message, run.timestamp ?? observed_at);
  }
  return builder.finish(epoch, sequence, ingest_day);
}
