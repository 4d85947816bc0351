import { setTimeout as sleep } from 'node:timers/promises';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import type { PartitionEnds } from './offsets.ts';
import type { ReadMessage, TopicReader } from './topic_reader.ts';

export interface FollowTopic {
  /** Partition → next offset. */
  offsets: Map<number, number>;
  /** Also the partitions that are added meanwhile, from their first message on. */
  isWhole: boolean;
  /** ms since 1970: if the topic is made again, no message from before is read. */
  not_before_ms: number;
  signal: AbortSignal;
  /** Once when a fault begins, and with null when it is over. */
  onTrouble(trouble: AfterlogError | null): void;
  /** Messages `from` to `to` - 1 were deleted before they were read. */
  onOvertaken(partition: number, from: number, to: number): void;
}

/**
 * The messages of a topic until `signal`. It waits without an end for brokers that are away and for a topic
 * that is missing. If the topic is made again, messages that were read may come once more.
 */
export async function* followTopic(reader: TopicReader, follow: FollowTopic): AsyncGenerator<ReadMessage> {
  const { offsets, signal } = follow;
  let looked_ms = Date.now();
  let fetched_ms = Date.now();
  let failed = 0;
  let wasMissing = false;
  /** In a topic that was made again. The clocks of the brokers may differ, so it begins a little earlier. */
  const newStart = async (): Promise<Map<number, number>> =>
    reader.since(Math.max(follow.not_before_ms, fetched_ms - limits.topic.again_ms));
  const edges = {
    overtaken: follow.onOvertaken,
    behindEnd: async ({ partition, low }: PartitionEnds) => (await newStart()).get(partition) ?? low,
  };
  while (!signal.aborted) {
    try {
      if (wasMissing)
        for (const [partition, offset] of await newStart()) setOffset(follow, partition, offset);
      wasMissing = false;
      if (follow.isWhole && Date.now() - looked_ms >= limits.consume.partitions_seen_ms) {
        await reader.refresh();
        await takePartitions(reader, offsets);
        looked_ms = Date.now();
      }
      const found = await reader.fetch(offsets, edges);
      fetched_ms = Date.now();
      if (failed > 0) follow.onTrouble(null);
      failed = 0;
      for (const one of found) {
        if (signal.aborted) return;
        yield one;
      }
    } catch (error) {
      if (!(error instanceof AfterlogError)) throw error;
      if (signal.aborted) return;
      if (failed++ === 0) follow.onTrouble(error);
      wasMissing ||= error.code === 'TOPIC_MISSING';
      const pause_ms = Math.min(limits.send.retry_first_ms * 2 ** failed, limits.send.retry_longest_ms);
      await sleep(pause_ms, undefined, { signal }).catch(() => {});
      await reader.refresh().catch(() => {});
    }
  }
}

function setOffset({ offsets, isWhole }: FollowTopic, partition: number, offset: number): void {
  if (isWhole || offsets.has(partition)) offsets.set(partition, offset);
}

/** New partitions begin with their first message; those of a topic that was made again may be fewer. */
async function takePartitions(reader: TopicReader, offsets: Map<number, number>): Promise<void> {
  const ends = await reader.ends();
  for (const { partition, low } of ends) if (!offsets.has(partition)) offsets.set(partition, low);
  const there = new Set(ends.map(({ partition }) => partition));
  for (const partition of offsets.keys()) if (!there.has(partition)) offsets.delete(partition);
}
