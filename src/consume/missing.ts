import { crc32 } from 'node:zlib';
import type { GapRow } from '../store/land/gap_rows.ts';
import { today } from '../wire/header.ts';

/**
 * The gap row for messages that retention deleted before they landed. It has no host, because nobody knows
 * whose lines they held (the sequences of each host show that when its next batches arrive). Its epoch is a
 * number for the partition and its sequence is the last offset, so that a look in the table shows whether the
 * row is there already.
 */
export function overtakenRow(topic: string, partition: number, lost: { from: number; to: number }): GapRow {
  const epoch = crc32(`${topic}/${partition}`);
  return {
    sandbox_id: '',
    log: '',
    stream_started_at: BigInt(epoch),
    position: BigInt(lost.from),
    ingest_day: today(),
    host: '',
    batch_epoch: epoch,
    batch_sequence: lost.to,
    bytes: null,
    reason:
      `messages ${lost.from} to ${lost.to} of ${topic}/${partition} passed the topic's retention ` +
      'before they were landed',
  };
}
