import { randomUUID } from 'node:crypto';
import { crashPoint } from '../../base/crash_point.ts';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { epochStart } from '../../wire/epoch.ts';
import type { BatchHeader } from '../../wire/header.ts';
import { type GapRow, gapBody } from '../land/gap_rows.ts';
import { insertBody } from '../land/insert.ts';
import { type Params, type Store, selectRows } from '../query.ts';
import { ERASED, IS_ERASURE, ofSandbox, ROW_BYTES } from '../record.ts';
import { errorNumber } from '../refusal.ts';
import { orDenied, requireEraseRights } from './erase_rights.ts';
import { batchParams, OF_BATCHES } from './stand_ins.ts';

/** The sandbox whose logs are erased; with a workspace, only that workspace's rows of them. */
export interface ErasedId {
  sandbox_id: string;
  workspace: string | null;
}

export interface Erased {
  /** `removing`: ClickHouse continues the deletion in the background. */
  state: 'erased' | 'removing';
  /** Lines erased by this request; 0 if all were erased before. */
  lines: number;
  bytes: number;
}

/**
 * Erases a sandbox's stored logs: its lines, its gap rows, and everything that was derived from their text.
 * Its seals and its row in `streams`, which contain no text, stay.
 *
 * A consumer continues behind the highest batch of each agent's run that it finds in the table. So the erase
 * first inserts, in one INSERT, rows that keep this number and report what is missing; then it deletes only
 * rows of batches that those rows cover. Rows that land meanwhile are not touched. If the process dies
 * between two steps, the next erase finds the rest and finishes it.
 * @returns null if nothing was ever seen of such a sandbox (by this workspace)
 * @throws AfterlogError ERASE_DENIED, ERASE_TOO_LARGE, CLICKHOUSE_UNREACHABLE, CLICKHOUSE_REFUSED; it can be
 *   repeated
 */
export async function erase(
  store: Store,
  id: ErasedId,
  wait_ms: number = limits.erase.wait_ms,
): Promise<Erased | null> {
  const end_ms = performance.now() + wait_ms;
  const ours = await oursOf(store, id);
  if (ours === null) return null;
  await requireEraseRights(store);
  crashPoint('erase.begun');
  const stretches = await stretchesOf(store, ours);
  const fresh = stretches.filter(({ rows }) => Number(rows) > 0);
  const reason = `${ERASED} at ${new Date().toISOString()}`;
  const doomed = doomedOf(stretches, ours, reason);
  const console_logs = `${store.database}.console_logs`;
  let isGone = true;
  if (fresh.length > 0) {
    await insertErasures(store, id, stretches, reason);
    crashPoint('erase.told');
    isGone = await remove(store, console_logs, doomed.where, doomed.params, end_ms);
    crashPoint('erase.removed');
  }
  // A mark arrives a moment after its row, so one may arrive after the deletion.
  const stale = `${ours.where} AND record != 'seal' AND (log, stream_started_at, position, record) NOT IN (
    SELECT log, stream_started_at, position, record FROM ${console_logs} WHERE ${ours.where} AND NOT (${doomed.where}))`;
  for (let look = 0; look < limits.erase.looks; look++) {
    const marks = `${store.database}.marks`;
    const left = await selectRows(store, `SELECT 1 FROM ${marks} WHERE ${stale} LIMIT 1`, doomed.params);
    if (left.length === 0) break;
    isGone = (await remove(store, marks, stale, doomed.params, end_ms)) && isGone;
    crashPoint('erase.unmarked');
    if (!isGone) break;
  }
  const sum = (of: 'lines' | 'bytes'): number => fresh.reduce((all, one) => all + Number(one[of]), 0);
  return { state: isGone ? 'erased' : 'removing', lines: sum('lines'), bytes: sum('bytes') };
}

/**
 * Erases the rows again that a replay of these batches has restored inside the gap row of an erase.
 * @throws AfterlogError as erase()
 */
