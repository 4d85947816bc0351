import { limits } from '../../base/limits.ts';
import type { FollowStep } from '../../store/read/follow_log.ts';
import type { LogPlace, LogRow } from '../../store/read/read_log.ts';
import { parseSeal } from '../../store/record.ts';
import { placeId } from '../http/place_id.ts';
import { recordOf } from '../http/shapes.ts';
import { endEvent, gapEvent, heartbeat, lineEvent } from '../http/sse.ts';

/** How rows are told. */
export type Wording = 'sse' | 'ndjson';

/** A followed log as events, with heartbeats while nothing else is to be said: `steps` come at least so often. */
export async function* follow(
  steps: AsyncGenerator<FollowStep>,
  wording: Wording = 'sse',
  heartbeat_ms: number = limits.follow.heartbeat_ms,
): AsyncGenerator<string | Uint8Array> {
  const { endOf, pulse } = wordings[wording];
  // At once, so that a client sees the stream open, however quiet the log is.
  yield pulse;
  let spoken_at = Date.now();
  for await (const { rows, end } of steps) {
    const text = end === null ? textOf(rows, wording) : endOf(end);
    if (text.length === 0 && Date.now() - spoken_at < heartbeat_ms) continue;
    yield text.length === 0 ? pulse : text;
    spoken_at = Date.now();
  }
}

const encoder = new TextEncoder();
const told: Record<Wording, WeakMap<LogRow[], Uint8Array>> = { sse: new WeakMap(), ndjson: new WeakMap() };

/** The same rows are put into words once, however many follow the log. */
function textOf(rows: LogRow[], wording: Wording): Uint8Array {
  const known = told[wording].get(rows);
  if (known !== undefined) return known;
  const text = encoder.encode(rows.map(wordings[wording].eventOf).join(''));
  told[wording].set(rows, text);
  return text;
}

type End = LogPlace & { message: string };

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
