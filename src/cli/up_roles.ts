import { join, relative } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { startAgent } from '../agent/agent.ts';
import type { AgentStatus } from '../agent/status.ts';
import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { makeOwnFolder, makeStateDir } from '../base/own_files.ts';
import type { Settings } from '../config/settings.ts';
import { withHostKey } from '../config/signing.ts';
import type { ConsumerStatus } from '../consume/consumer.ts';
import type { Terminal } from '../demo/terminal.ts';
import { startServer } from '../serve/server.ts';
import { migrate } from '../store/care/migrate.ts';
import { restoreSchema } from '../store/care/restore_schema.ts';
import { type ClickHouseLogin, connect } from '../store/client.ts';
import { startEmbedded } from '../store/embedded/embedded.ts';
import { openStore } from '../store/query.ts';
import { recordUp } from '../store/up_record.ts';
import type { Parts } from './parts.ts';
import { type Reading, Reloader, type Reloading } from './reload.ts';
import { withStatus } from './role.ts';

/** State that the steps of `afterlog up` share; they add the addresses of started servers to `settings`. */
export interface Up {
  settings: Settings;
  /** Reads them again from where they were set. */
  reading: Reading;
  terminal: Terminal;
  parts: Parts;
  /** Each resolves with the name of a started server when its process has ended. */
  exits: Promise<string>[];
  /** The embedded ClickHouse. */
  own_clickhouse?: ClickHouseLogin;
}

/** Started ends of the pipeline, for those who show them. */
export interface Ends {
  /** URL of the HTTP API. */
  address: string;
  agent: { status(): AgentStatus };
}
type Consuming = { status(): ConsumerStatus };

/** Starts an embedded ClickHouse unless a URL is set, and migrates the tables. */
export async function startStore(up: Up): Promise<ClickHouseClient> {
  const { parts, settings } = up;
  if (settings.clickhouse.url === undefined) {
    const dir = join(settings.state_dir, 'clickhouse');
    makeStateDir(settings.state_dir);
    makeOwnFolder(dir);
    const embedded = await parts.start(
      'ClickHouse',
      `starting in ${relative('', dir)}, waiting for its first answer`,
      () => startEmbedded({ dir }),
      (started) => started.origin,
    );
    up.exits.push(embedded.exited.then(() => 'ClickHouse'));
    const { origin: url, username, password } = embedded;
    up.own_clickhouse = { url, username, password };
    up.settings = { ...settings, clickhouse: { ...settings.clickhouse, ...up.own_clickhouse } };
  }
  const client = connect(up.settings);
  parts.atEnd('', () => client.close());
  await parts.start('Tables', 'migrating', async () => {
    await migrate(client, settings.clickhouse.database);
    const store = openStore(up.settings);
    parts.atEnd('', () => store.client.close());
    await restoreSchema(store).catch((error: unknown) => {
      // Its cures need the server that runs only with this process; consumer and readers wait for the table.
      if (!(error instanceof AfterlogError) || error.code !== 'TABLE_LOST') throw error;
      report(error, {}, 'error');
    });
    return {};
  });
  return client;
}

/** Starts a local Kafka if `own`, and the consumer. @returns null without Kafka */
export async function startKafkaRoles(up: Up, own: boolean): Promise<Consuming | null> {
  if (own && up.settings.kafka.brokers.length === 0) {
    const { startLocalKafka } = await import('../kafka/local_kafka.ts');
    const dir = join(up.settings.state_dir, 'kafka');
    makeStateDir(up.settings.state_dir);
    makeOwnFolder(dir);
    const kafka = await up.parts.start(
      'Kafka',
      'starting, waiting for its first answer',
      (onProgress) => startLocalKafka({ dir, onProgress }),
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
 * Starts the HTTP API and the agent.
 * @param any_port if the port is in use, the HTTP API takes another one
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
        taken = ` (${settings.listen} is in use)`;
        return await startServer({ ...settings, listen: '127.0.0.1:0' });
      }
    },
    (listening) => listening.address + taken,
  );
  const { address } = server;
  if (up.own_clickhouse !== undefined) {
    const { host } = new URL(address);
    parts.atEnd('', recordUp(settings, { ...up.own_clickhouse, pid: process.pid, listen: host }));
  }
  const agent = await parts.start('Agent', 'looking for sandboxes', () =>
    withStatus('agent', settings, () => startAgent(withHostKey(settings))),
  );
  const role: Reloading = {
    reloads: ['tokens', 'agent_token'],
    reload: (next) => {
      agent.reload?.(next);
      return server.reload(next);
    },
  };
  const watch = new Reloader('up', role, { settings, ...up.reading }).watch();
  if (watch !== null) parts.atEnd('', () => clearInterval(watch));
  return { address, agent };
}
