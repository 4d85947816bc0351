import { limits } from '../../base/limits.ts';
import type { Store } from '../../store/query.ts';
import { findTail } from '../../store/read/find_tail.ts';
import { isEnd } from '../../store/read/follow_log.ts';
import type { LineFilter } from '../../store/read/line_filter.ts';
import type { Following } from '../../store/read/log_hub.ts';
import { isBeyond, type LastRow, type LogId, type LogPlace, samePlace } from '../../store/read/read_log.ts';
import { sandboxExists } from '../../store/read/sandboxes.ts';
import { answerWith } from '../http/answer.ts';
import { bodyOf } from '../http/body.ts';
import { logIdOf, type ServeContext, unknownSandbox } from '../http/context.ts';
import { lineFilterOf } from '../http/line_parameters.ts';
import { type EventFormat, logEvents } from '../http/log_events.ts';
import { BadParameter, quote } from '../http/parameters.ts';
import { parsePlaceId, placeId } from '../http/place_id.ts';
import type { ApiContext } from '../http/route.ts';
import { contentTypes, type LogsFormat, type LogsQuery } from './logs_query.ts';

/**
 * A log from its last lines, or from a place, on; then its rows as they land, until the sandbox is deleted.
 */
export async function answerFollow(
  c: ApiContext,
  on: ServeContext,
  query: LogsQuery,
  format: LogsFormat,
): Promise<Response> {
  const { store } = on;
  const filter = lineFilterOf(query);
  const id = logIdOf(c, query.log);
  if (query.until !== undefined) throw new BadParameter('Parameter until does not go with follow.');
  if (query.limit !== undefined) throw new BadParameter('Parameter limit does not go with follow.');
  // The header wins: a browser that reconnects sends it with the address of its first request.
  const seen = c.req.header('Last-Event-ID') || undefined;
  const resume = seen === undefined ? query.cursor : parsePlaceId(seen);
  if (resume === null) {
    throw new BadParameter(`Header Last-Event-ID is ${quote(seen!)}, not an id of this API.`);
  }
  if (on.hub.followers >= limits.follow.followers_max) {
    return answerWith(c, 'SERVER_BUSY', `This server has ${limits.follow.followers_max} followers already.`);
  }
  const following = on.hub.join(id);
  let isAnswered = false;
  try {
    const last = await following.last();
    const isKnown = last !== null || (await sandboxExists(store, id.sandbox_id, id.workspace));
    if (!isKnown) return unknownSandbox(c);
    // Without this answer a browser would reconnect again and again for the end.
    if (seen !== undefined && last !== null && isEnd(last) && resume !== undefined && samePlace(last, resume))
      return c.body(null, 204);
    // HEAD has no reader, so nothing would ever end its stream.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': contentTypes.sse });
    const start = await startOf(store, id, query, filter, resume, last);
    isAnswered = true;
    return followed(on, following, start, filter, format === 'ndjson' ? 'ndjson' : 'sse');
  } finally {
    if (!isAnswered) following.leave();
  }
}

interface Start {
  after: LogPlace | null;
  /** Rows behind it may be there already. */
  isBehind: boolean;
}

async function startOf(
  store: Store,
  id: LogId,
  { tail, since }: LogsQuery,
  filter: LineFilter,
  resume: LogPlace | undefined,
  last: LastRow | null,
): Promise<Start> {
  // Only a read of the follower's own finds the end of a log that is over.
  const isOver = last !== null && isEnd(last);
  const from = (after: LogPlace | null): Start => ({
    after,
    isBehind: isOver || (last !== null && (after === null || isBeyond(last, after))),
  });
  if (resume !== undefined) return from(resume);
  // Without lines there are no gaps before them either.
  if (tail === 0) return from(last);
  if (tail === undefined && since !== undefined) return from(null);
  const found = await findTail(store, id, tail ?? limits.read.tail_lines_default, filter);
  return { after: found?.after ?? null, isBehind: true };
}

function followed(
  { metrics, stopping }: ServeContext,
  following: Following,
  { after, isBehind }: Start,
  filter: LineFilter,
  format: EventFormat,
): Response {
  const gone = new AbortController();
  metrics.followers.inc();
  const signal = AbortSignal.any([gone.signal, stopping]);
  const steps = following.steps({ after, filter, signal, pulse_ms: limits.follow.heartbeat_ms }, isBehind);
  let open = true;
  const body = bodyOf(logEvents(steps, format), () => {
    if (open) metrics.followers.dec();
    open = false;
    following.leave();
    gone.abort();
  });
  return new Response(body, {
    headers: {
      'Content-Type': contentTypes[format],
      // Where the answer begins, for a client that is cut off before the first line; 0-0 is the start of the
      // log.
      'Afterlog-Cursor': after === null ? '0-0' : placeId(after),
      'Cache-Control': 'no-store',
      // Without it nginx holds events back until its buffer is full.
      'X-Accel-Buffering': 'no',
    },
  });
}
