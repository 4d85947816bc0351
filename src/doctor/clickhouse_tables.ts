import { catalogue } from '../base/catalogue.ts';
import { AfterlogError } from '../base/errors.ts';
import { humanBytes } from '../base/text.ts';
import { compareSchema, type Difference } from '../store/care/compare_schema.ts';
import { requireSchema } from '../store/care/migrate.ts';
import { isRestorable } from '../store/care/restore_schema.ts';
import { commandFor, differenceSentence } from '../store/care/schema_cures.ts';
import type { Store } from '../store/query.ts';
import { askRows } from './clickhouse_rows.ts';
import { type Finding, type Reporter, type Role, reporter } from './finding.ts';

/** Checks that the database has exactly this version's schema. */
export async function schemaFindings({ client, database }: Store, roles: Role[]): Promise<Finding[]> {
  const say = reporter('clickhouse', roles);
  try {
    await requireSchema(client, database);
    const differences = await compareSchema(client, database);
    if (differences.length > 0) return differences.map((one) => differenceFinding(database, one, say));
    return [say.ok('schema', `Database '${database}' has this version’s schema.`)];
  } catch (error) {
    if (!(error instanceof AfterlogError)) throw error;
    const command = error.code === 'SCHEMA_BEHIND' ? { command: 'afterlog migrate' } : {};
    return [say.error('schema', error.message, { cure: error.cure, ...command })];
  }
}

/** A check of its own for each, because names of checks are unique. */
function differenceFinding(database: string, one: Difference, say: Reporter): Finding {
  const { object, part } = one;
  const name = `schema_${object.name}${part === 'missing' ? '' : `_${part.toLowerCase().replaceAll(' ', '_')}`}`;
  const message = differenceSentence(database, one);
  if (isRestorable(one) && object.kind !== 'table') {
    const cure = 'Restore it; rows that a missing view did not derive are derived then.';
    return say.error(name, message, { cure, command: 'afterlog migrate' });
  }
  if (part === 'missing') return say.error(name, message, { cure: catalogue.TABLE_LOST.cure });
  const command = commandFor(database, one);
  if (command === null) {
    const cure =
      'It cannot be changed in place: make a new database with `afterlog migrate`, and copy the rows.';
    return say.error(name, message, { cure });
  }
  // Somebody may want another retention. Without one, the disk fills.
  const level = part !== 'TTL' || one.found === null ? 'warning' : 'note';
  const cure = 'If this is not on purpose, change it back.';
  return say[level](name, message, { cure, command });
}

const DURABLE = ['fsync_after_insert', 'fsync_part_directory'];

/** Checks that acknowledged INSERTs survive a power loss: a setting of the table, or else of the server. */
export async function durabilityFindings(store: Store, roles: Role[]): Promise<Finding[]> {
  const say = reporter('clickhouse', roles);
  const [table] = await askRows<{ engine_full: string }>(
    store,
    `SELECT engine_full FROM system.tables WHERE database = '${store.database}' AND name = 'console_logs'`,
  );
  if (table === undefined) return []; // schemaFindings() reports it.
  const server = await askRows<{ name: string; value: string }>(
    store,
    `SELECT name, value FROM system.merge_tree_settings WHERE name IN ('${DURABLE.join("', '")}')`,
  );
  const off = DURABLE.filter((name) => {
    const own = new RegExp(`\\b${name} = (\\w+)`).exec(table.engine_full)?.[1];
    const value = own ?? server.find((setting) => setting.name === name)?.value;
    return value !== '1' && value !== 'true';
  });
  if (off.length === 0) return [say.ok('power_loss', 'INSERTs are fsynced before they are acknowledged.')];
  const values = off.map((name) => `${name} = 1`).join(', ');
  return [
    say.note(
      'power_loss',
      `${store.database}.console_logs has ${off.join(' and ')} off: a crash of ClickHouse loses nothing, but a power ` +
        'loss may lose the last acknowledged rows.',
      {
        cure: 'If that matters and there is no replica, enable it; each INSERT then waits for the disk.',
        command: `afterlog sql --write 'ALTER TABLE console_logs MODIFY SETTING ${values}'`,
      },
    ),
  ];
}

export async function clickhouseSpaceFindings(store: Store, roles: Role[]): Promise<Finding[]> {
  const disks = await askRows<{ name: string; free: string; total: string }>(
    store,
    'SELECT name, toString(free_space) AS free, toString(total_space) AS total FROM system.disks WHERE total_space > 0',
  );
  return disks.map(({ name, free, total }) => diskFinding(name, Number(free), Number(total), roles));
}

/** A merge needs as much free space as its parts, so ClickHouse has problems before its disk is full. */
export function diskFinding(name: string, free: number, total: number, roles: Role[]): Finding {
  const say = reporter('clickhouse', roles);
  const found = `ClickHouse’s disk ${name}: ${humanBytes(free)} of ${humanBytes(total)} free`;
  const share = free / total;
  if (share >= 0.1) return say.ok('disk', `${found}.`);
  const cure = 'Enlarge it, or shorten the retention of lines (TTL of console_logs).';
  if (share >= 0.02) return say.warning('disk', `${found}: merges may fail.`, { cure });
  return say.error('disk', `${found}: ClickHouse will soon refuse INSERTs.`, { cure });
}
