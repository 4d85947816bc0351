import { z } from 'zod';
import { limits } from '../../base/limits.ts';
import { lineParameters } from '../http/line_parameters.ts';
import { BadParameter, choice, place, wholeNumber, yesNo } from '../http/parameters.ts';
import type { ApiContext } from '../http/route.ts';

export const logsQuery = z.object({
  tail: wholeNumber(
    `The last lines that match; ${limits.read.tail_lines_default}, or all with since`,
    0,
    limits.read.tail_lines_max,
  ),
  follow: yesNo('Then the next ones as they come, until the sandbox is deleted'),
  stream: choice('A serial console is one stream: each name means all of it', ['stdout', 'stderr', 'both']),
  ...lineParameters,
  limit: wholeNumber('The first lines that match, after the cursor', 1, limits.read.page_lines_max),
  cursor: place('Begins behind the line or event with this id'),
  format: choice('Instead of the Accept header', ['text', 'ndjson', 'sse']),
});
export type LogsQuery = z.output<typeof logsQuery>;

export const contentTypes = {
  text: 'text/plain; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  sse: 'text/event-stream; charset=utf-8',
};
export type LogsFormat = keyof typeof contentTypes;

/**
 * The format of the parameter, else the first type of Accept that the route has. Followers get events unless
 * they ask for NDJSON.
 * @throws BadParameter
 */
export function formatOf(c: ApiContext, { format, follow: follows }: LogsQuery): LogsFormat {
  if (follows && format === 'text')
    throw new BadParameter('Parameter format is "text"; a follower gets sse or ndjson.');
  if (format !== undefined) return format;
  for (const accepted of (c.req.header('Accept') ?? '').split(',')) {
    const type = accepted.split(';')[0]!.trim().toLowerCase();
    if (type === 'application/x-ndjson' || type === 'application/ndjson') return 'ndjson';
    // A browser’s EventSource sends it, so the client means to follow.
    if (type === 'text/event-stream' && follows !== false) return 'sse';
    if (type === 'text/plain' && !follows) return 'text';
  }
  return follows ? 'sse' : 'text';
}