export async function eraseReplayed(store: Store, headers: BatchHeader[]): Promise<void> {
  if (headers.length === 0) return;
  const console_logs = `${store.database}.console_logs`;
  const key = 'sandbox_id, log, stream_started_at';
  const stream = "concat(sandbox_id, '/', log, '/', toString(stream_started_at))";
  const told = await selectRows<{ stream: string; end: string }>(
    store,
    `SELECT ${stream} AS stream, max(position + JSONExtractUInt(message, 'bytes')) AS end FROM ${console_logs}
     WHERE record = 'gap' AND ${IS_ERASURE} AND (${key}) IN (SELECT ${key} FROM ${console_logs} WHERE ${OF_BATCHES})
     GROUP BY ${key}`,
    batchParams(headers),
  );
  if (told.length === 0) return;
  const params = {
    ...batchParams(headers),
    streams: told.map((one) => one.stream),
    ends: told.map(({ end }) => BigInt(end)),
  };
  const end_ms = performance.now() + limits.erase.command_wait_ms;
  const again = `position < transform(${stream}, {streams: Array(String)}, {ends: Array(UInt64)}, toUInt64(0))`;
  await remove(store, console_logs, `${OF_BATCHES} AND record = 'line' AND ${again}`, params, end_ms);
  await remove(store, `${store.database}.marks`, `record != 'seal' AND ${again}`, params, end_ms);
}

/** SQL with its parameters. */
interface Condition {
  where: string;
  params: Params;
}

/**
 * The rows that may be erased. Rows that were read before the workspace was known have none; they belong to
 * the workspace of the sandbox, if it has only one.
 */
async function oursOf(store: Store, { sandbox_id, workspace }: ErasedId): Promise<Condition | null> {
  const [row] = await selectRows<{ workspaces: string[] }>(
    store,
    `SELECT groupUniqArray(1000)(workspace) AS workspaces FROM (
       SELECT workspace FROM ${store.database}.streams WHERE sandbox_id = {sandbox: String}
       UNION ALL SELECT workspace FROM ${store.database}.console_logs WHERE sandbox_id = {sandbox: String})`,
    { sandbox: sandbox_id },
  );
  const { workspaces } = row!;
  if (sandbox_id === '' || workspaces.length === 0) return null;
  const where = 'sandbox_id = {sandbox: String}';
  if (workspace === null) return { where, params: { sandbox: sandbox_id } };
  if (!workspaces.includes(workspace)) return null;
  const isAlone = workspaces.every((one) => one === workspace || one === '');
  const theirs = isAlone ? [workspace, ''] : [workspace];
  return {
    where: `${where} AND workspace IN {workspaces: Array(String)}`,
    params: { sandbox: sandbox_id, workspaces: theirs },
  };
}

/**
 * The rows of one stream from one run of an agent. Numbers as ClickHouse returns them; times in ns since
 * 1970.
 */
interface Stretch {
  log: string;
  stream: string;
  host: string;
  epoch: string;
  sequence: string;
  from: string;
  to: string;
  day: number;
  stamp: string;
  observed: string;
  label: string;
  of_template: string;
  /** Without those that an erase inserted. */
  rows: string;
  lines: string;
  bytes: string;
}

/** @throws AfterlogError ERASE_TOO_LARGE */
async function stretchesOf(store: Store, ours: Condition): Promise<Stretch[]> {
  const bytes = 'length(prefix) + length(message) + length(ending)';
  const stretches = await selectRows<Stretch>(
    store,
    `SELECT log, toUnixTimestamp64Nano(stream_started_at) AS stream, host, batch_epoch AS epoch,
       max(batch_sequence) AS sequence, min(position) AS from,
       max(position + ${ROW_BYTES}) AS to,
       toUInt16(max(ingest_day)) AS day, toUnixTimestamp64Nano(max(timestamp)) AS stamp,
       toUnixTimestamp64Nano(max(observed_at)) AS observed,
       max(workspace) AS label, max(template) AS of_template,
       countIf(NOT ${IS_ERASURE}) AS rows, countIf(record = 'line') AS lines, sumIf(${bytes}, record = 'line') AS bytes
     FROM ${store.database}.console_logs WHERE ${ours.where} AND record != 'seal'
     GROUP BY log, stream_started_at, host, batch_epoch
     ORDER BY log, stream_started_at, epoch LIMIT ${limits.erase.stretches_max + 1}`,
    ours.params,
  );
  if (stretches.length <= limits.erase.stretches_max) return stretches;
  throw new AfterlogError(
    'ERASE_TOO_LARGE',
    `Sandbox '${ours.params.sandbox}' has more than ${limits.erase.stretches_max} streams and runs of agents.`,
  );
}

