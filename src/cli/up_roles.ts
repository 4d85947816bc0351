import { mkdirSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { type AgentStatus, startAgent } from '../agent.ts';
import { type Settings, settingsSchema } from '../config/settings.ts';
import { refuseForeign } from '../demo/fleet_folder.ts';
import type { Terminal } from '../demo/terminal.ts';
import { startServer } from '../serve/server.ts';
import { connect, recordUp } from '../store/client.ts';
import { startEmbedded } from '../store/embedded.ts';
import { migrate } from '../store/migrate.ts';
import type { Parts } from './parts.ts';
import { withStatus } from './role.ts';

/** What the steps of `afterlog up` hand on; `settings` gains the addresses of what was started. */
export interface Up {
  settings: Settings;
  terminal: Terminal;
  parts: Parts;
  /** Each resolves with the name of a server of ours when it has ended. */
  exits: Promise<string>[];
}

/** The database, of our own unless one is set, with its tables. */
export async function startStore(up: Up): Promise<ClickHouseClient> {
  const { parts, settings } = up;
  if (settings.clickhouse.url === undefined) {
    const dir = join(settings.state_dir, 'clickhouse');
    const embedded = await parts.start(
      'ClickHouse',
      `starting on ${relative('', dir)}, waits for its first answer`,
      () => startEmbedded({ dir }),
      (started) => started.url,
    );
    up.exits.push(embedded.exited.then(() => 'ClickHouse'));
    const clickhouse = { ...settings.clickhouse, url: embedded.url, username: 'default', password: '' };
    up.settings = { ...settings, clickhouse };
    const forget = recordUp(settings, { url: embedded.url, pid: process.pid, listen: settings.listen });
    parts.atEnd('', forget);
  }
  const client = connect(up.settings);
  parts.atEnd('', () => client.close());
  await parts.start('Tables', 'migrating', async () => {
    await migrate(client, settings.clickhouse.database);
    return {};
  });
  return client;
}

/** With brokers set, or a Kafka of our own: the consumer between it and ClickHouse. */
export async function startKafkaRoles(up: Up, own: boolean): Promise<void> {
  if (own && up.settings.kafka.brokers.length === 0) {
    const { startLocalKafka } = await import('../deliver/local_kafka.ts');
    const kafka = await up.parts.start(
      'Kafka',
      'starting, waits for its first answer',
      (onProgress) => startLocalKafka({ dir: join(up.settings.state_dir, 'kafka'), onProgress }),
      (started) => started.broker,
    );
    up.exits.push(kafka.exited.then(() => 'Kafka'));
    up.settings = { ...up.settings, kafka: { ...up.settings.kafka, brokers: [kafka.broker] } };
  }
  const { brokers, group } = up.settings.kafka;
  if (brokers.length === 0) return;
  const { startConsumer } = await import('../consume/consumer.ts');
  const joining = `joining the group ${group}`;
  await up.parts.start(
    'Consumer',
    joining,
    () => startConsumer(up.settings),
    () => brokers.join(', '),
  );
}

/** The HTTP API and the agent. */
export async function startEnds(up: Up): Promise<{ address: string; agent: { status(): AgentStatus } }> {
  const { settings, parts } = up;
  const server = await parts.start(
    'HTTP API',
    `opening ${settings.listen}`,
    () => startServer(settings),
    (listening) => listening.address,
  );
  const agent = await parts.start('Agent', 'looking for sandboxes', () =>
    withStatus('agent', settings.agent_listen, () => startAgent(settings)),
  );
  return { address: server.address, agent };
}

/**
 * The demo has a folder of its own, unless one was named.
 * @throws AfterlogError DEMO_DIR_FOREIGN
 */
export function demoSettings(given: Settings): Settings {
  const settings = { ...given };
  const runtime_dir = settingsSchema.parse({}).data_dir;
  if (given.data_dir === runtime_dir) {
    settings.data_dir = resolve('.afterlog-demo');
    const own_state = given.state_dir !== join(runtime_dir, '.afterlog');
    settings.state_dir = own_state ? given.state_dir : join(settings.data_dir, '.afterlog');
  }
  refuseForeign(settings.data_dir);
  mkdirSync(join(settings.data_dir, 'vms'), { recursive: true });
  return settings;
}

/** The fleet and its screen. `ending.summary` then says, when the agent has ended, what came of it. */
export async function startDemo(
  { settings, parts, terminal }: Up,
  ends: Awaited<ReturnType<typeof startEnds>>,
  client: ClickHouseClient,
  ending: { summary: () => unknown },
): Promise<void> {
  const { startFleet } = await import('../demo/fleet.ts');
  const { startShow } = await import('../demo/show.ts');
  const fleet = await startFleet({ data_dir: settings.data_dir, ledger: true });
  if (terminal.live) terminal.print('');
  const way = settings.kafka.brokers.length > 0 ? 'through Kafka' : 'direct to ClickHouse';
  const { database } = settings.clickhouse;
  const show = startShow({ terminal, client, database, fleet, way, ...ends });
  // In reverse: the screen goes, the fleet ends, the last sandboxes are compared, then the agent ends.
  parts.atEnd('Last sandboxes', () => show.settle());
  parts.atEnd('Fleet', () => fleet.stop());
  parts.atEnd('', () => show.stop());
  ending.summary = async () => terminal.print(await show.summary());
}
