import type { TestContext } from 'node:test';
import type { Settings } from '../../src/config/settings.ts';
import { clickhouseSettings } from './clickhouse.ts';
import { fromRun } from './from_run.ts';
import { uniqueName } from './temporary.ts';

/** `host:port` of the run's Kafka. */
export const kafkaBroker = (): string => fromRun('TEST_KAFKA_BROKER');

/** Settings of a whole installation: as `clickhouseSettings`, with a topic and a group of the test's own. */
export const testSettings = (t: TestContext, flags: Record<string, unknown> = {}): Promise<Settings> =>
  clickhouseSettings(t, {
    kafkaBrokers: kafkaBroker(),
    kafkaTopic: uniqueName('topic'),
    kafkaGroup: uniqueName('group'),
    ...flags,
  });
