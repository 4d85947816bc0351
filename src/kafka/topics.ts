import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka, type PartitionMetadata } from 'kafkajs';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/** A setting with which our topics are made, and the other values that serve as well. */
export interface TopicSetting {
  name: string;
  value: string;
  serves(found: string): boolean;
  /** The consequence of a value that does not serve. */
  otherwise: string;
  /** true: rows are lost. false: rows may be lost, in an outage or for some hosts. */
  loses: boolean;
}

/** A topic as we need it. The broker decides about replication and min.insync.replicas. */
export interface WantedTopic {
  topic: string;
  partitions: number;
  settings: TopicSetting[];
}

/** A topic as the brokers have it. `settings` is null if this user may not read them. */
export interface FoundTopic {
  topic: string;
  partitions: PartitionMetadata[];
  settings: Map<string, string> | null;
  /** Names of settings that the topic has from its brokers. */
  inherited: Set<string>;
}

export interface Difference extends TopicSetting {
  found: string;
}

const MIB = 1024 * 1024;
const DAY_MS = 86_400_000;
/** The number of consumers that can share the work; hosts are spread over the partitions. */
const PARTITIONS = 12;
/** The longest outage of consumers or ClickHouse without loss. Less than a day is no reserve. */
const RETENTION_DAYS = 7;
/** As long as ClickHouse keeps lines: later, a replayed batch would expire at once. */
const DEAD_LETTER_RETENTION_DAYS = 30;

export const deadLetterTopic = (topic: string): string => `${topic}-dlq`;

/** The topic of the batches and the one of their dead letters: the only definition of both. */
export function wantedTopics(topic: string): { batches: WantedTopic; dead_letters: WantedTopic } {
  return {
    batches: {
      topic,
      partitions: PARTITIONS,
      settings: [
        isDeleted('batch'),
        {
          name: 'message.timestamp.type',
          value: 'LogAppendTime',
          serves: (found) => found === 'LogAppendTime',
          otherwise: 'batches of a host whose clock is over an hour ahead wait until it is right',
          loses: false,
        },
        {
          // The value of a batch is a zstd frame already. The broker unpacks what a producer compressed, so a
          // consumer meets no message that unpacks to more than its memory.
          name: 'compression.type',
          value: 'uncompressed',
          serves: (found) => found === 'uncompressed',
          otherwise:
            'consumers unpack what is compressed twice, and a message that unpacks to more than ' +
            `${limits.consume.unpacked_bytes_max / MIB} MiB is set aside`,
          loses: false,
        },
        keepsDays(RETENTION_DAYS, 'batches that have not landed by then are lost'),
        takesBytes(
          MIB,
          `a send of batches has up to ${limits.batch.message_bytes_max / 1024} KiB; larger ones are refused`,
        ),
      ],
    },
    dead_letters: {
      topic: deadLetterTopic(topic),
      partitions: 1,
      settings: [
        isDeleted('message'),
        keepsDays(DEAD_LETTER_RETENTION_DAYS, 'dead letters that were not replayed by then are lost'),
        // Room for the headers that are added to a message of the largest size.
        takesBytes(2 * MIB, 'a message of the largest size does not fit with the reason in its headers'),
      ],
    },
  };
}

function isDeleted(unit: string): TopicSetting {
  return {
    name: 'cleanup.policy',
    value: 'delete',
    serves: (found) => found === 'delete',
    otherwise: `compaction keeps only the last ${unit} of each host`,
    loses: true,
  };
}

function keepsDays(days: number, otherwise: string): TopicSetting {
  const value = String(days * DAY_MS);
  const serves = (found: string): boolean => found === '-1' || Number(found) >= DAY_MS;
  return { name: 'retention.ms', value, serves, otherwise, loses: false };
}

function takesBytes(bytes: number, otherwise: string): TopicSetting {
  const serves = (found: string): boolean => Number(found) >= bytes;
  return { name: 'max.message.bytes', value: String(bytes), serves, otherwise, loses: true };
}

/** Runs `work` with an admin client that is connected only for it. */
export async function withAdmin<T>(
  kafka: Kafka,
  work: (admin: Admin) => Promise<T>,
  retries?: number,
): Promise<T> {
  const admin = kafka.admin(retries === undefined ? {} : { retry: { retries } });
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect().catch(() => {});
  }
}

/**
 * @param trial the brokers only answer whether they would make it
 * @returns false if the topic exists already
 * @throws AfterlogError KAFKA_REFUSED (with the brokers' reason); what the client throws if they do not
 *   answer
 */
