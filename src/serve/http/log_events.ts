import { limits } from '../../base/limits.ts';
import type { FollowStep } from '../../store/read/follow_log.ts';
import type { LogPlace, LogRow } from '../../store/read/read_log.ts';
import { parseSeal } from '../../store/record.ts';
import { placeId } from './place_id.ts';
import { recordOf } from './shapes.ts';
import { endEvent, gapEvent, heartbeat, lineEvent, nulsEvent } from './sse.ts';

/** The format of a followed log. */
export type EventFormat = 'sse' | 'ndjson';

/**
 * A followed log as events, with heartbeats while nothing else happens.
 * @param steps come at least every `heartbeat_ms`, if only without rows
 */
export async function* logEvents(
  steps: AsyncGenerator<FollowStep>,
  format: EventFormat = 'sse',
  heartbeat_ms: number = limits.follow.heartbeat_ms,
): AsyncGenerator<string | Uint8Array> {
  const { endOf, pulse } = formats[format];
  // At once, so that a client sees the stream open, however quiet the log is.
  yield pulse;
  let sent_at = Date.now();
  for await (const { rows, end } of steps) {
    const text = end === null ? textOf(rows, format) : endOf(end);
    if (text.length === 0 && Date.now() - sent_at < heartbeat_ms) continue;
    yield text.length === 0 ? pulse : text;
    sent_at = Date.now();
  }
}

const encoder = new TextEncoder();
const encoded: Record<EventFormat, WeakMap<LogRow[], Uint8Array>> = {
  sse: new WeakMap(),
  ndjson: new WeakMap(),
};

/** Encodes the same rows once, however many followers the log has. */
function textOf(rows: LogRow[], format: EventFormat): Uint8Array {
  const known = encoded[format].get(rows);
  if (known !== undefined) return known;
  const text = encoder.encode(rows.map(formats[format].eventOf).join(''));
  encoded[format].set(rows, text);
  return text;
}

type End = LogPlace & { message: string };

const formats = {
  sse: {
    eventOf: sseOf,
    endOf: (end: End) => endEvent(end.message, placeId(end)),
    pulse: heartbeat,
  },
  ndjson: {
    eventOf: (row: LogRow) => (row.record === 'seal' ? '' : `${JSON.stringify(recordOf(row))}\n`),
    endOf: (end: End) =>
      `${JSON.stringify({ record: 'end', id: placeId(end), ...parseSeal(end.message) })}\n`,
    // An empty line, which readers of NDJSON skip.
    pulse: '\n',
  },
} satisfies Record<EventFormat, unknown>;

/** Seals other than the last are no events: a follower sees the log as one, whatever its streams. */
function sseOf(row: LogRow): string {
  if (row.record === 'gap') return gapEvent(row);
  if (row.record === 'nuls') return nulsEvent(row);
  return row.record === 'line' ? lineEvent(row) : '';
}
