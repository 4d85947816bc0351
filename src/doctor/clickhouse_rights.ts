import { randomUUID } from 'node:crypto';
import type { Settings } from '../config/settings.ts';
import { fence } from '../store/landed.ts';
import type { Store } from '../store/read.ts';
import { describeRefusal, errorNumber } from '../store/refusal.ts';
import { askRows } from './clickhouse_rows.ts';
import { type Finding, type Role, reporter } from './finding.ts';

const SYNTAX_ERROR = 62;
const ACCESS_DENIED = 497;

/** What the settings' user may do, as ClickHouse itself says; the fence of a consumer is tried, on no query at all. */
export async function rightFindings(store: Store, settings: Settings, roles: Role[]): Promise<Finding[]> {
  const { database } = store;
  const lander: Role = settings.kafka.brokers.length > 0 ? 'consumer' : 'agent';
  const user = `User ${settings.clickhouse.username}`;
  const to = `TO \`${settings.clickhouse.username}\``;
  const wanted = [
    { what: `SELECT ON ${database}.*`, roles, level: 'error' as const },
    { what: `INSERT ON ${database}.console_logs`, roles: [lander], level: 'error' as const },
    {
      what: `CREATE DATABASE, CREATE TABLE, CREATE VIEW, INSERT ON ${database}.*`,
      roles: ['migrate' as const],
      level: 'note' as const,
    },
  ];
  const findings = await Promise.all(
    wanted.map(async ({ what, roles, level }) => {
      const say = reporter('rights', roles);
      const check = what.split(' ON ')[0]!.toLowerCase();
      try {
        const [row] = await askRows<{ result: number }>(store, `CHECK GRANT ${what}`);
        if (Number(row!.result) === 1) return say.ok(check, `${user} may ${what}.`);
      } catch (error) {
        if (errorNumber(error) !== SYNTAX_ERROR) throw error;
        return say.note(
          check,
          `This ClickHouse cannot tell whether user ${settings.clickhouse.username} may ${what} (CHECK GRANT).`,
        );
      }
      const hint = level === 'note' ? ' Only `afterlog migrate` needs it, which another user may run.' : '';
      const cure = 'Grant it, and check that the user’s profile is not readonly.';
      return say[level](check, `${user} may not ${what}.${hint}`, { cure, command: `GRANT ${what} ${to}` });
    }),
  );
  return [
    ...findings,
    ...(await readonlyFindings(store, roles, user)),
    await fenceFinding(store, lander, user, to),
  ];
}

/** Every query of ours sets its own bounds. A user that may not write is readonly=2 at most. */
async function readonlyFindings(store: Store, roles: Role[], user: string): Promise<Finding[]> {
  const [row] = await askRows<{ value: string }>(
    store,
    "SELECT value FROM system.settings WHERE name = 'readonly'",
  );
  if (row?.value !== '1') return [];
  const message = `${user} has a profile with readonly=1, which refuses the bounds that each query of afterlog sets.`;
  const cure = 'Give it a profile with readonly=0, or readonly=2 where it only reads (the server).';
  return [reporter('rights', roles).error('readonly', message, { cure })];
}

async function fenceFinding({ client }: Store, lander: Role, user: string, to: string): Promise<Finding> {
  const say = reporter('rights', [lander]);
  try {
    await fence(client, `afterlog-doctor/${randomUUID()}/`, AbortSignal.timeout(60_000));
    return say.ok('kill query', `${user} may end INSERTs of its own (KILL QUERY).`);
  } catch (error) {
    if (errorNumber(error) !== ACCESS_DENIED) throw error;
    const message = `${user} cannot end INSERTs of its own (KILL QUERY): after each doubt landing waits instead. ${describeRefusal(error)}`;
    const command = `GRANT SELECT ON system.processes ${to}`;
    return say.warning('kill query', message, { cure: 'Grant it.', command });
  }
}
