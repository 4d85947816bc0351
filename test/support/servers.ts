import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { PATIENCE_MS } from './patience.ts';

/** Nothing listens there, and nothing comes to: the port is none that is given to those who ask for any. */
export const NOWHERE = '127.0.0.1:9';

/** `host:port` of the run's Kafka. */
export const kafkaBroker = (): string => fromRun('TEST_KAFKA_BROKER');

/** `http://host:port` of the run's ClickHouse. */
export const clickhouseUrl = (): string => fromRun('TEST_CLICKHOUSE_URL');

/** A name that no other test uses: letters, digits and underscore, fit for a topic, a group and a database. */
export const uniqueName = (what: string): string => `${what}_${randomBytes(6).toString('hex')}`;

/** A folder of the test's own, removed at its end. */
export async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'afterlog-'));
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}

/**
 * A new connection for each request: on one that is kept, a process that is kept waiting may send into what the server
 * has closed meanwhile.
 */
const newClient = (): ClickHouseClient =>
  createClient({
    url: clickhouseUrl(),
    log: { level: ClickHouseLogLevel.OFF },
    request_timeout: PATIENCE_MS,
    keep_alive: { enabled: false },
  });

/** A client of the run's ClickHouse, closed at the test's end. */
export function clickhouse(t: TestContext): ClickHouseClient {
  const client = newClient();
  t.after(() => client.close());
  return client;
}

/** A database of the test's own with all migrations; dropped at the test's end. */
export async function migratedDatabase(
  t: TestContext,
): Promise<{ client: ClickHouseClient; database: string }> {
  const client = newClient();
  const database = uniqueName('test');
  t.after(async () => {
    await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
    await client.close();
  });
  await migrate(client, database);
  return { client, database };
}

/**
 * Settings of a whole installation of the test's own: data dir, topic, group and database (not migrated yet;
 * dropped at the test's end) on the run's servers, listeners on free ports. `flags` are as in loadSettings.
 */
export async function testSettings(t: TestContext, flags: Record<string, unknown> = {}): Promise<Settings> {
  const database = uniqueName('test');
  t.after(async () => {
    const client = newClient();
    await client.command({ query: `DROP DATABASE IF EXISTS ${database}` });
    await client.close();
  });
  return loadSettings(
    {
      dataDir: await temporaryDir(t),
      host: 'test-host',
      kafkaBrokers: kafkaBroker(),
      kafkaTopic: uniqueName('topic'),
      kafkaGroup: uniqueName('group'),
      clickhouseUrl: clickhouseUrl(),
      clickhouseDatabase: database,
      listen: '127.0.0.1:0',
      agentListen: '127.0.0.1:0',
      consumerListen: '127.0.0.1:0',
      ...flags,
    },
    {},
  );
}

/** All rows of a query, as objects. 64-bit numbers come as JSON numbers, exact up to 2^53. */
export async function rowsOf<Row>(client: ClickHouseClient, query: string): Promise<Row[]> {
  return await (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
}

function fromRun(name: string): string {
  const value = process.env[name];
  if (!value)
    throw new Error(`${name} is not set: run the tests with \`npm test\`, which starts the servers.`);
  return value;
}
