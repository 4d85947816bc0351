import { Kafka, type KafkaConfig, type LogEntry, logLevel } from 'kafkajs';
import { AfterlogError, type ErrorCode, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { log } from '../base/log.ts';
import { readPem } from '../config/pem_file.ts';
import type { Settings } from '../config/settings.ts';
import { patchKafkaJs } from './patches.ts';

/**
 * The one place that makes Kafka clients, for agent and consumer alike. kafkajs connects late: making a
 * client opens no connection. kafkajs retries only a few times; its callers wait and retry without an end,
 * with their own messages.
 * @throws AfterlogError SETTING_INVALID when kafka.tls_ca_file cannot be used, KAFKAJS_UNKNOWN
 */
export function createKafka(settings: Settings): Kafka {
  patchKafkaJs();
  return new Kafka({
    clientId: `afterlog-${settings.host}`,
    connectionTimeout: limits.kafka.connect_ms,
    requestTimeout: limits.kafka.answer_ms,
    retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 5_000 },
    // kafkajs builds each log entry before it checks the level.
    logLevel: log.isLevelEnabled('debug') ? logLevel.DEBUG : logLevel.NOTHING,
    logCreator: () => toLog,
    ...connectionOf(settings.kafka),
  });
}

/** How to reach the brokers, as kafkajs wants it. @throws AfterlogError SETTING_INVALID */
export function connectionOf(kafka: Settings['kafka']): Pick<KafkaConfig, 'brokers' | 'ssl' | 'sasl'> {
  const { sasl_mechanism: mechanism, sasl_username: username = '', sasl_password: password = '' } = kafka;
  const ca =
    kafka.tls_ca_file === undefined
      ? {}
      : { ca: readPem('kafka.tls_ca_file', kafka.tls_ca_file, 'CERTIFICATE') };
  return {
    brokers: kafka.brokers,
    ssl: kafka.tls ? ca : false,
    ...(mechanism && { sasl: { mechanism, username, password } as NonNullable<KafkaConfig['sasl']> }),
  };
}

/** Our code for the answers of brokers, by kafkajs' names of errors and their types. */
const meanings: [RegExp, ErrorCode][] = [
  [/SASL|AUTHORIZATION_FAILED/, 'KAFKA_REFUSED'],
  [/^UNKNOWN_TOPIC_OR_PARTITION$/, 'TOPIC_MISSING'],
  [/^(MESSAGE|RECORD_LIST)_TOO_LARGE$/, 'MESSAGE_TOO_LARGE'],
  [/^INVALID_TIMESTAMP$/, 'CLOCK_WRONG'],
];

/** A thrown value of kafkajs as one of our errors; KAFKA_UNREACHABLE if no broker answered. */
export function kafkaFault(what: string, error: unknown): AfterlogError {
  const names: string[] = [];
  for (let at = error; at instanceof Error; at = at.cause) {
    // Ours, thrown from the inside of kafkajs.
    if (at instanceof AfterlogError) return new AfterlogError(at.code, `${what}: ${at.message}`, error);
    names.push(at.name, (at as { type?: string }).type ?? '');
  }
  const code = meanings.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
  const seen = code === 'CLOCK_WRONG' ? `; the clock here says ${new Date().toISOString()}` : '';
  return new AfterlogError(code ?? 'KAFKA_UNREACHABLE', `${what}: ${reasonOf(error)}${seen}`, error);
}

/**
 * kafkajs logs every lost connection as an error, often several times. We log all of it as detail; the parts
 * that notice a change of state log that change.
 */
function toLog({ namespace, log: entry }: LogEntry): void {
  const { message, timestamp: _timestamp, logger: _logger, stack: _stack, ...details } = entry;
  log.debug({ kafkajs: namespace, ...details }, message);
}
