import { setTimeout as sleep } from 'node:timers/promises';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import type { Store } from '../query.ts';
import { parseSeal } from '../record.ts';
import type { LineFilter } from './line_filter.ts';
import {
  isBeyond,
  type LastRow,
  type LogId,
  type LogPlace,
  type LogRow,
  lastRow,
  readRows,
} from './read_log.ts';

export interface FollowLogOptions {
  /** The first row is the next wanted one behind this place; null: the first of the log. */
  after: LogPlace | null;
  filter?: LineFilter;
  /** With each row's bytes in `raw`. */
  raw?: boolean | undefined;
  signal: AbortSignal;
  /**
   * Called once when ClickHouse does not answer or its error changes, and with null when it answers again.
   */
  onTrouble: (trouble: AfterlogError | null) => void;
  /** For tests; the default is the limit. */
  poll_ms?: number | undefined;
}

export interface FollowStep {
  /** The next rows, in order; none if nothing happened for `poll_ms`. */
  rows: LogRow[];
  /** The seal of the deletion, in the last step, after all rows. */
  end: LastRow | null;
}

/**
 * The rows of a log from a place on as they land, until the latest stream is sealed as deleted or `signal`
 * aborts. One read is in memory at a time, and the next one starts when the caller takes it: a slow reader
 * slows only itself. Polling by key misses nothing, because the rows of a stream land in order. During an
 * outage of ClickHouse it waits; after it no row is left out or repeated.
 */
export async function* followLog(
  store: Store,
  id: LogId,
  { after, filter, raw, signal, onTrouble, poll_ms = limits.follow.poll_ms }: FollowLogOptions,
): AsyncGenerator<FollowStep> {
  let pause_ms = poll_ms;
  let trouble: AfterlogError | null = null;
  while (!signal.aborted) {
    try {
      const last = await lastRow(store, id);
      const isNew = last !== null && (after === null || isBeyond(last, after));
      const rows = isNew ? await readRows(store, id, after, filter, raw) : [];
      if (trouble !== null) onTrouble(null);
      trouble = null;
      pause_ms = poll_ms;
      if (isNew) {
        // If no row up to the last one is wanted, the next read need not begin before it.
        after = rows.at(-1) ?? last;
        if (rows.length > 0) yield { rows, end: null };
        continue;
      }
      if (last !== null && isEnd(last)) {
        yield { rows: [], end: last };
        return;
      }
    } catch (error) {
      if (!(error instanceof AfterlogError)) throw error;
      if (error.code !== trouble?.code) onTrouble(error);
      trouble = error;
      pause_ms = Math.min(Math.max(pause_ms * 2, limits.send.retry_first_ms), limits.send.retry_longest_ms);
    }
    yield { rows: [], end: null };
    await sleep(pause_ms, undefined, { signal }).catch(() => {});
  }
}

/** Whether a row is the end of its log: the seal of a deleted sandbox. */
export const isEnd = (row: Pick<LastRow, 'record' | 'message'>): boolean =>
  row.record === 'seal' && parseSeal(row.message).reason === 'deleted';
