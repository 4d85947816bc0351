import { randomUUID } from 'node:crypto';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { eraseRights } from '../store/care/erase_rights.ts';
import { clickhouseErrors } from '../store/clickhouse_errors.ts';
import { resolveClickHouse } from '../store/client.ts';
import { derivedTables } from '../store/land/derive.ts';
import { fence } from '../store/land/landed.ts';
import type { Store } from '../store/query.ts';
import { describeRefusal, errorNumber } from '../store/refusal.ts';
import { askRows } from './clickhouse_rows.ts';
import { type Finding, type Role, reporter } from './finding.ts';

interface Grant {
  check: string;
  /** In the syntax of GRANT and CHECK GRANT. */
  what: string;
  roles: Role[];
  level: 'note' | 'warning' | 'error';
  /** The consequence of a missing right. */
  hint?: string;
}

/**
 * Checks the rights of the configured user with CHECK GRANT, and runs the consumer's fence on a name without
 * queries.
 */
export async function rightFindings(store: Store, settings: Settings, roles: Role[]): Promise<Finding[]> {
  const { database } = store;
  const user = resolveClickHouse(settings).username;
  const lander: Role = settings.kafka.brokers.length > 0 ? 'consumer' : 'agent';
  const grants: Grant[] = [
    { check: 'select', what: `SELECT ON ${database}.*`, roles, level: 'error' },
    { check: 'insert', what: `INSERT ON ${database}.console_logs`, roles: [lander], level: 'error' },
    {
      check: 'derive',
      what: derivedTables.map((table) => `INSERT ON ${database}.${table}`).join(', '),
      roles: [lander],
      level: 'warning',
      hint: ' After a crash of ClickHouse, derived tables stay incomplete until `afterlog rebuild`.',
    },
    {
      check: 'erase',
      what: eraseRights(database),
      roles: ['server'],
      level: 'note',
      hint: ' Only `afterlog erase` and its route need it.',
    },
    {
      check: 'create',
      what: `CREATE DATABASE, CREATE TABLE, CREATE VIEW, INSERT ON ${database}.*`,
      roles: ['migrate'],
      level: 'note',
      hint: ' Only `afterlog migrate` needs it; another user may run that.',
    },
  ];
  return [
    ...(await Promise.all(grants.map((grant) => grantFinding(store, grant, user)))),
    ...(await readonlyFindings(store, roles, user)),
    await fenceFinding(store, lander, user),
  ];
}

async function grantFinding(store: Store, grant: Grant, user: string): Promise<Finding> {
  const { check, what, roles, level, hint = '' } = grant;
  const say = reporter('rights', roles);
  try {
    const [row] = await askRows<{ result: number }>(store, `CHECK GRANT ${what}`);
    if (Number(row!.result) === 1) return say.ok(check, `User ${user} may ${what}.`);
  } catch (error) {
    if (errorNumber(error) !== clickhouseErrors.SYNTAX_ERROR) throw error;
    return say.note(check, `This ClickHouse is too old to check whether user ${user} may ${what}.`);
  }
  const cure = 'Grant it, and check that the user’s profile is not readonly.';
  return say[level](check, `User ${user} may not ${what}.${hint}`, { cure, command: grantTo(user, what) });
}

const grantTo = (user: string, what: string): string => `GRANT ${what} TO \`${user}\``;

/** Every query of afterlog sets its own limits, which readonly=1 forbids and readonly=2 allows. */
async function readonlyFindings(store: Store, roles: Role[], user: string): Promise<Finding[]> {
  const [row] = await askRows<{ value: string }>(
    store,
    "SELECT value FROM system.settings WHERE name = 'readonly'",
  );
  if (row?.value !== '1') return [];
  const message = `User ${user} has a profile with readonly=1, which forbids the limits that every query of afterlog sets.`;
  const cure = 'Give it a profile with readonly=0, or with readonly=2 if it only reads (the server).';
  return [reporter('rights', roles).error('readonly', message, { cure })];
}

async function fenceFinding({ client, database }: Store, lander: Role, user: string): Promise<Finding> {
  const say = reporter('rights', [lander]);
  try {
    const signal = AbortSignal.timeout(limits.doctor.check_ms);
    await fence(client, database, `afterlog-doctor/${randomUUID()}/`, signal);
    return say.ok('kill_query', `User ${user} may end its own INSERTs (KILL QUERY).`);
  } catch (error) {
    if (errorNumber(error) !== clickhouseErrors.ACCESS_DENIED) throw error;
    const message = `User ${user} cannot end its own INSERTs (KILL QUERY), so after an INSERT without an answer the ${lander} must wait. ${describeRefusal(error)}`;
    const command = grantTo(user, 'SELECT ON system.processes');
    return say.warning('kill_query', message, { cure: 'Grant it.', command });
  }
}
