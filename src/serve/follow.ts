import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../config/limits.ts';
import { AfterlogError } from '../errors.ts';
import { log } from '../log.ts';
import type { Store } from '../store/read.ts';
import { isBeyond, type LogId, type LogRow, lastRow, type Place, readRows } from '../store/read_log.ts';
import { parseSeal } from '../store/record.ts';
import { eventId } from './parameters.ts';
import { endEvent, gapEvent, heartbeat, lineEvent } from './sse.ts';

export interface FollowOptions {
  /** The next event is what follows this place; null: the start of the log. */
  after: Place | null;
  signal: AbortSignal;
  /** For tests; the defaults are the limits. */
  poll_ms?: number;
  heartbeat_ms?: number;
}

/**
 * A log as server-sent events, from a place on, until the latest stream is sealed as deleted or `signal` aborts.
 * One read is in memory at a time, and the next is made only when this one is taken: a slow reader slows only
 * itself. Polling by key misses nothing, because the rows of a stream land in order. An outage of ClickHouse is
 * waited out, with heartbeats.
 */
export async function* follow(store: Store, id: LogId, options: FollowOptions): AsyncGenerator<string> {
  const { signal, poll_ms = limits.follow_poll_ms, heartbeat_ms = limits.follow_heartbeat_ms } = options;
  let after = options.after;
  let last: (Place & { message: string }) | null | undefined;
  let pause_ms = poll_ms;
  let spoken_at = Date.now();
  // At once, so that a client sees the stream open, however quiet the log is.
  yield heartbeat;
  while (!signal.aborted) {
    try {
      const rows = await readRows(store, id, after);
      if (rows.length > 0) {
        after = last = rows.at(-1)!;
        yield rows.map(eventOf).join('');
        spoken_at = Date.now();
        pause_ms = poll_ms;
        continue;
      }
      // A reader that resumes behind the last row has seen no row from which to know that this was the end.
      if (last === undefined) last = await lastRow(store, id);
      if (last && (after === null || isBeyond(last, after))) {
        last = undefined; // It landed between the two reads.
        continue;
      }
      if (last && isEnd(last)) {
        yield endEvent(last.message, eventId(last));
        return;
      }
      pause_ms = poll_ms;
    } catch (error) {
      if (!(error instanceof AfterlogError)) throw error;
      log.warn({ code: error.code, sandbox: id.sandbox_id }, error.message);
      pause_ms = Math.min(Math.max(pause_ms * 2, limits.retry_first_ms), limits.retry_longest_ms);
    }
    await sleep(pause_ms, undefined, { signal }).catch(() => {});
    if (Date.now() - spoken_at >= heartbeat_ms) {
      yield heartbeat;
      spoken_at = Date.now();
    }
  }
}

/** Seals are no events of their own, but for the last: a reader sees the log as one, whatever its streams. */
function eventOf(row: LogRow): string {
  if (row.record === 'gap') return gapEvent(row);
  return row.record === 'line' ? lineEvent(row) : '';
}

const isEnd = (row: Place & { message: string }): boolean =>
  row.record === 'seal' && parseSeal(row.message).reason === 'deleted';
