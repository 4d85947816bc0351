import { limits } from '../config/limits.ts';
import { report } from '../faults.ts';
import { followLog } from '../store/follow_log.ts';
import type { LineFilter } from '../store/line_filter.ts';
import { isLasting, loggable, type Store } from '../store/read.ts';
import type { LogId, LogRow, Place } from '../store/read_log.ts';
import { parseSeal } from '../store/record.ts';
import { placeId } from './place_id.ts';
import { recordOf } from './shapes.ts';
import { endEvent, gapEvent, heartbeat, lineEvent } from './sse.ts';

/** How rows are told. */
export type Wording = 'sse' | 'ndjson';

export interface FollowOptions {
  /** The next event is what follows this place; null: the start of the log. */
  after: Place | null;
  filter?: LineFilter;
  wording?: Wording;
  signal: AbortSignal;
  /** For tests; the defaults are the limits. */
  poll_ms?: number;
  heartbeat_ms?: number;
}

/** A log as events (`followLog` says until when), with heartbeats while nothing else is to be said. */
export async function* follow(store: Store, id: LogId, options: FollowOptions): AsyncGenerator<string> {
  const {
    after,
    filter,
    wording = 'sse',
    signal,
    poll_ms,
    heartbeat_ms = limits.follow_heartbeat_ms,
  } = options;
  const { eventOf, endOf, pulse } = wordings[wording];
  const steps = followLog(store, id, {
    after,
    ...(filter !== undefined && { filter }),
    signal,
    poll_ms,
    // What concerns every reader is said by the store.
    onTrouble: (trouble) => {
      if (trouble !== null && !isLasting(trouble)) report(loggable(trouble), { sandbox: id.sandbox_id });
    },
  });
  // At once, so that a client sees the stream open, however quiet the log is.
  yield pulse;
  let spoken_at = Date.now();
  for await (const { rows, end } of steps) {
    const text = rows.map(eventOf).join('') + (end === null ? '' : endOf(end));
    if (text === '' && Date.now() - spoken_at < heartbeat_ms) continue;
    yield text || pulse;
    spoken_at = Date.now();
  }
}

type End = Place & { message: string };

const wordings = {
  sse: {
    eventOf: sseOf,
    endOf: (end: End) => endEvent(end.message, placeId(end)),
    pulse: heartbeat,
  },
  ndjson: {
    eventOf: (row: LogRow) => (row.record === 'seal' ? '' : `${JSON.stringify(recordOf(row))}\n`),
    endOf: (end: End) =>
      `${JSON.stringify({ record: 'end', id: placeId(end), ...parseSeal(end.message) })}\n`,
    // An empty line, which readers of NDJSON pass over.
    pulse: '\n',
  },
} satisfies Record<Wording, unknown>;

/** Seals are no events of their own, but for the last: a reader sees the log as one, whatever its streams. */
function sseOf(row: LogRow): string {
  if (row.record === 'gap') return gapEvent(row);
  return row.record === 'line' ? lineEvent(row) : '';
}
