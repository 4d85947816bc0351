import type { Context } from 'hono';
import { limits } from '../config/limits.ts';
import { sandboxExists } from '../store/queries.ts';
import type { Store } from '../store/read.ts';
import { findTail, type LogId, type Place, readBytes } from '../store/read_log.ts';
import { answerWith } from './answer.ts';
import type { Access } from './auth.ts';
import { bodyOf } from './body.ts';
import { follow } from './follow.ts';
import type { ServerMetrics } from './metrics.ts';
import { choice, parseEventId, wholeNumber } from './parameters.ts';

const yesOrNo = { '1': true, true: true, '0': false, false: false };
// A serial console is one stream: each of the runtime's names for a part of it means all of it.
const streams = { stdout: true, stderr: true, both: true };

/**
 * `GET /v1/sandboxes/{id}/logs`: the console as the runtime's own address serves it, and the same answer after the
 * sandbox was deleted. The last `tail` lines as the file's bytes, or with `follow` as events that go on.
 */
export async function answerLogs(
  c: Context,
  store: Store,
  access: Access,
  metrics: ServerMetrics,
  stopping: AbortSignal,
): Promise<Response> {
  const lines = wholeNumber('tail', c.req.query('tail'), limits.tail_lines_default, limits.tail_lines_max);
  const following = choice('follow', c.req.query('follow'), yesOrNo, false);
  choice('stream', c.req.query('stream'), streams, true);
  const seen = c.req.header('Last-Event-ID');
  const resume = following && seen ? parseEventId(seen) : null;

  const id: LogId = { sandbox_id: c.req.param('id') ?? '', log: 'console', workspace: access.workspace };
  if (!(await sandboxExists(store, id.sandbox_id, id.workspace))) return unknownSandbox(c);
  const tail = resume === null ? await findTail(store, id, lines) : null;
  if (following) return followed(store, id, resume ?? tail?.after ?? null, metrics, stopping);

  const headers = { 'Content-Type': 'text/plain; charset=utf-8' };
  if (tail === null) return c.body('', 200, headers);
  return c.body(
    bodyOf(readBytes(store, id, tail.after, tail.until), () => {}),
    200,
    headers,
  );
}

export function unknownSandbox(c: Context): Response {
  return answerWith(c, 'SANDBOX_UNKNOWN', 'There are no logs of this sandbox.');
}

function followed(
  store: Store,
  id: LogId,
  after: Place | null,
  metrics: ServerMetrics,
  stopping: AbortSignal,
): Response {
  const gone = new AbortController();
  metrics.followers.inc();
  const events = follow(store, id, { after, signal: AbortSignal.any([gone.signal, stopping]) });
  let open = true;
  const body = bodyOf(events, () => {
    if (open) metrics.followers.dec();
    open = false;
    gone.abort();
  });
  return new Response(body, {
    headers: {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-store',
      // nginx would hold events back until its buffer is full.
      'X-Accel-Buffering': 'no',
    },
  });
}
