import type { ServeContext } from '../http/context.ts';
import { BadParameter } from '../http/parameters.ts';
import type { RouteSpec, Routes } from '../http/route.ts';
import { recordShape } from '../http/shapes.ts';
import { answerFollow } from './follow_logs.ts';
import { formatOf, logsQuery } from './logs_query.ts';
import { answerSnapshot } from './logs_snapshot.ts';

const logsSpec: RouteSpec<typeof logsQuery> = {
  method: 'get',
  path: '/v1/sandboxes/:id/logs',
  scope: 'read',
  summary: 'A sandbox’s log, alive or deleted',
  description:
    'The same answer as the runtime’s: the last lines as bytes of the file, or server-sent events with follow. With ' +
    'limit and cursor, one page; the header Afterlog-Cursor is the cursor of the next page.',
  query: logsQuery,
  headers: { 'Last-Event-ID': 'For followers: continue after this event' },
  answers: {
    200: {
      description: 'The lines',
      content: [
        { type: 'text/plain' },
        { type: 'text/event-stream' },
        { type: 'application/x-ndjson', schema: recordShape },
      ],
    },
    204: { description: 'The event of Last-Event-ID was the end' },
  },
};

/**
 * `GET /v1/sandboxes/{id}/logs`: the console as the runtime's own address serves it, with the same answer
 * after the sandbox was deleted.
 */
export function addLogs(routes: Routes, on: ServeContext): void {
  routes.add(logsSpec, async (c, query) => {
    const format = formatOf(c, query);
    const follows = query.follow ?? format === 'sse';
    if (follows) return await answerFollow(c, on, query, format);
    if (format === 'sse') throw new BadParameter('Events are for followers; send follow=1 too.');
    return await answerSnapshot(c, on, query, format);
  });
}
