import { createRequire } from 'node:module';
import { Kafka, type LogEntry, logLevel } from 'kafkajs';
import type { Settings } from './config/settings.ts';
import { log } from './log.ts';

/**
 * The one place that makes Kafka clients, for agent and consumer alike. kafkajs connects late: making one never
 * fails and opens nothing.
 * Its own retries are few: whoever uses it waits and tries again in its own words, for ever.
 */
export function createKafka(settings: Settings): Kafka {
  stopIdleTimers();
  return new Kafka({
    clientId: `afterlog-${settings.host}`,
    brokers: settings.kafka.brokers,
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { retries: 3, initialRetryTime: 200, maxRetryTime: 5_000 },
    // It builds its log entries before it asks for them to be written.
    logLevel: log.isLevelEnabled('debug') ? logLevel.DEBUG : logLevel.NOTHING,
    logCreator: () => toLog,
  });
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
