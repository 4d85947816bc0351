import { join } from 'node:path';
import { AfterlogError } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import { createKafka } from '../kafka/client.ts';
import type { PartitionEnds } from '../kafka/offsets.ts';
import { type ReadMessage, TopicReader } from '../kafka/topic_reader.ts';
import { deadLetterTopic } from '../kafka/topics.ts';
import { dismissedOffset, sendDismissals } from './dismissals.ts';
import { type Letter, letterOf } from './letter.ts';
import { dismissRefused, refusedIds, refusedLetter } from './refused_files.ts';

/** The dead letters of the dead-letter topic and of this host's `refused/`. */
export interface Letters {
  /** The places that are read, for messages. */
  readonly places: string[];
  /** The newest letters, newest first, without their values; `total` is about the number of all. */
  newest(limit: number): Promise<{ letters: Letter[]; total: number }>;
  /** Does not look whether it was dismissed. @throws AfterlogError LETTER_UNKNOWN */
  find(id: string): Promise<Letter>;
  /** All current letters, oldest first in each place, one at a time. */
  all(): AsyncGenerator<Letter>;
  /** The same letters, with the time of their dismissals. */
  withDismissals(letters: Letter[]): Promise<Letter[]>;
  /** Returns when the dismissals are durable. @throws AfterlogError KAFKA_*, STATE_DIR_UNUSABLE */
  dismiss(letters: Letter[]): Promise<void>;
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
  /** Letters of a partition that were dismissed, by offset: time of the dismissal, ms since 1970. */
  async function dismissals(partition: number, from: number, to: number): Promise<Map<number, number>> {
    const found = new Map<number, number>();
    for await (const one of reader!.read(partition, from, to)) {
      const offset = dismissedOffset(one);
      if (offset !== null) found.set(offset, Number(one.message.timestamp));
    }
    return found;
  }
  return {
    places: hasTopic ? [`topic ${topic}`, dir] : [dir],

    async newest(limit) {
      const ids = refusedIds(dir);
      const letters: Letter[] = [];
      let total = ids.length;
      for (const { partition, low, high } of await ends()) {
        total += high - low;
        const dismissed = new Map<number, number>();
        const some: Letter[] = [];
        // A dismissal stands behind its letter. Where there are some, older messages are read, too.
        for (let to = high; to > low && some.length < limit; ) {
          const from = Math.max(low, to - limit + some.length);
          const older: Letter[] = [];
          for await (const one of reader!.read(partition, from, to)) {
            const offset = dismissedOffset(one);
            if (offset === null) older.push({ ...fromTopic(one), value: null });
            else dismissed.set(offset, Number(one.message.timestamp));
          }
          some.unshift(...older);
          to = from;
        }
        letters.push(...some.map((letter) => marked(letter, dismissed)));
        total -= dismissed.size;
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
        for await (const one of reader!.read(end.partition, at, at + 1)) {
          if (dismissedOffset(one) === null) return fromTopic(one);
          const what = `Message ${id} of topic ${topic} dismisses dead letter ${end.partition}/${dismissedOffset(one)}.`;
          throw new AfterlogError('LETTER_UNKNOWN', what);
        }
      }
      const has = end
        ? `${topic}/${end.partition} has ${end.low} to ${end.high - 1}`
        : 'it has no such partition';
      throw new AfterlogError('LETTER_UNKNOWN', `There is no dead letter ${id} in topic ${topic}: ${has}.`);
    },

    async *all() {
      for (const { partition, low, high } of await ends()) {
        const dismissed = await dismissals(partition, low, high);
        for await (const one of reader!.read(partition, low, high)) {
          if (dismissedOffset(one) === null) yield marked(fromTopic(one), dismissed);
        }
      }
      for (const id of refusedIds(dir).reverse()) {
        const letter = refusedLetter(dir, id);
        if (letter) yield letter;
      }
    },

    async withDismissals(letters) {
      const inTopic = letters.filter(({ path }) => path === null);
      const found: Letter[] = letters.filter(({ path }) => path !== null);
      for (const { partition, high } of inTopic.length > 0 ? await ends() : []) {
        const some = inTopic.filter(({ id }) => Number(id.split('/')[0]) === partition);
        if (some.length === 0) continue;
        const dismissed = await dismissals(partition, Math.min(...some.map(offsetOf)), high);
        found.push(...some.map((letter) => marked(letter, dismissed)));
      }
      return letters.map((letter) => found.find(({ id }) => id === letter.id) ?? letter);
    },

    async dismiss(letters) {
      const ids = letters.filter(({ path }) => path === null).map(({ id }) => id);
      if (ids.length > 0) await sendDismissals(createKafka(settings), topic, ids);
      for (const { path } of letters) if (path !== null) dismissRefused(path);
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

/** A letter of the topic, with the time of its dismissal. */
const marked = (letter: Letter, dismissed: Map<number, number>): Letter => ({
  ...letter,
  dismissed_ms: dismissed.get(offsetOf(letter)) ?? null,
});

const offsetOf = ({ id }: Letter): number => Number(id.split('/')[1]);

const fromTopic = ({ partition, offset, message, fault }: ReadMessage): Letter =>
  letterOf({
    id: `${partition}/${offset}`,
    reason: fault ?? undefined,
    at_ms: Number(message.timestamp),
    key: message.key,
    headers: message.headers ?? {},
    value: message.value,
  });
