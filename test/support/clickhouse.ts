import type { TestContext } from 'node:test';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { fromRun } from './from_run.ts';
import { PATIENCE_MS } from './patience.ts';
import { temporaryDir, uniqueName } from './temporary.ts';

/** `http://user:password@host:port` of the run's ClickHouse. */
export const clickhouseUrl = (): string => fromRun('TEST_CLICKHOUSE_URL');

/** The same without a user, for those who log in as somebody else. */
export const clickhouseOrigin = (): string => new URL(clickhouseUrl()).origin;

/**
 * A new connection for each request: a process that has to wait could send on a kept connection that the server has
 * closed meanwhile.
 */
const newClient = (): ClickHouseClient =>
  createClient({
    url: clickhouseUrl(),
    log: { level: ClickHouseLogLevel.OFF },
    request_timeout: PATIENCE_MS,
    keep_alive: { enabled: false },
  });

/** A client of the run's ClickHouse, closed at the end of the test. */
export function clickhouse(t: TestContext): ClickHouseClient {
  const client = newClient();
  t.after(() => client.close());
  return client;
}

/** A new database with all migrations, dropped at the end of the test. */
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
 * Settings of an installation without Kafka, on the run's ClickHouse: data dir and database of the test's own (not
 * migrated yet; dropped at the test's end), listeners on free ports. `flags` are as in loadSettings.
 */
export async function clickhouseSettings(
  t: TestContext,
  flags: Record<string, unknown> = {},
): Promise<Settings> {
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

export interface Site {
  settings: Settings;
  client: ClickHouseClient;
  database: string;
}

/** An installation without Kafka, of the test's own, its database migrated. */
export const clickhouseSite = async (t: TestContext, flags: Record<string, unknown> = {}): Promise<Site> =>
  migrated(t, await clickhouseSettings(t, flags));

export async function migrated(t: TestContext, settings: Settings): Promise<Site> {
  const client = clickhouse(t);
  const { database } = settings.clickhouse;
  await migrate(client, database);
  return { settings, client, database };
}

/** All rows of a query, as objects. 64-bit numbers come as JSON numbers, exact up to 2^53. */
export async function rowsOf<Row>(client: ClickHouseClient, query: string): Promise<Row[]> {
  return await (await client.query({ query, format: 'JSONEachRow' })).json<Row>();
}