/**
 * Inserts, in one INSERT, the rows that stand for rows before these are deleted:
 * - for readers, in each stream, a gap row from its first row to its last;
 * - for consumers, for each run of an agent, a row `erased` without a sandbox, with the id of the highest
 *   batch that had rows of this sandbox. That batch is its key, so neither another erase nor a merge replaces
 *   it by a lower one.
 */
async function insertErasures(
  store: Store,
  id: ErasedId,
  stretches: Stretch[],
  reason: string,
): Promise<void> {
  const ingest_day = Math.max(...stretches.map(({ day }) => day));
  const common = ({ host, epoch, sequence, stamp, observed }: Stretch) => ({
    ...{ ingest_day, host, batch_epoch: Number(epoch), batch_sequence: Number(sequence), reason },
    ...{ timestamp: BigInt(stamp), observed_at: BigInt(observed) },
  });
  const rows: GapRow[] = [];
  for (const parts of Map.groupBy(stretches, ({ log, stream }) => `${stream} ${log}`).values()) {
    const last = parts.at(-1)!;
    const from = parts.reduce(
      (least, part) => (BigInt(part.from) < least ? BigInt(part.from) : least),
      BigInt(last.from),
    );
    const to = parts.reduce((most, part) => (BigInt(part.to) > most ? BigInt(part.to) : most), from);
    const { log, stream, of_template: template } = last;
    const workspace = id.workspace ?? last.label;
    const place = { sandbox_id: id.sandbox_id, log, stream_started_at: BigInt(stream), position: from };
    rows.push({ ...common(last), ...place, bytes: Number(to - from), workspace, template });
  }
  for (const parts of agentRuns(stretches)) {
    const last = parts.reduce((most, part) => (Number(part.sequence) > Number(most.sequence) ? part : most));
    const { batch_epoch, batch_sequence, ...rest } = common(last);
    const place = {
      sandbox_id: '',
      log: '',
      stream_started_at: epochStart(batch_epoch),
      position: BigInt(batch_sequence),
    };
    rows.push({
      record: 'erased',
      ...rest,
      ...place,
      batch_epoch,
      batch_sequence,
      bytes: null,
      reason: reason + ofSandbox(id.sandbox_id),
    });
  }
  const body = { format: 'JSONEachRow', bytes: gapBody(rows, Date.now()) } as const;
  await insertBody(store.client, store.database, 'afterlog/erase/', body, never).catch(orDenied(store));
}

const agentRuns = (stretches: Stretch[]): Stretch[][] => [
  ...Map.groupBy(stretches, ({ host, epoch }) => `${epoch}/${host}`).values(),
];

const never = new AbortController().signal;

/**
 * The rows to delete: those of batches that the `erased` rows cover, without the rows of this or a later
 * erase.
 */
function doomedOf(stretches: Stretch[], ours: Condition, reason: string): Condition {
  const runs = agentRuns(stretches);
  const covered = `toInt64(batch_sequence) <= transform(concat(toString(batch_epoch), '/', host),
    {runs: Array(String)}, {sequences: Array(Int64)}, toInt64(-1))`;
  const kept = `(${IS_ERASURE} AND JSONExtractString(message, 'reason') >= {reason: String})`;
  return {
    where: `${ours.where} AND record != 'seal' AND ${covered} AND NOT ${kept}`,
    params: {
      ...ours.params,
      reason,
      runs: runs.map(([run]) => `${run!.epoch}/${run!.host}`),
      sequences: runs.map((parts) => Math.max(...parts.map(({ sequence }) => Number(sequence)))),
    },
  };
}

/**
 * Orders a deletion and waits for it. ClickHouse rewrites the parts that have such rows.
 * @returns whether it is done on all replicas
 */
async function remove(
  store: Store,
  table: string,
  where: string,
  params: Params,
  end_ms: number,
): Promise<boolean> {
  const left_ms = Math.max(Math.ceil(end_ms - performance.now()), 0);
  const timeout = AbortSignal.timeout(left_ms);
  try {
    await store.client.command({
      query: `ALTER TABLE ${table} DELETE WHERE ${where}`,
      query_params: params,
      query_id: `afterlog-erase/${randomUUID()}`,
      clickhouse_settings: { mutations_sync: left_ms > 0 ? '2' : '0' },
      ...(left_ms > 0 && { abort_signal: timeout }),
    });
    return left_ms > 0;
  } catch (error) {
    if (errorNumber(error) === null && timeout.aborted) return false;
    return orDenied(store)(error);
  }
}
