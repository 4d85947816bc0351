import { limits } from '../config/limits.ts';
import { report } from '../faults.ts';
import { followLog } from '../store/follow_log.ts';
import { isLasting, loggable, type Store } from '../store/read.ts';
import type { LogId, LogRow, Place } from '../store/read_log.ts';
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

/** A log as server-sent events (`followLog` says until when), with heartbeats while nothing else is to be said. */
export async function* follow(store: Store, id: LogId, options: FollowOptions): AsyncGenerator<string> {
  const { after, signal, poll_ms, heartbeat_ms = limits.follow_heartbeat_ms } = options;
  const steps = followLog(store, id, {
    after,
    signal,
    poll_ms,
    // What concerns every reader is said by the store.
    onTrouble: (trouble) => {
      if (trouble !== null && !isLasting(trouble)) report(loggable(trouble), { sandbox: id.sandbox_id });
    },
  });
  // At once, so that a client sees the stream open, however quiet the log is.
  yield heartbeat;
  let spoken_at = Date.now();
  for await (const { rows, end } of steps) {
    const text = end === null ? rows.map(eventOf).join('') : endEvent(end.message, eventId(end));
    if (text === '' && Date.now() - spoken_at < heartbeat_ms) continue;
    yield text || heartbeat;
    spoken_at = Date.now();
  }
}

/** Seals are no events of their own, but for the last: a reader sees the log as one, whatever its streams. */
function eventOf(row: LogRow): string {
  if (row.record === 'gap') return gapEvent(row);
  return row.record === 'line' ? lineEvent(row) : '';
}
