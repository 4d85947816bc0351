import { join, relative } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { type AgentStatus, startAgent } from '../agent/agent.ts';
import { AfterlogError } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import type { ConsumerStatus } from '../consume/consumer.ts';
import type { Terminal } from '../demo/terminal.ts';
import { startServer } from '../serve/server.ts';
import { migrate } from '../store/care/migrate.ts';
import { connect } from '../store/client.ts';
import { startEmbedded } from '../store/embedded/embedded.ts';
import { recordUp } from '../store/up_record.ts';
import type { Parts } from './parts.ts';
import { withStatus } from './role.ts';

/** What the steps of `afterlog up` hand on; `settings` gains the addresses of what was started. */
export interface Up {
  settings: Settings;
  terminal: Terminal;
  parts: Parts;
  /** Each resolves with the name of a server of ours when it has ended. */
  exits: Promise<string>[];
  /** URL of the embedded ClickHouse. */
  own_clickhouse?: string;
}

/** What is running in the end, for those who show it. */
export interface Ends {
  /** Of the HTTP API. */
  address: string;
  agent: { status(): AgentStatus };
}
type Consuming = { status(): ConsumerStatus };

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
    up.own_clickhouse = embedded.url;
  }
  const client = connect(up.settings);
  parts.atEnd('', () => client.close());
  await parts.start('Tables', 'migrating', async () => {
    await migrate(client, settings.clickhouse.database);
    return {};
  });
  return client;
}

/** With brokers set, or a Kafka of our own: the consumer between it and ClickHouse; else null. */
export async function startKafkaRoles(up: Up, own: boolean): Promise<Consuming | null> {
  if (own && up.settings.kafka.brokers.length === 0) {
    const { startLocalKafka } = await import('../kafka/local_kafka.ts');
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
  if (brokers.length === 0) return null;
  const { startConsumer } = await import('../consume/consumer.ts');
  const joining = `joining the group ${group}`;
  return await up.parts.start(
    'Consumer',
    joining,
    () => startConsumer(up.settings),
    () => brokers.join(', '),
  );
}

/**
 * The HTTP API and the agent.
 * @param any_port a taken port is no reason to fail: another one will do
 */
export async function startEnds(up: Up, any_port: boolean): Promise<Ends> {
  const { settings, parts } = up;
  let taken = '';
  const server = await parts.start(
    'HTTP API',
    `opening ${settings.listen}`,
    async () => {
      try {
        return await startServer(settings);
      } catch (error) {
        if (!any_port || !(error instanceof AfterlogError) || error.code !== 'PORT_IN_USE') throw error;
        taken = ` (${settings.listen} is taken)`;
        return await startServer({ ...settings, listen: '127.0.0.1:0' });
      }
    },
    (listening) => listening.address + taken,
  );
  const { address } = server;
  if (up.own_clickhouse !== undefined) {
    const { host } = new URL(address);
    parts.atEnd('', recordUp(settings, { url: up.own_clickhouse, pid: process.pid, listen: host }));
  }
  const agent = await parts.start('Agent', 'looking for sandboxes', () =>
    withStatus('agent', settings.agent_listen, () => startAgent(settings)),
  );
  return { address, agent };
}
