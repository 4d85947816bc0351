import type { Kafka } from 'kafkajs';
import { withAdmin } from './topics.ts';

/** The offsets of a partition's first message and of the one after its last. */
export interface PartitionEnds {
  partition: number;
  low: number;
  high: number;
}

export interface PartitionOffsets extends PartitionEnds {
  /** The next message that the group has not landed; null if it never committed, or the broker forgot. */
  committed: number | null;
  /** The text that was committed with it; null if there is none. */
  metadata: string | null;
}

/** The ends of all partitions of a topic, with the offsets that a group has committed. */
export async function partitionOffsets(
  kafka: Kafka,
  groupId: string,
  topic: string,
): Promise<PartitionOffsets[]> {
  return withAdmin(kafka, async (admin) => {
    const ends = await admin.fetchTopicOffsets(topic);
    const groups = await admin.fetchOffsets({ groupId, topics: [topic] });
    const commits = new Map(groups[0]?.partitions.map((one) => [one.partition, one]));
    return ends.map(({ partition, low, high }) => {
      const commit = commits.get(partition);
      const committed = Number(commit?.offset ?? -1);
      return {
        partition,
        committed: committed < 0 ? null : committed,
        metadata: commit?.metadata || null,
        low: Number(low),
        high: Number(high),
      };
    });
  });
}

/** The ends of all partitions of a topic. */
export async function partitionEnds(kafka: Kafka, topic: string): Promise<PartitionEnds[]> {
  const ends = await withAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic));
  return ends.map(({ partition, low, high }) => ({ partition, low: Number(low), high: Number(high) }));
}

/**
 * The messages that retention deleted before they landed, from `committed` to `low` - 1; null if there are
 * none.
 */
export function overtaken({ committed, low }: PartitionOffsets): { from: number; to: number } | null {
  return committed !== null && committed < low ? { from: committed, to: low - 1 } : null;
}
