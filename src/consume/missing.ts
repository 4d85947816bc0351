import { crc32 } from 'node:zlib';
import type { Kafka } from 'kafkajs';
import { withAdmin } from '../kafka/topics.ts';
import type { GapRow } from '../store/land/gap_rows.ts';

export interface PartitionOffsets {
  partition: number;
  /** Next message that the group has not landed; null if it never committed, or the broker forgot. */
  committed: number | null;
  /** First message that the topic still has, and the one after its last. */
  low: number;
  high: number;
}

/** Where the group and the topic stand, asked before fetching. */
export async function partitionOffsets(
  kafka: Kafka,
  groupId: string,
  topic: string,
): Promise<PartitionOffsets[]> {
  return withAdmin(kafka, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    const groups = await admin.fetchOffsets({ groupId, topics: [topic] });
    const commits = new Map(groups[0]?.partitions.map((one) => [one.partition, Number(one.offset)]));
    return ends.map(({ partition, low, high }) => {
      const committed = commits.get(partition) ?? -1;
      return {
        partition,
        committed: committed < 0 ? null : committed,
        low: Number(low),
        high: Number(high),
      };
    });
  });
}

/** Where the topic's partitions end. */
export async function partitionEnds(
  kafka: Kafka,
  topic: string,
): Promise<{ partition: number; high: number }[]> {
  const ends = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
  return ends.map(({ partition, high }) => ({ partition, high: Number(high) }));
}

/** What retention deleted before it was landed: messages from `committed` to `low` - 1, or null. */
export function overtaken({ committed, low }: PartitionOffsets): { from: number; to: number } | null {
  return committed !== null && committed < low ? { from: committed, to: low - 1 } : null;
}

/**
 * The row for such messages. Whose lines they held is not known (the hosts' own sequences show it as their next
 * batches come), so it has no host; its epoch stands for the partition and its sequence is the last offset, so
 * that a look tells whether it was reported already.
 */
export function overtakenRow(topic: string, partition: number, lost: { from: number; to: number }): GapRow {
  const place = crc32(`${topic}/${partition}`);
  return {
    sandbox_id: '',
    log: '',
    stream_started_at: BigInt(place),
    position: BigInt(lost.from),
    ingest_day: Math.floor(Date.now() / 86_400_000),
    host: '',
    batch_epoch: place,
    batch_sequence: lost.to,
    bytes: null,
    reason:
      `messages ${lost.from} to ${lost.to} of ${topic}/${partition} passed the topic's retention ` +
      'before they were landed',
  };
}
