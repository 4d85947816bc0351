import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { ClickHouseClient } from '@clickhouse/client';
import { AfterlogError, reasonOf } from '../../base/errors.ts';

/** One file of schemas/: `<number>_<name>.sql`, statements that end with `;` at a line's end. */
export interface Migration {
  number: number;
  name: string;
  /** SHA-256 of the file, hex. */
  checksum: string;
  statements: string[];
}

// Both src/store/care/ and dist/store/care/ are three folders below the package.
export const SCHEMAS = resolve(import.meta.dirname, '../../../schemas');

/**
 * Migrates `database` to this version's schema, forward only. Several processes may start at once, and it may
 * crash at any point, because each statement can be repeated.
 * @returns the files applied by this call, in order
 * @throws AfterlogError SCHEMA_AHEAD, MIGRATION_CHANGED, CLICKHOUSE_REFUSED (with file and reason)
 */
export async function migrate(
  client: ClickHouseClient,
  database: string,
  schemas = SCHEMAS,
): Promise<{ applied: string[] }> {
  await client.command({ query: `CREATE DATABASE IF NOT EXISTS ${database}` });
  await client.command({
    query: `CREATE TABLE IF NOT EXISTS ${database}.schema_migrations
      (number UInt32, name String, checksum String, applied_at DateTime DEFAULT now())
      ENGINE = ReplacingMergeTree ORDER BY number`,
  });
  const pending = await pendingMigrations(client, database, schemas);
  for (const migration of pending) await apply(client, database, migration);
  return { applied: pending.map(({ name }) => name) };
}

/**
 * The migrations that migrate() would apply, in order; changes nothing. A database that does not exist lacks
 * all.
 * @throws AfterlogError SCHEMA_AHEAD, MIGRATION_CHANGED
 */
export async function pendingMigrations(
  client: ClickHouseClient,
  database: string,
  schemas = SCHEMAS,
): Promise<Migration[]> {
  const known = readMigrations(schemas);
  const present = await readApplied(client, database);
  check(known, present, database);
  return known.filter(({ number }) => !present.has(number));
}

/**
 * @throws AfterlogError SCHEMA_BEHIND, SCHEMA_AHEAD or MIGRATION_CHANGED unless the database has exactly this
 *   version's schema
 */
export async function requireSchema(
  client: ClickHouseClient,
  database: string,
  schemas = SCHEMAS,
): Promise<void> {
  const missing = await pendingMigrations(client, database, schemas);
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(', ');
    throw new AfterlogError('SCHEMA_BEHIND', `Database '${database}' lacks ${names}.`);
  }
}

let newest: number | null = null;

/** The newest schema that this version knows; batches of a newer one are of a newer version. */
export function newestSchema(): number {
  newest ??= readMigrations(SCHEMAS).at(-1)!.number;
  return newest;
}

/** All migrations of a folder, by number. Each number has one file. */
export function readMigrations(folder: string): Migration[] {
  const migrations = readdirSync(folder)
    .filter((file) => file.endsWith('.sql'))
    .sort()
    .map((file) => {
      const number = /^(\d{4})_\w+\.sql$/.exec(file)?.[1];
      if (number === undefined) throw new Error(`schemas/${file} is not named NNNN_name.sql`);
      const text = readFileSync(join(folder, file), 'utf8');
      const checksum = createHash('sha256').update(text).digest('hex');
      return { number: Number(number), name: file.slice(0, -4), checksum, statements: split(text) };
    });
  for (const [index, { number, name }] of migrations.entries()) {
    if (number === migrations[index - 1]?.number) throw new Error(`schemas/${name}: the number is taken`);
  }
  return migrations;
}

function split(text: string): string[] {
  return text
    .split(/;[ \t]*$/m)
    .map((statement) => statement.trim())
    .filter((statement) => statement.replace(/^\s*--.*$/gm, '').trim() !== '');
}

async function apply(client: ClickHouseClient, database: string, migration: Migration): Promise<void> {
  const { number, name, checksum } = migration;
  for (const statement of migration.statements) {
    try {
      await client.command({ query: statement.replaceAll('{database}', database) });
    } catch (error) {
      throw new AfterlogError('CLICKHOUSE_REFUSED', `Migration ${name} failed: ${reasonOf(error)}`, error);
    }
  }
  // Last, so that after a crash in between the file is applied again.
  await client.insert({
    table: `${database}.schema_migrations`,
    values: [{ number, name, checksum }],
    format: 'JSONEachRow',
    clickhouse_settings: { async_insert: 0 },
  });
}

async function readApplied(
  client: ClickHouseClient,
  database: string,
): Promise<Map<number, { name: string; checksum: string }>> {
  const exists = await client.query({
    query: 'SELECT 1 FROM system.tables WHERE database = {database: String} AND name = {table: String}',
    query_params: { database, table: 'schema_migrations' },
    format: 'JSONEachRow',
  });
  if ((await exists.json()).length === 0) return new Map();
  const result = await client.query({
    query: `SELECT number, name, checksum FROM ${database}.schema_migrations ORDER BY number, applied_at`,
    format: 'JSONEachRow',
  });
  const rows = await result.json<{ number: number; name: string; checksum: string }>();
  return new Map(rows.map(({ number, name, checksum }) => [number, { name, checksum }]));
}

function check(
  known: Migration[],
  present: Map<number, { name: string; checksum: string }>,
  database: string,
): void {
  const byNumber = new Map(known.map((migration) => [migration.number, migration]));
  for (const [number, { name, checksum }] of present) {
    const ours = byNumber.get(number);
    if (ours === undefined) {
      throw new AfterlogError(
        'SCHEMA_AHEAD',
        `Database '${database}' has migration ${name}, unknown to this version.`,
      );
    }
    if (ours.checksum !== checksum) {
      throw new AfterlogError(
        'MIGRATION_CHANGED',
        `Migration ${name} was applied to database '${database}' with other content (SHA-256 ${checksum.slice(0, 12)}…, the file has ${ours.checksum.slice(0, 12)}…).`,
      );
    }
  }
}
