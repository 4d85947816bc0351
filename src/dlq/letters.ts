import { join } from 'node:path';
import { AfterlogError } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import { createKafka } from '../kafka/client.ts';
import type { PartitionEnds } from '../kafka/offsets.ts';
import { type ReadMessage, TopicReader } from '../kafka/topic_reader.ts';
import { deadLetterTopic } from '../kafka/topics.ts';
import { type Letter, letterOf } from './letter.ts';
import { refusedIds, refusedLetter } from './refused_files.ts';

/** The dead letters of the dead-letter topic and of this host's `refused/`. */
export interface Letters {
  /** The places that are read, for messages. */
  readonly places: string[];
  /** The newest letters, newest first, without their values; `total` is about the number of all. */
  newest(limit: number): Promise<{ letters: Letter[]; total: number }>;
  /** @throws AfterlogError LETTER_UNKNOWN */
  find(id: string): Promise<Letter>;
  /** All current letters, oldest first in each place, one at a time. */
  all(): AsyncGenerator<Letter>;
  close(): Promise<void>;
}

/** Opens nothing before it is needed. Reading throws KAFKA_UNREACHABLE and FILE_UNREADABLE. */
export function openLetters(settings: Settings): Letters {
  const dir = join(settings.state_dir, 'refused');
  const topic = deadLetterTopic(settings.kafka.topic);
  const hasTopic = settings.kafka.brokers.length > 0;
  let reader: TopicReader | null = null;
  const ends = async (): Promise<PartitionEnds[]> => {
    if (hasTopic) reader ??= await openTopic(settings, topic);
    return (await reader?.ends()) ?? [];
  };
  return {
    places: hasTopic ? [`topic ${topic}`, dir] : [dir],

    async newest(limit) {
      const ids = refusedIds(dir);
      const letters: Letter[] = [];
      let total = ids.length;
      for (const { partition, low, high } of await ends()) {
        total += high - low;
        for await (const one of reader!.read(partition, Math.max(low, high - limit), high)) {
          letters.push({ ...fromTopic(one), value: null });
        }
      }
      for (const id of ids.slice(0, limit)) {
        const letter = refusedLetter(dir, id);
        if (letter) letters.push({ ...letter, value: null });
      }
      // Letters of one partition stay in order, even within a millisecond.
      letters.reverse().sort((a, b) => b.at_ms - a.at_ms);
      return { letters: letters.slice(0, limit), total };
    },

    async find(id) {
      const [, partition, offset] = /^(\d{1,10})\/(\d{1,16})$/.exec(id) ?? [];
      if (offset === undefined) {
        const letter = /^[^/]+\/\d+\/\d+$/.test(id) ? refusedLetter(dir, id) : null;
        if (letter) return letter;
        throw new AfterlogError('LETTER_UNKNOWN', `There is no dead letter ${id} in ${dir}.`);
      }
      const end = (await ends()).find((one) => one.partition === Number(partition));
      const at = Number(offset);
      if (end && at >= end.low && at < end.high) {
        for await (const one of reader!.read(end.partition, at, at + 1)) return fromTopic(one);
      }
      const has = end
        ? `${topic}/${end.partition} has ${end.low} to ${end.high - 1}`
        : 'it has no such partition';
      throw new AfterlogError('LETTER_UNKNOWN', `There is no dead letter ${id} in topic ${topic}: ${has}.`);
    },

    async *all() {
      for (const { partition, low, high } of await ends()) {
        for await (const one of reader!.read(partition, low, high)) yield fromTopic(one);
      }
      for (const id of refusedIds(dir).reverse()) {
        const letter = refusedLetter(dir, id);
        if (letter) yield letter;
      }
    },

    async close() {
      await reader?.close();
    },
  };
}

/** null if nothing was ever set aside there. */
async function openTopic(settings: Settings, topic: string): Promise<TopicReader | null> {
  try {
    return await TopicReader.open(createKafka(settings), topic);
  } catch (error) {
    if (error instanceof AfterlogError && error.code === 'TOPIC_MISSING') return null;
    throw error;
  }
}

const fromTopic = ({ partition, offset, message, fault }: ReadMessage): Letter =>
  letterOf({
    id: `${partition}/${offset}`,
    reason: fault ?? undefined,
    at_ms: Number(message.timestamp),
    key: message.key,
    headers: message.headers ?? {},
    value: message.value,
  });