export async function createTopic(
  admin: Admin,
  { topic, partitions, settings }: WantedTopic,
  trial = false,
): Promise<boolean> {
  const configEntries = settings.map(({ name, value }) => ({ name, value }));
  try {
    const isNew = await admin.createTopics({
      // -1: the broker's default.
      topics: [{ topic, numPartitions: partitions, replicationFactor: -1, configEntries }],
      validateOnly: trial,
      waitForLeaders: false,
    });
    if (!trial) await whenKnown(admin, topic);
    return isNew;
  } catch (error) {
    const reason = error instanceof kafkajs.KafkaJSAggregateError ? error.errors[0] : error;
    if (!(reason instanceof kafkajs.KafkaJSProtocolError) || reason.retriable) throw error;
    const sentence = `Kafka refuses to make the topic ${topic} (${reason.type}: ${reasonOf(reason)})`;
    throw new AfterlogError('KAFKA_REFUSED', sentence, error);
  }
}

/**
 * Waits until the brokers know a topic that was just made, with a leader for each partition. (The wait of
 * kafkajs itself fails at a broker that does not know the topic yet.)
 * @throws what the client throws if that takes too long
 */
export async function whenKnown(admin: Admin, topic: string): Promise<void> {
  const until_ms = performance.now() + limits.topic.known_ms;
  for (;;) {
    try {
      const { topics } = await admin.fetchTopicMetadata({ topics: [topic] });
      if (topics.every(({ partitions }) => partitions.every(({ leader }) => leader >= 0))) return;
    } catch (error) {
      if (!isNotKnownYet(error) || performance.now() > until_ms) throw error;
    }
    if (performance.now() > until_ms) return;
    await sleep(limits.server.start_poll_ms);
  }
}

function isNotKnownYet(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    const { type } = at as { type?: string };
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION' || type === 'LEADER_NOT_AVAILABLE') return true;
  }
  return false;
}

/** @returns null if the topic does not exist, or this user may not see it */
export async function findTopic(admin: Admin, topic: string): Promise<FoundTopic | null> {
  // A request for the metadata of a missing topic may make the broker create it.
  if (!(await admin.listTopics()).includes(topic)) return null;
  const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
  return { topic, partitions: metadata.topics[0]!.partitions, ...(await settingsOf(admin, topic)) };
}

/** kafkajs has no type for it: the topic itself has this value. */
const OF_TOPIC = 1;

async function settingsOf(admin: Admin, topic: string): Promise<Pick<FoundTopic, 'settings' | 'inherited'>> {
  const resources = [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic }];
  try {
    const answer = await admin.describeConfigs({ resources, includeSynonyms: false });
    const entries = answer.resources[0]?.configEntries ?? [];
    const inherited = entries.filter(
      (entry) => (entry as { configSource?: number }).configSource !== OF_TOPIC,
    );
    return {
      settings: new Map(entries.map(({ configName, configValue }) => [configName, configValue])),
      inherited: new Set(inherited.map(({ configName }) => configName)),
    };
  } catch (error) {
    const isDenied = error instanceof kafkajs.KafkaJSProtocolError && /AUTHORIZATION/.test(error.type);
    if (isDenied) return { settings: null, inherited: new Set() };
    throw error;
  }
}

/** The state of a wanted topic. */
export interface TopicOutcome {
  wanted: WantedTopic;
  /** `missing`: a trial showed that it could be made. */
  state: 'created' | 'missing' | 'present';
  partitions: number;
  /** Settings that do not serve; null if this user may not read them. */
  differences: Difference[] | null;
}

/**
 * Makes a topic unless it exists; an existing one is not changed.
 * @throws what createTopic and findTopic throw
 */
export async function ensureTopic(admin: Admin, wanted: WantedTopic, trial = false): Promise<TopicOutcome> {
  const found = await findTopic(admin, wanted.topic);
  if (found !== null) {
    const { partitions, settings } = found;
    return {
      wanted,
      state: 'present',
      partitions: partitions.length,
      differences: differences(wanted, settings),
    };
  }
  await createTopic(admin, wanted, trial);
  return { wanted, state: trial ? 'missing' : 'created', partitions: wanted.partitions, differences: [] };
}

/** The settings of a topic that do not serve. */
export function differences({ settings }: WantedTopic, found: FoundTopic['settings']): Difference[] | null {
  if (found === null) return null;
  return settings
    .map((setting) => ({ ...setting, found: found.get(setting.name) ?? 'unknown' }))
    .filter((setting) => found.has(setting.name) && !setting.serves(setting.found));
}

/** The command of Kafka that gives a topic these values. */
export function alterCommand(
  brokers: string[],
  topic: string,
  settings: { name: string; value: string }[],
): string {
  const values = settings.map(({ name, value }) => `${name}=${value}`).join(',');
  return (
    `kafka-configs.sh --bootstrap-server ${brokers.join(',')} --alter --entity-type topics ` +
    `--entity-name ${topic} --add-config ${values}`
  );
}
