import type { Store } from '../query.ts';
import {
  afterCondition,
  afterParams,
  type BootCrashFilter,
  type BootCrashPlace,
  bootCrashCondition,
  bootCrashParams,
  marksSince,
} from './boots.ts';
import { askBounded } from './bounded.ts';
import { rfc3339Sql } from './sandboxes.ts';

/** All headlines with one title in one boot of one sandbox. Times are RFC 3339 in UTC. */
export interface Crash {
  title: string;
  /** The event of its first headline. */
  event: string;
  sandbox_id: string;
  first_seen: string;
  last_seen: string;
  occurrences: number;
  workspace: string;
  template: string;
  host: string;
  log: string;
  /** Where its first headline is: stream_started_at in ns since 1970, and the position in that stream. */
  stream: string;
  position: string;
}

/** Crashes with the same title. */
export interface Cause {
  title: string;
  event: string;
  crashes: number;
  sandboxes: number;
  /** In the requested time. */
  first_seen: string;
  last_seen: string;
  /** Of all time, as far back as marks are kept. */
  first_ever: string;
  /** Whether it was never seen before the requested time. */
  is_new: boolean;
  /** The sandbox where it was seen last. */
  last_sandbox: string;
  /** At most 100 of each. */
  templates: string[];
  hosts: string[];
}

export type CrashFilter = BootCrashFilter & { title?: string | undefined };

const titled = ({ title }: CrashFilter): string =>
  title === undefined ? '' : ' AND positionCaseInsensitiveUTF8(title, {title: String}) > 0';

/** Crashes, the latest first. */
export async function listCrashes(
  store: Store,
  filter: CrashFilter,
  limit: number,
  after: BootCrashPlace | null = null,
): Promise<Crash[]> {
  const rows = await askBounded<Crash & { occurrences: string }>(
    store,
    `SELECT title, event, sandbox_id, ${rfc3339Sql('first')} AS first_seen, ${rfc3339Sql('last')} AS last_seen, occurrences,
       workspace, template, host, log, toString(toUnixTimestamp64Nano(stream_started_at)) AS stream, position
     FROM (
       SELECT * EXCEPT (first_seen, last_seen), first_seen AS first, last_seen AS last FROM ${store.database}.crashes
       WHERE ${bootCrashCondition(filter, 'last_seen')}${titled(filter)}${afterCondition(after, 'last_seen')}
       ORDER BY toUnixTimestamp64Milli(last_seen) DESC, sandbox_id, position LIMIT {limit: UInt32}
     )
     ORDER BY toUnixTimestamp64Milli(last) DESC, sandbox_id, position ${marksSince(store, filter)}`,
    { ...bootCrashParams(filter), ...afterParams(after), limit },
  );
  return rows.map((row) => ({ ...row, occurrences: Number(row.occurrences) }));
}

/** Causes of crashes, the most frequent one first. */
export async function listCauses(store: Store, filter: CrashFilter, limit: number): Promise<Cause[]> {
  interface Row extends Omit<Cause, 'crashes' | 'sandboxes' | 'is_new' | 'first_ever'> {
    crashes: string;
    sandboxes: string;
  }
  const rows = await askBounded<Row>(
    store,
    `SELECT title, event, crashes, sandboxes, ${rfc3339Sql('first')} AS first_seen, ${rfc3339Sql('last')} AS last_seen,
       last_sandbox, templates, hosts
     FROM (
       SELECT title, argMin(crash.event, crash.first_seen) AS event, count() AS crashes,
         uniqExact(sandbox_id) AS sandboxes, min(crash.first_seen) AS first, max(crash.last_seen) AS last,
         argMax(sandbox_id, crash.last_seen) AS last_sandbox,
         arraySort(groupUniqArray(100)(template)) AS templates, arraySort(groupUniqArray(100)(host)) AS hosts
       FROM ${store.database}.crashes AS crash WHERE ${bootCrashCondition(filter, 'last_seen')}${titled(filter)}
       GROUP BY title ORDER BY crashes DESC, last DESC, title LIMIT {limit: UInt32}
     )
     ORDER BY crashes DESC, last DESC, title ${marksSince(store, filter)}`,
    { ...bootCrashParams(filter), limit },
  );
  const firsts = await firstEver(store, rows, filter);
  return rows.map((row) => {
    const first_ever = firsts.get(row.title) ?? row.first_seen;
    return {
      ...row,
      crashes: Number(row.crashes),
      sandboxes: Number(row.sandboxes),
      first_ever,
      is_new: filter.since === undefined || Date.parse(first_ever) >= Number(filter.since / 1_000_000n),
    };
  });
}

/** When each title was first seen in any sandbox (of this workspace). */
async function firstEver(
  store: Store,
  rows: { title: string }[],
  { workspace }: CrashFilter,
): Promise<Map<string, string>> {
  if (rows.length === 0) return new Map();
  const found = await askBounded<{ title: string; first: string }>(
    store,
    `SELECT title, ${rfc3339Sql('min(timestamp)')} AS first FROM ${store.database}.marks
     WHERE title IN {titles: Array(String)} AND ${bootCrashCondition({ workspace }, 'timestamp')} GROUP BY title`,
    { ...bootCrashParams({ workspace }), titles: rows.map(({ title }) => title) },
  );
  return new Map(found.map(({ title, first }) => [title, first]));
}
