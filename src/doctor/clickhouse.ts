import type { Settings } from '../config/settings.ts';
import { clickhouseErrors } from '../store/clickhouse_errors.ts';
import { resolveClickHouse } from '../store/client.ts';
import { foreignFault } from '../store/foreign_answer.ts';
import { openStore, type Store } from '../store/query.ts';
import { describeRefusal, errorNumber } from '../store/refusal.ts';
import { rightFindings } from './clickhouse_rights.ts';
import { askRows } from './clickhouse_rows.ts';
import { clickhouseSpaceFindings, durabilityFindings, schemaFindings } from './clickhouse_tables.ts';
import { clockFinding } from './clock.ts';
import { check, type Finding, type Role, reporter, within } from './finding.ts';

/** The oldest version with `deduplicate_merge_projection_mode`, a setting of the table. */
const OLDEST = [24, 8] as const;
/** The version that the tests run against. */
const TESTED = '26.7';

/** Older servers answer with the last three. */
const authentication = new Set<number>([
  clickhouseErrors.AUTHENTICATION_FAILED,
  clickhouseErrors.UNKNOWN_USER,
  clickhouseErrors.WRONG_PASSWORD,
  clickhouseErrors.REQUIRED_PASSWORD,
]);

/**
 * Checks ClickHouse: connection, version, clock, schema, durability, disk and rights.
 * @param isNeeded false if no role on this machine needs ClickHouse according to the settings
 */
export async function clickhouseFindings(settings: Settings, isNeeded: boolean): Promise<Finding[]> {
  const roles: Role[] = settings.kafka.brokers.length > 0 ? ['consumer', 'server'] : ['agent', 'server'];
  const store = openStore(settings);
  try {
    const first = await greet(store, resolveClickHouse(settings).username, roles, isNeeded);
    if (first.some(({ check: name }) => name === 'reach')) return first;
    const more = await Promise.all([
      check(reporter('clickhouse', [...roles, 'migrate']), 'schema', () => schemaFindings(store, roles)),
      unlessDenied('power_loss', roles, () => durabilityFindings(store, roles)),
      unlessDenied('disk', roles, () => clickhouseSpaceFindings(store, roles)),
      check(reporter('rights', roles), 'rights', () => rightFindings(store, settings, roles)),
    ]);
    return [...first, ...more.flat()];
  } finally {
    await store.client.close();
  }
}

/** For checks that need a right that afterlog itself does not need: without it, the finding is a note. */
function unlessDenied(name: string, roles: Role[], look: () => Promise<Finding[]>): Promise<Finding[]> {
  const say = reporter('clickhouse', roles);
  return check(say, name, () =>
    look().catch((error: unknown) => {
      if (errorNumber(error) !== clickhouseErrors.ACCESS_DENIED) throw error;
      return [say.note(name, `Not checked: this user lacks the right to read it: ${describeRefusal(error)}`)];
    }),
  );
}

/** Checks that it answers this user, its version and its clock. */
async function greet(store: Store, user: string, roles: Role[], isNeeded: boolean): Promise<Finding[]> {
  const say = reporter('clickhouse', roles);
  const asked_ms = Date.now();
  try {
    const [row] = await within(
      askRows<{ version: string; now_ms: string }>(
        store,
        'SELECT version() AS version, toString(toUnixTimestamp64Milli(now64(3))) AS now_ms',
      ),
    );
    const times = { theirs_ms: Number(row!.now_ms), asked_ms, answered_ms: Date.now() };
    return [versionFinding(store.url, row!.version, roles), clockFinding('ClickHouse', roles, times)];
  } catch (error) {
    const number = errorNumber(error);
    if (number === null) {
      const known = foreignFault(error);
      const usual = 'Check that it runs and that this machine can reach it, or set AFTERLOG_CLICKHOUSE_URL.';
      const cure = known?.cure ?? usual;
      const reason = describeRefusal(error).replace(/\.$/, '');
      const message = known?.message ?? `ClickHouse at ${store.url} does not answer: ${reason}.`;
      if (isNeeded) return [say.error('reach', message, { cure })];
      const why = 'Not checked further: no address is set, and only consumer and server need one.';
      return [say.note('reach', `${message} ${why}`, { cure })];
    }
    const cure = authentication.has(number)
      ? 'Correct AFTERLOG_CLICKHOUSE_USERNAME and AFTERLOG_CLICKHOUSE_PASSWORD.'
      : 'Correct the cause that ClickHouse reports.';
    const message = `ClickHouse at ${store.url} refuses user ${user}: ${describeRefusal(error)}`;
    return [say.error('reach', message, { cure })];
  }
}

export function versionFinding(url: string, version: string, roles: Role[]): Finding {
  const say = reporter('clickhouse', roles);
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1])) {
    const message = `ClickHouse at ${url} has version ${version}; the tables need ${OLDEST.join('.')} or newer.`;
    return say.error('version', message, { cure: `Update it; afterlog is tested with ${TESTED}.` });
  }
  return say.ok('version', `ClickHouse at ${url} answers, version ${version} (tested with ${TESTED}).`);
}
