import { BatchBuilder, record } from './batch_builder.ts';
import { decodeValue } from './decode.ts';
import type { Batch } from './header.ts';
import { runsOf } from './runs.ts';

/** A batch with the id of `batch` that holds a gap row for each run of its rows: what stands in its place. */
export function gapBatch(batch: Batch, reason: string): Batch {
  const { host, epoch, sequence, ingest_day } = batch.header;
  const builder = new BatchBuilder(host);
  const now = Date.now();
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
    builder.use(labels, Math.floor(now / 1000), (now % 1000) * 1_000_000);
    builder.addMark(labels, record.gap, Number(run.position), message);
  }
  return builder.finish(epoch, sequence, ingest_day);
}
