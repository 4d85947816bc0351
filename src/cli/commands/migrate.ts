import { AfterlogError } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import type { TopicOutcome } from '../../kafka/topics.ts';
import type { Difference } from '../../store/care/compare_schema.ts';
import { migrate as applyMigrations, type Migration, pendingMigrations } from '../../store/care/migrate.ts';
import { planRestore, type Restored, restoreSchema } from '../../store/care/restore_schema.ts';
import { commandFor, differenceSentence } from '../../store/care/schema_cures.ts';
import { openStore, readError } from '../../store/query.ts';
import { jsonLine, print } from '../output.ts';

export interface MigrateOptions {
  /** Only print the planned changes. */
  plan?: boolean;
  /** Make lost tables again, empty. */
  replaceLost?: boolean;
  json?: boolean;
}

/**
 * `afterlog migrate`: migrates the database to this version's schema, restores missing and changed views
 * and, if brokers are set, creates missing topics. It prints its changes, and other differences of tables and
 * topics.
 * @throws AfterlogError CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED, SCHEMA_AHEAD, MIGRATION_CHANGED,
 * TABLE_LOST, KAFKA_UNREACHABLE, KAFKA_REFUSED
 */
export async function migrate(settings: Settings, options: MigrateOptions): Promise<void> {
  await migrateDatabase(settings, options);
  if (settings.kafka.brokers.length > 0) await migrateTopics(settings, options);
}

async function migrateDatabase(
  settings: Settings,
  { plan, json, replaceLost }: MigrateOptions,
): Promise<void> {
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
    // A plan for a database without tables has nothing to compare.
    if (plan && pending.length > 0) return;
    const outcome = plan ? await planRestore(store) : await restoreSchema(store, { replaceLost });
    await print(json ? outcomeJson(outcome, plan) : outcomeText(store.database, outcome, plan));
  } catch (error) {
    throw readError(store, error);
  } finally {
    await store.client.close();
  }
}

const outcomeJson = ({ objects, derived, left }: Restored, plan = false): string =>
  [
    ...objects.map(({ name, kind }) => ({ object: name, kind, state: plan ? 'wrong' : 'restored' })),
    ...derived.map(({ table, streams }) => ({ object: table, kind: 'table', state: 'derived', streams })),
    ...left.map(({ object: { name, kind }, part, found, wanted }) => {
      return { object: name, kind, state: 'differs', part, found, wanted };
    }),
  ]
    .map(jsonLine)
    .join('');

function outcomeText(database: string, { objects, derived, left }: Restored, plan = false): string {
  const wrong = objects.map(({ name, kind }) => {
    const what = `${kind} ${database}.${name}`;
    if (!plan) return `Restored ${what}.\n`;
    if (kind === 'table')
      return `Lost: ${what}; \`afterlog migrate --replace-lost\` would make it again, empty.\n`;
    return `Would restore ${what}.\n`;
  });
  const again = derived.map(
    ({ table, streams }) =>
      `Derived ${database}.${table} again from console_logs; streams that lacked rows: ${streams}.\n`,
  );
  const differ = left.map((one) => `${differenceSentence(database, one)}\n${cureLine(database, one)}`);
  return [...wrong, ...again, ...differ].join('');
}

function cureLine(database: string, one: Difference): string {
  const command = commandFor(database, one);
  return command === null ? '' : `  ${command}\n`;
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
