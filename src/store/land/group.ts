import { limits } from '../../base/limits.ts';
import type { Batch } from '../../wire/header.ts';
import type { Landed } from './landed.ts';

/**
 * The batches from `at` on that may share an INSERT, at least the first: they are of one ingest day and of a
 * schema that the table has, each is the next of its epoch, and together they are within the limits of an
 * INSERT.
 */
export function groupAt(
  batches: Batch[],
  at: number,
  alone: boolean,
  table: { landed: Landed; schema: number; body_bytes_max: number },
): Batch[] {
  const first = batches[at]!;
  const group = [first];
  if (alone) return group;
  let rows = first.header.rows;
  let bytes = first.header.block_bytes;
  let body_bytes = first.value.length;
  const highest = new Map([[`${first.header.epoch}/${first.header.host}`, first.header.sequence]]);
  for (const batch of batches.slice(at + 1)) {
    const { host, epoch, sequence, ingest_day, schema } = batch.header;
    rows += batch.header.rows;
    bytes += batch.header.block_bytes;
    body_bytes += batch.value.length;
    if (ingest_day !== first.header.ingest_day || schema > table.schema) break;
    if (rows > limits.insert.rows_max || bytes > limits.insert.bytes_max) break;
    if (body_bytes > table.body_bytes_max) break;
    const before = highest.get(`${epoch}/${host}`) ?? table.landed.of(batch.header);
    if (before === null || sequence !== before + 1) break;
    highest.set(`${epoch}/${host}`, sequence);
    group.push(batch);
  }
  return group;
}
