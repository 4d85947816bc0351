import { AfterlogError } from '../../base/errors.ts';
import { type DerivedTable, derivedTables } from '../land/derive.ts';
import { explaining, type Store } from '../query.ts';
import { compareSchema, type Difference } from './compare_schema.ts';
import { rebuild } from './rebuild.ts';
import type { SchemaObject } from './schema_objects.ts';

export interface Restored {
  objects: SchemaObject[];
  /** Tables whose missing rows were derived again from console_logs, with the streams that lacked some. */
  derived: { table: DerivedTable; streams: number }[];
  /** Differences that only an operator can decide about. */
  left: Difference[];
}

/**
 * Makes missing and changed views again, and derives the rows that a missing view did not derive meanwhile.
 * It can be repeated, and may run beside consumers. A lost table is made again, empty, only with
 * `replaceLost`: an empty table would hide the loss, and prevent `UNDROP TABLE` and a restore.
 * @throws AfterlogError TABLE_LOST, CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED
 */
export async function restoreSchema(store: Store, { replaceLost = false } = {}): Promise<Restored> {
  const plan = await planRestore(store);
  const lost = plan.objects.filter(({ kind }) => kind === 'table');
  if (lost.length > 0 && !replaceLost) throw tableLost(store, lost);
  for (const object of plan.objects) await make(store, object);
  const tables = derivedTables.filter((table) =>
    plan.objects.some(({ name }) => name === table || name === `${table}_view`),
  );
  return { ...plan, derived: await deriveAgain(store, tables) };
}

/**
 * What restoreSchema() would make again, lost tables among it; changes nothing.
 * @throws AfterlogError CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED
 */
export async function planRestore(store: Store): Promise<Restored> {
  const differences = await compareSchema(store.client, store.database).catch(explaining(store));
  return {
    objects: [...new Set(differences.filter(isRestorable).map(({ object }) => object))],
    derived: [],
    left: differences.filter((difference) => !isRestorable(difference)),
  };
}

/** Whether restoreSchema() mends a difference, with `replaceLost` if it is a lost table. */
export const isRestorable = ({ object, part }: Difference): boolean =>
  object.kind !== 'table' || part === 'missing';

async function make(store: Store, { name, kind, statement }: SchemaObject): Promise<void> {
  const { client, database } = store;
  if (kind !== 'table') {
    await client.command({ query: `DROP VIEW IF EXISTS ${database}.${name}` }).catch(explaining(store));
  }
  const query = statement.replaceAll('{database}', database);
  await client.command({ query }).catch(explaining(store));
}

async function deriveAgain(store: Store, tables: DerivedTable[]): Promise<Restored['derived']> {
  const streams = new Map(tables.map((table) => [table, 0]));
  if (tables.length > 0) {
    for await (const lacking of rebuild(store, { mend: true, tables })) {
      for (const { table } of lacking) streams.set(table, streams.get(table)! + 1);
    }
  }
  return [...streams].map(([table, count]) => ({ table, streams: count }));
}

function tableLost({ database }: Store, lost: SchemaObject[]): AfterlogError {
  const names = lost.map(({ name }) => `${database}.${name}`).join(', ');
  const [what, pronoun] = lost.length === 1 ? ['Table', 'is'] : ['Tables', 'are'];
  return new AfterlogError(
    'TABLE_LOST',
    `${what} ${names} ${pronoun} lost: a migration made it, and it is gone.`,
  );
}
