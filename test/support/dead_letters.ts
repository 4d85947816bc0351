import type { TestContext } from 'node:test';
import type { Settings } from '../../src/config/settings.ts';
import { startConsumer } from '../../src/consume/consumer.ts';
import type { Site } from './clickhouse.ts';
import { afterlog } from './command.ts';
import { poisonTable } from './letters.ts';
import { until } from './patience.ts';
import { makeTopic } from './topic.ts';

export const environmentOf = (settings: Settings): Record<string, string> => ({
  AFTERLOG_STATE_DIR: settings.state_dir,
  AFTERLOG_KAFKA_BROKERS: settings.kafka.brokers.join(),
  AFTERLOG_KAFKA_TOPIC: settings.kafka.topic,
  AFTERLOG_CLICKHOUSE_URL: settings.clickhouse.url!,
  AFTERLOG_CLICKHOUSE_DATABASE: settings.clickhouse.database,
});

/** Messages that went through topic and consumer while the table was poisoned; mended afterwards unless told. */
export async function consumed(
  t: TestContext,
  here: Site,
  messages: Parameters<Awaited<ReturnType<typeof makeTopic>>['send']>[0],
) {
  const mend = await poisonTable(here.client, here.database);
  const topic = await makeTopic(t, here.settings);
  await topic.send(messages);
  const consumer = await startConsumer(here.settings);
  await until(async () => (await topic.committed()) === messages.length);
  await consumer.stop();
  const dlq = async (...args: string[]) => {
    const { code, stdout, stderr } = await afterlog(['dlq', ...args], environmentOf(here.settings));
    return { code, stdout: String(stdout), stderr };
  };
  return { mend, dlq };
}

/** NDJSON, read. */
export const objects = (text: string): Record<string, unknown>[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
