import type { Params, Store } from '../query.ts';
import { askBounded } from './bounded.ts';
import { rfc3339Sql } from './sandboxes.ts';

export const outcomes = [
  ...(['ready', 'booting', 'panicked', 'no_init', 'no_rootfs'] as const),
  ...(['oom', 'hung', 'vm_died', 'not_ready'] as const),
];
export type BootOutcome = (typeof outcomes)[number];

/** Conditions for boots or crashes, which all have to hold. Times in ns since 1970. */
export interface BootCrashFilter {
  since?: bigint | undefined;
  until?: bigint | undefined;
  template?: string | undefined;
  host?: string | undefined;
  sandbox_id?: string | undefined;
  workspace?: string | null | undefined;
}

/**
 * One boot: a console from a first line of the kernel to the next one, or to its end. Times: RFC 3339 in UTC.
 */
export interface Boot {
  sandbox_id: string;
  started_at: string;
  ready_at: string | null;
  ready_seconds: number | null;
  outcome: BootOutcome;
  /** Why it is not ready; empty if it is ready or may still become so. */
  title: string;
  workspace: string;
  template: string;
  host: string;
  /** Where it begins in the console: stream_started_at in ns since 1970, and the position in that stream. */
  stream: string;
  position: string;
}

export interface BootSummary {
  /** The number of boots of each outcome. */
  outcomes: Partial<Record<BootOutcome, number>>;
  /** Seconds after which half, and 99 of 100, of the ready boots were ready. */
  ready_p50: number | null;
  ready_p99: number | null;
}

/** Boots, the latest first. */
export async function listBoots(
  store: Store,
  filter: BootCrashFilter & { failed?: boolean | undefined },
  limit: number,
  after: BootCrashPlace | null = null,
): Promise<Boot[]> {
  const failed = filter.failed ? ' AND failed' : '';
  return await askBounded<Boot>(
    store,
    `SELECT sandbox_id, ${rfc3339Sql('start')} AS started_at,
       if(isNull(ready), NULL, ${rfc3339Sql('assumeNotNull(ready)')}) AS ready_at, ready_seconds, outcome, title,
       workspace, template, host, toString(toUnixTimestamp64Nano(stream_started_at)) AS stream, position
     FROM (
       SELECT * EXCEPT (started_at, ready_at), started_at AS start, ready_at AS ready FROM ${store.database}.boots
       WHERE ${bootCrashCondition(filter, 'started_at')}${failed}${afterCondition(after, 'started_at')}
       ORDER BY toUnixTimestamp64Milli(started_at) DESC, sandbox_id, position LIMIT {limit: UInt32}
     )
     ORDER BY toUnixTimestamp64Milli(start) DESC, sandbox_id, position ${marksSince(store, filter)}`,
    { ...bootCrashParams(filter), ...afterParams(after), limit },
  );
}

export async function summarizeBoots(store: Store, filter: BootCrashFilter): Promise<BootSummary> {
  const rows = await askBounded<{
    outcome: BootOutcome;
    boots: string;
    p50: number | null;
    p99: number | null;
  }>(
    store,
    `SELECT outcome, count() AS boots, quantileExactOrNull(0.5)(ready_seconds) AS p50,
       quantileExactOrNull(0.99)(ready_seconds) AS p99
     FROM ${store.database}.boots WHERE ${bootCrashCondition(filter, 'started_at')}
     GROUP BY outcome ORDER BY boots DESC, outcome ${marksSince(store, filter)}`,
    bootCrashParams(filter),
  );
  const ready = rows.find(({ outcome }) => outcome === 'ready');
  return {
    outcomes: Object.fromEntries(rows.map(({ outcome, boots }) => [outcome, Number(boots)])),
    ready_p50: ready?.p50 ?? null,
    ready_p99: ready?.p99 ?? null,
  };
}

/** The place of the last row of a page, in order of time. */
export interface BootCrashPlace {
  /** As in its row: whole milliseconds. */
  time: string;
  sandbox_id: string;
  position: string;
}

/** SQL: the rows behind the last one of a page; within one millisecond in order of sandbox and position. */
export function afterCondition(after: BootCrashPlace | null, time: string): string {
  if (after === null) return '';
  const ms = `toUnixTimestamp64Milli(${time})`;
  return ` AND (${ms} < {a_ms: Int64} OR (${ms} = {a_ms: Int64}
    AND (sandbox_id, position) > ({a_sandbox: String}, {a_position: UInt64})))`;
}

export const afterParams = (after: BootCrashPlace | null): Params =>
  after === null
    ? {}
    : { a_ms: Date.parse(after.time), a_sandbox: after.sandbox_id, a_position: after.position };

/** SQL: the conditions on a row of `boots` or `crashes`. */
export function bootCrashCondition(filter: BootCrashFilter, time: string): string {
  const { since, until, template, host, sandbox_id, workspace } = filter;
  const conditions = ['1'];
  if (since !== undefined) conditions.push(`${time} >= fromUnixTimestamp64Nano({since: Int64}, 'UTC')`);
  if (until !== undefined) conditions.push(`${time} < fromUnixTimestamp64Nano({until: Int64}, 'UTC')`);
  if (template !== undefined) conditions.push('template = {template: String}');
  if (host !== undefined) conditions.push('host = {host: String}');
  if (sandbox_id !== undefined) conditions.push('sandbox_id = {sandbox_id: String}');
  if (workspace !== undefined && workspace !== null) conditions.push('workspace = {workspace: String}');
  return conditions.join(' AND ');
}

export function bootCrashParams({ since, until, ...texts }: BootCrashFilter): Params {
  return {
    ...(since !== undefined && { since: String(since) }),
    ...(until !== undefined && { until: String(until) }),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => typeof text === 'string')),
  };
}

const SLACK_NS = 60_000_000_000n;

/**
 * SQL: makes the views read only rows that were observed since then. Later rows of a stream were observed
 * later, so only the beginning of each stream is left out: boots that began earlier, whole or in part.
 */
export function marksSince({ database }: Store, { since }: BootCrashFilter): string {
  if (since === undefined) return '';
  // A kernel's clock may be a little ahead of the host's.
  const from = since > SLACK_NS ? since - SLACK_NS : 0n;
  const rows = `observed_at >= fromUnixTimestamp64Nano(${from}) AND ingest_day >= toDate(fromUnixTimestamp64Nano(${from}))`;
  return `SETTINGS additional_table_filters = {'${database}.marks': '${rows}'}`;
}
