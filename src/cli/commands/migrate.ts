import { AfterlogError } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import type { TopicOutcome } from '../../kafka/topics.ts';
import { migrate as applyMigrations, type Migration, pendingMigrations } from '../../store/care/migrate.ts';
import { openStore, readError } from '../../store/query.ts';
import { jsonLine, print } from '../output.ts';

export interface MigrateOptions {
  /** Only print the planned changes. */
  plan?: boolean;
  json?: boolean;
}

/**
 * `afterlog migrate`: migrates the database to this version's schema and, if brokers are set, creates missing
 * topics. It prints its changes, and wrong settings of existing topics.
 * @throws AfterlogError CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED, SCHEMA_AHEAD, MIGRATION_CHANGED,
 * KAFKA_UNREACHABLE, KAFKA_REFUSED
 */
export async function migrate(settings: Settings, options: MigrateOptions): Promise<void> {
  await migrateDatabase(settings, options);
  if (settings.kafka.brokers.length > 0) await migrateTopics(settings, options);
}

async function migrateDatabase(settings: Settings, { plan, json }: MigrateOptions): Promise<void> {
  const store = openStore(settings);
  try {
    let pending = await pendingMigrations(store.client, store.database);
    if (!plan) {
      const { applied } = await applyMigrations(store.client, store.database);
      pending = pending.filter(({ name }) => applied.includes(name));
    }
    const where = `Database '${store.database}' at ${store.url}`;
    await print(
      json ? pending.map((one) => migrationJson(one, plan)).join('') : migrationText(where, pending, plan),
    );
  } catch (error) {
    throw readError(store, error);
  } finally {
    await store.client.close();
  }
}

const migrationJson = ({ name, statements }: Migration, plan = false): string =>
  jsonLine({ migration: name, state: plan ? 'pending' : 'applied', statements: statements.length });

function migrationText(where: string, pending: Migration[], plan = false): string {
  if (pending.length === 0) return `${where} is up to date.\n`;
  if (!plan) return `${where}: applied ${pending.map(({ name }) => name).join(', ')}.\n`;
  const steps = pending.map(({ name, statements }) => `  ${name}, statements: ${statements.length}\n`);
  return `${where}: would apply\n${steps.join('')}`;
}

async function migrateTopics(settings: Settings, { plan, json }: MigrateOptions): Promise<void> {
  const { createKafka, kafkaFault } = await import('../../kafka/client.ts');
  const { alterCommand, ensureTopic, wantedTopics, withAdmin } = await import('../../kafka/topics.ts');
  const { brokers, topic } = settings.kafka;
  const { batches, dead_letters } = wantedTopics(topic);
  try {
    await withAdmin(createKafka(settings), async (admin) => {
      for (const wanted of [batches, dead_letters]) {
        const outcome = await ensureTopic(admin, wanted, plan);
        const cure = alterCommand(brokers, wanted.topic, outcome.differences ?? []);
        await print(json ? topicJson(outcome) : topicText(outcome, cure));
      }
    });
  } catch (error) {
    if (error instanceof AfterlogError) throw error;
    throw kafkaFault(`Cannot read the topics of Kafka at ${brokers.join(', ')}`, error);
  }
}

function topicJson({ wanted, state, partitions, differences }: TopicOutcome): string {
  const settings = Object.fromEntries(wanted.settings.map(({ name, value }) => [name, value]));
  const differ = differences?.map(({ name, found, value, otherwise }) => ({
    name,
    found,
    wanted: value,
    otherwise,
  }));
  return jsonLine({ topic: wanted.topic, state, partitions, settings, differences: differ ?? null });
}

function topicText({ wanted, state, partitions, differences }: TopicOutcome, cure: string): string {
  const name = `Topic ${wanted.topic}`;
  if (state !== 'present') {
    const settings = wanted.settings.map((setting) => `${setting.name}=${setting.value}`).join(', ');
    return `${name}: ${state === 'created' ? 'created' : 'would be created'}, partitions: ${partitions}, ${settings}.\n`;
  }
  const there = `${name} exists, partitions: ${partitions}`;
  if (differences === null) return `${there}; this user may not read its settings.\n`;
  if (differences.length === 0) return `${there}.\n`;
  const lines = differences.map(
    ({ name, found, value, otherwise }) => `  ${name} is ${found}, should be ${value}: ${otherwise}.\n`,
  );
  return `${there}; some of its settings are wrong:\n${lines.join('')}  ${cure}\n`;
}
