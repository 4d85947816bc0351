import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import kafkajs, { Kafka, type KafkaConfig, type LogEntry, logLevel } from 'kafkajs';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError, type ErrorCode, reasonOf } from '../base/errors.ts';
import { log } from '../base/log.ts';
import type { Settings } from '../config/settings.ts';
import { keepLargeBuffers } from './encoder.ts';

/**
 * The one place that makes Kafka clients, for agent and consumer alike. kafkajs connects late: making one opens
 * nothing. Its own retries are few: whoever uses it waits and tries again in its own words, for ever.
 * @throws AfterlogError SETTING_INVALID when kafka.tls_ca_file cannot be used
 */
export function createKafka(settings: Settings): Kafka {
  stopIdleTimers();
  keepCommits();
  keepLargeBuffers();
  return new Kafka({
    clientId: `afterlog-${settings.host}`,
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 5_000 },
    // It builds its log entries before it asks for them to be written.
    logLevel: log.isLevelEnabled('debug') ? logLevel.DEBUG : logLevel.NOTHING,
    logCreator: () => toLog,
    ...connectionOf(settings.kafka),
  });
}

/** How to reach the brokers, in kafkajs' words. @throws AfterlogError SETTING_INVALID */
export function connectionOf(kafka: Settings['kafka']): Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl'> {
  const { sasl_mechanism: mechanism, sasl_username: username = '', sasl_password: password = '' } = kafka;
  const ca = kafka.tls_ca_file === undefined ? {} : { ca: authorities(kafka.tls_ca_file) };
  return {
    brokers: kafka.brokers,
    ssl: kafka.tls ? ca : false,
    ...(mechanism && { sasl: { mechanism, username, password } as NonNullable<KafkaConfig['sasl']> }),
  };
}

function authorities(path: string): string {
  let text = '';
  let what = 'holds no certificate (-----BEGIN CERTIFICATE-----)';
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    what = `cannot be read: ${reasonOf(error)}`;
  }
  // Without this, Node.js takes any text, trusts nobody, and each connection fails with words about something else.
  if (text.includes('-----BEGIN CERTIFICATE-----')) return text;
  const setting = 'Setting kafka.tls_ca_file (AFTERLOG_KAFKA_TLS_CA_FILE)';
  throw new AfterlogError('SETTING_INVALID', `${setting} is ${JSON.stringify(path)}, which ${what}.`);
}

/** What the answers of brokers mean, by kafkajs' names of errors and their types. */
const meanings: [RegExp, ErrorCode][] = [
  [/SASL|AUTHORIZATION_FAILED/, 'KAFKA_REFUSED'],
  [/^UNKNOWN_TOPIC_OR_PARTITION$/, 'TOPIC_MISSING'],
  [/^(MESSAGE|RECORD_LIST)_TOO_LARGE$/, 'MESSAGE_TOO_LARGE'],
];

/** A thrown value of kafkajs as one of our errors; what brokers did not answer is KAFKA_UNREACHABLE. */
export function kafkaFault(what: string, error: unknown): AfterlogError {
  const names: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    names.push(at.name, (at as { type?: string }).type ?? '');
  }
  const code = meanings.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
  return new AfterlogError(code ?? 'KAFKA_UNREACHABLE', `${what}: ${reasonOf(error)}`, error);
}

/**
 * kafkajs logs every lost connection as an error, often several times. All of it is detail to us; state changes
 * are logged by those who notice them.
 */
function toLog({ namespace, log: entry }: LogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...details } = entry;
  log.debug({ kafkajs: namespace, ...details }, message);
}

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
}

/**
 * kafkajs 2.2.4 keeps a timer of 1 ms going on every connection that ever got an answer: it schedules a look at
 * requests held back by throttling even when there are none, at a time that has passed (newer Node warns of the
 * negative delay: TimeoutNegativeWarning). That is 2 to 4 % of a core for doing nothing. Requests that are held
 * back do schedule one when they are queued, so without any there is nothing to schedule.
 */
export function stopIdleTimers(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/network/requestQueue') as {
    prototype: { scheduleCheckPendingRequests(this: RequestQueue): void; patched?: true };
  };
  if (prototype.patched) return;
  prototype.patched = true;
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

/** What is used of the inside of kafkajs 2.2.4 (the version is pinned). */
interface ConsumerGroup {
  cluster: {
    fetchTopicsOffset(
      topics: { topic: string; fromBeginning: boolean; partitions: { partition: number }[] }[],
    ): Promise<{ partitions: { offset: string }[] }[]>;
  };
  offsetManager: { nextOffset(topic: string, partition: number): { toString(): string } };
  seek(place: { topic: string; partition: number; offset: string }): void;
  recoverFromOffsetOutOfRange(place: { topic: string; partition: number }): Promise<void>;
  recoverFromFetch(error: Error): Promise<void>;
}

/**
 * When an offset is out of range, kafkajs 2.2.4 commits a reset for the group before anything was read: a consumer that
 * is killed then leaves no trace of what retention took. Here it only goes on at the first message that is left, and
 * the commit stays what was landed. A topic that ends before the offset was made anew: that is worth a commit, for it
 * may have grown beyond the old offset when it is looked at again.
 */
function keepCommits(): void {
  const { prototype } = createRequire(import.meta.url)('kafkajs/src/consumer/consumerGroup') as {
    prototype: ConsumerGroup & { keepsCommits?: true };
  };
  if (prototype.keepsCommits) return;
  prototype.keepsCommits = true;
  const reset = prototype.recoverFromOffsetOutOfRange;
  prototype.recoverFromOffsetOutOfRange = async function (this: ConsumerGroup, place): Promise<void> {
    const { topic, partition } = place;
    const wanted = [{ topic, fromBeginning: true, partitions: [{ partition }] }];
    const [found] = await this.cluster.fetchTopicsOffset(wanted);
    const { offset } = found!.partitions[0]!;
    const isBehind = Number(this.offsetManager.nextOffset(topic, partition)) < Number(offset);
    if (isBehind) this.seek({ topic, partition, offset });
    else await reset.call(this, place);
    crashPoint('consume.out_of_range');
  };
  const recover = prototype.recoverFromFetch;
  prototype.recoverFromFetch = async function (this: ConsumerGroup, error): Promise<void> {
    // A topic that is gone may be there again at the next fetch, as another one: that needs a new beginning.
    const { type } = error as { type?: string };
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
      throw Object.assign(new kafkajs.KafkaJSNonRetriableError(error), { type });
    }
    await recover.call(this, error);
  };
}
