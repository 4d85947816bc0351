import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Kafka, type KafkaConfig, type LogEntry, logLevel } from 'kafkajs';
import type { Settings } from './config/settings.ts';
import { AfterlogError, type ErrorCode, reasonOf } from './errors.ts';
import { log } from './log.ts';

/**
 * The one place that makes Kafka clients, for agent and consumer alike. kafkajs connects late: making one opens
 * nothing. Its own retries are few: whoever uses it waits and tries again in its own words, for ever.
 * @throws AfterlogError SETTING_INVALID when kafka.tls_ca_file cannot be used
 */
export function createKafka(settings: Settings): Kafka {
  stopIdleTimers();
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
