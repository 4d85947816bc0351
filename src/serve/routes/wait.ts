import { z } from 'zod';
import { limits } from '../../base/limits.ts';
import { waitForText } from '../../store/read/find_text.ts';
import { isEnd } from '../../store/read/follow_log.ts';
import { sandboxExists } from '../../store/read/sandboxes.ts';
import { answerWith } from '../http/answer.ts';
import { logIdOf, type ServeContext } from '../http/context.ts';
import { lineFilterOf, lineParameters } from '../http/line_parameters.ts';
import { place, requiredText, wholeNumber } from '../http/parameters.ts';
import type { RouteSpec, Routes } from '../http/route.ts';
import { lineShape, wholeOf } from '../http/shapes.ts';

const { log, source, severity, since } = lineParameters;
const waitQuery = z.object({
  for: requiredText('The text that the line holds, as it is'),
  timeout: wholeNumber(`Seconds; ${limits.read.wait_s_default} if none are named`, 0, limits.read.wait_s_max),
  cursor: place('Only lines behind the one with this id'),
  log,
  source,
  severity,
  since,
});
const waitSpec: RouteSpec<typeof waitQuery> = {
  method: 'get',
  path: '/v1/sandboxes/:id/logs/wait',
  scope: 'read',
  summary: 'Wait for the first line that contains a text',
  description:
    'Answers at once if the line exists. The sandbox does not have to exist yet, so one call can wait for a boot.',
  query: waitQuery,
  answers: {
    200: { description: 'The line', content: [{ type: 'application/json', schema: lineShape }] },
    408: { description: 'The line did not arrive in time' },
    410: { description: 'The log ended without it' },
  },
};

export function addWait(routes: Routes, { store, hub, stopping }: ServeContext): void {
  routes.add(waitSpec, async (c, query) => {
    const { timeout = limits.read.wait_s_default, cursor, for: text } = query;
    const filter = lineFilterOf({ ...query, until: undefined, q: undefined });
    const id = logIdOf(c, query.log);
    // Fails at once if ClickHouse does not answer; the sandbox itself may come later.
    await sandboxExists(store, id.sandbox_id, id.workspace);
    const late = AbortSignal.timeout(timeout * 1_000);
    const signal = AbortSignal.any([late, stopping, c.req.raw.signal]);
    const pulse_ms = limits.follow.heartbeat_ms;
    const following = hub.join(id);
    try {
      const last = await following.last();
      const isOver = last !== null && isEnd(last);
      const wanted = { text, filter, after: cursor ?? null };
      const found = await waitForText(store, id, wanted, last, (after) =>
        following.steps({ after, signal, pulse_ms }, isOver),
      );
      if (found === 'ended')
        return answerWith(c, 'LOG_ENDED', 'The sandbox was deleted, and no line holds the text.');
      if (found !== null) return c.json(wholeOf(found));
    } finally {
      following.leave();
    }
    if (stopping.aborted) return answerWith(c, 'SERVER_BUSY', 'This server is being stopped; ask again.');
    return answerWith(c, 'WAIT_TIMEOUT', `No line holds the text after ${timeout} s.`);
  });
}
