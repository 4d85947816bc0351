import { type Params, type Store, selectRows } from '../query.ts';
import { askBounded } from './bounded.ts';

export interface StoredSandbox {
  id: string;
  state: 'alive' | 'deleted';
  host: string;
  workspace: string;
  template: string;
  /** When the agent read its first and last row: RFC 3339, UTC, milliseconds. */
  first_seen: string;
  last_seen: string;
  deleted_at: string | null;
  /** Bytes of all logs of the sandbox since it was first seen. */
  bytes: number;
  gaps: number;
}

/**
 * True if this sandbox was ever seen (by the workspace, if one is given). `streams` outlives the lines;
 * `console_logs` has a row a moment earlier.
 */
export async function sandboxExists(store: Store, id: string, workspace: string | null): Promise<boolean> {
  const where = visible('sandbox_id = {id: String}', workspace);
  const rows = await selectRows(
    store,
    `SELECT 1 AS seen FROM ${store.database}.streams WHERE ${where} LIMIT 1
     UNION ALL SELECT 1 AS seen FROM ${store.database}.console_logs WHERE ${where} LIMIT 1`,
    paramsOf({ id }, workspace),
  );
  return rows.length > 0;
}

/** Sandboxes, the last seen first. */
export async function listSandboxes(
  store: Store,
  workspace: string | null,
  limit: number,
): Promise<StoredSandbox[]> {
  return await select(store, visible(NAMED, workspace), paramsOf({ limit }, workspace));
}

/** Conditions for sandboxes, which all have to hold. Times are ns since 1970. */
export interface SandboxFilter {
  workspace: string | null;
  state?: 'alive' | 'deleted' | undefined;
  /** Part of the id. */
  text?: string | undefined;
  template?: string | undefined;
  host?: string | undefined;
  /** Seen in this time span. */
  since?: bigint | undefined;
  until?: bigint | undefined;
}

/** The last sandbox of a page. */
export interface SandboxPlace {
  first_seen_ns: string;
  id: string;
}

/**
 * Sandboxes, the newest first. Sandboxes that start, write or end meanwhile do not move the later ones of the
 * list.
 * @throws AfterlogError QUERY_TOO_BROAD
 */
export async function findSandboxes(
  store: Store,
  filter: SandboxFilter,
  limit: number,
  after: SandboxPlace | null,
): Promise<{ sandboxes: StoredSandbox[]; next: SandboxPlace | null }> {
  const all = [visible(NAMED, filter.workspace)];
  const { state, text, template, host, since, until } = filter;
  if (state !== undefined) all.push('state = {state: String}');
  if (text !== undefined) all.push('position(sandbox_id, {text: String}) > 0');
  if (template !== undefined) all.push('template = {template: String}');
  if (host !== undefined) all.push('host = {host: String}');
  if (since !== undefined) all.push("last_seen >= fromUnixTimestamp64Nano({since: Int64}, 'UTC')");
  if (until !== undefined) all.push("first_seen < fromUnixTimestamp64Nano({until: Int64}, 'UTC')");
  if (after !== null) {
    all.push(`(first_seen < fromUnixTimestamp64Nano({seen: Int64}, 'UTC')
      OR (first_seen = fromUnixTimestamp64Nano({seen: Int64}, 'UTC') AND sandbox_id > {after: String}))`);
  }
  const params = {
    ...filter,
    since: String(since ?? 0),
    until: String(until ?? 0),
    seen: after?.first_seen_ns ?? '0',
    after: after?.id ?? '',
    limit: limit + 1,
  };
  const rows = await askBounded<SandboxRow & { first_seen_ns: string }>(
    store,
    `${columns()}, toUnixTimestamp64Nano(first) AS first_seen_ns
     FROM (${innerOf(store, all.join(' AND '))} ORDER BY first DESC, id LIMIT {limit: UInt32})
     ORDER BY first DESC, id`,
    params,
  );
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const next =
    rows.length > limit && last !== undefined ? { first_seen_ns: last.first_seen_ns, id: last.id } : null;
  return { sandboxes: shown.map(({ first_seen_ns: _, ...row }) => numbered(row)), next };
}

export async function getSandbox(
  store: Store,
  id: string,
  workspace: string | null,
): Promise<StoredSandbox | null> {
  const where = visible('sandbox_id = {id: String}', workspace);
  return (await select(store, where, paramsOf({ id, limit: 1 }, workspace)))[0] ?? null;
}

interface SandboxRow extends Omit<StoredSandbox, 'bytes' | 'gaps'> {
  bytes: string;
  gaps: string;
}

async function select(store: Store, where: string, params: Params): Promise<StoredSandbox[]> {
  const rows = await selectRows<SandboxRow>(
    store,
    `${columns()} FROM (${innerOf(store, where)} ORDER BY last DESC, id LIMIT {limit: UInt32})
     ORDER BY last DESC, id`,
    params,
  );
  return rows.map(numbered);
}

const numbered = (row: SandboxRow): StoredSandbox => ({
  ...row,
  bytes: Number(row.bytes),
  gaps: Number(row.gaps),
});

const columns = (): string =>
  `SELECT id, state, host, workspace, template, ${rfc3339Sql('first')} AS first_seen,
     ${rfc3339Sql('last')} AS last_seen, if(isNull(deleted), NULL, ${rfc3339Sql('assumeNotNull(deleted)')}) AS deleted_at,
     bytes, gaps`;

const innerOf = (store: Store, where: string): string =>
  `SELECT sandbox_id AS id, state, host, workspace, template, first_seen AS first, last_seen AS last,
     deleted_at AS deleted, bytes, gaps
   FROM ${store.database}.sandboxes WHERE ${where}`;

/** SQL for a time as RFC 3339 in UTC with milliseconds. */
export const rfc3339Sql = (column: string): string =>
  `concat(replaceOne(toString(toDateTime64(${column}, 3, 'UTC')), ' ', 'T'), 'Z')`;

/** Rows that stand for batches of many sandboxes, or of unknown ones, have no sandbox. */
const NAMED = "sandbox_id != ''";

const visible = (condition: string, workspace: string | null): string =>
  workspace === null ? condition : `${condition} AND workspace = {workspace: String}`;

const paramsOf = (params: Params, workspace: string | null): Params =>
  workspace === null ? params : { ...params, workspace };
