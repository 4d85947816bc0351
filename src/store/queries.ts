import { type Params, type Store, selectRows } from './read.ts';

export interface Sandbox {
  id: string;
  state: 'alive' | 'deleted';
  host: string;
  workspace: string;
  /** RFC 3339, UTC, milliseconds: when the agent read its first and last row. */
  first_seen: string;
  last_seen: string;
  deleted_at: string | null;
  /** Of all its logs since it was first seen. */
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

/** Sandboxes, last seen first. */
export async function listSandboxes(
  store: Store,
  workspace: string | null,
  limit: number,
): Promise<Sandbox[]> {
  return await select(store, visible('1', workspace), paramsOf({ limit }, workspace));
}

export async function getSandbox(
  store: Store,
  id: string,
  workspace: string | null,
): Promise<Sandbox | null> {
  const where = visible('sandbox_id = {id: String}', workspace);
  return (await select(store, where, paramsOf({ id, limit: 1 }, workspace)))[0] ?? null;
}

interface SandboxRow extends Omit<Sandbox, 'bytes' | 'gaps'> {
  bytes: string;
  gaps: string;
}

async function select(store: Store, where: string, params: Params): Promise<Sandbox[]> {
  const rows = await selectRows<SandboxRow>(
    store,
    `SELECT id, state, host, workspace, ${rfc3339('first')} AS first_seen, ${rfc3339('last')} AS last_seen,
       if(isNull(deleted), NULL, ${rfc3339('assumeNotNull(deleted)')}) AS deleted_at, bytes, gaps
     FROM (
       SELECT sandbox_id AS id, state, host, workspace, first_seen AS first, last_seen AS last,
         deleted_at AS deleted, bytes, gaps
       FROM ${store.database}.sandboxes
       WHERE ${where} ORDER BY last DESC, id LIMIT {limit: UInt32}
     )
     ORDER BY last DESC, id`,
    params,
  );
  return rows.map((row) => ({ ...row, bytes: Number(row.bytes), gaps: Number(row.gaps) }));
}

/** SQL for a time as RFC 3339 in UTC with milliseconds. */
export const rfc3339 = (column: string): string =>
  `concat(replaceOne(toString(toDateTime64(${column}, 3, 'UTC')), ' ', 'T'), 'Z')`;

const visible = (condition: string, workspace: string | null): string =>
  workspace === null ? condition : `${condition} AND workspace = {workspace: String}`;

const paramsOf = (params: Params, workspace: string | null): Params =>
  workspace === null ? params : { ...params, workspace };
