import { z } from 'zod';
import { limits } from '../../base/limits.ts';
import type { Store } from '../../store/query.ts';
import { isEnd } from '../../store/read/follow_log.ts';
import type { LineFilter } from '../../store/read/line_filter.ts';
import { severities } from '../../store/read/line_filter.ts';
import type { Following, LogHub } from '../../store/read/log_hub.ts';
import {
  findTail,
  isBeyond,
  type LastRow,
  type LogId,
  type LogPlace,
  lastRow,
  nthLine,
  readBytes,
  readRows,
} from '../../store/read/read_log.ts';
import { sandboxExists } from '../../store/read/sandboxes.ts';
import type { SharedTails } from '../../store/read/shared_tails.ts';
import type { ShortTail } from '../../store/read/short_tail.ts';
import { logNames } from '../../wire/log_names.ts';
import type { Agents } from '../agents.ts';
import { answerWith } from '../http/answer.ts';
import { bodyOf } from '../http/body.ts';
import {
  BadParameter,
  choice,
  moment,
  nameList,
  optionalText,
  place,
  quote,
  wholeNumber,
  yesNo,
} from '../http/parameters.ts';
import { parsePlaceId, placeId } from '../http/place_id.ts';
import type { ApiContext, RouteSpec } from '../http/route.ts';
import { recordOf, recordShape } from '../http/shapes.ts';
import { waitForLastBytes } from '../last_bytes.ts';
import type { ServerMetrics } from '../metrics.ts';
import { follow, type Wording } from './follow_logs.ts';

/** Which lines of a log; of every route that reads one. */
export const filterParameters = {
  log: choice('Which log; console if none is named', logNames),
  source: nameList('Lines of these sources'),
  severity: choice('Lines of this severity and worse', severities),
  since: moment('Lines whose time is not before'),
  until: moment('Lines whose time is before'),
  q: optionalText('Lines that hold this text as it is'),
};

export const logsQuery = z.object({
  tail: wholeNumber(
    `The last lines that match; ${limits.read.tail_lines_default}, or all with since`,
    0,
    limits.read.tail_lines_max,
  ),
  follow: yesNo('Then the next ones as they come, until the sandbox is deleted'),
  stream: choice('A serial console is one stream: each name means all of it', ['stdout', 'stderr', 'both']),
  ...filterParameters,
  limit: wholeNumber('The first lines that match, after the cursor', 1, limits.read.page_lines_max),
  cursor: place('Begins behind the line or event with this id'),
  format: choice('Instead of the Accept header', ['text', 'ndjson', 'sse']),
});
type LogsQuery = z.output<typeof logsQuery>;

export const logsSpec: RouteSpec<typeof logsQuery> = {
  method: 'get',
  path: '/v1/sandboxes/:id/logs',
  scope: 'read',
  summary: 'A sandbox’s log, alive or deleted',
  description:
    'As the runtime serves it: the last lines as the file’s bytes, or with follow as server-sent events. With ' +
    'limit and cursor, a page; the header Afterlog-Cursor is the cursor of the next one.',
  query: logsQuery,
  headers: { 'Last-Event-ID': 'Of a follower: begins behind the event with this id' },
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

/** What the routes of one log need. */
export interface LogsContext {
  store: Store;
  hub: LogHub;
  tails: SharedTails;
  agents: Agents;
  metrics: ServerMetrics;
  /** Aborts when the server stops: ends the event streams. */
  stopping: AbortSignal;
}

const types = {
  text: 'text/plain; charset=utf-8',
  ndjson: 'application/x-ndjson; charset=utf-8',
  sse: 'text/event-stream; charset=utf-8',
};

/**
 * `GET /v1/sandboxes/{id}/logs`: the console as the runtime's own address serves it, and the same answer after the
 * sandbox was deleted.
 */
export async function answerLogs(c: ApiContext, on: LogsContext, query: LogsQuery): Promise<Response> {
  const { store, agents } = on;
  const filter = lineFilterOf(query);
  const id = logIdOf(c, query.log);
  const format = formatOf(c, query);
  const follows = query.follow ?? format === 'sse';
  if (follows) return await answerFollow(c, on, id, query, filter, format);
  if (format === 'sse') throw new BadParameter('Events are for followers; send follow=1 too.');
  if (query.cursor !== undefined && query.tail !== undefined) {
    throw new BadParameter(
      'Parameter tail counts from the end, and cursor from a line on; send one of them.',
    );
  }

  const { tail = limits.read.tail_lines_default } = query;
  const mayBeShort = format === 'text' && isTailOnly(query);
  let short = mayBeShort ? await on.tails.read(id, tail) : null;
  const last = short === null ? await lastRow(store, id) : short.last;
  const isMore = await waitForLastBytes(store, agents, id, last, c.req.raw.signal);
  if (isMore && short !== null) short = await on.tails.read(id, tail);
  if (short !== null && short.last !== null) return answerShort(c, short);
  if (!(await sandboxExists(store, id.sandbox_id, id.workspace))) return unknownSandbox(c);
  c.header('Content-Type', types[format]);
  let range = await rangeOf(store, id, query, filter);
  if (format === 'ndjson' && tail > 0) range = await withRest(store, id, query.cursor ?? null, filter, range);
  const next = range?.until ?? query.cursor;
  if (next !== undefined) c.header('Afterlog-Cursor', placeId(next));
  if (range === null) {
    // Without any line, as after an erase, the gaps and the end are all there is to tell.
    const isBare = format === 'ndjson' && last !== null && query.cursor === undefined;
    if (!isBare || (await findTail(store, id, 0)) !== null) return c.body('');
    return c.body(bodyOf(readRecords(store, id, null, last, {}), () => {}));
  }
  const { after, until } = range;
  return c.body(
    bodyOf(
      format === 'ndjson'
        ? readRecords(store, id, after, until, filter)
        : readBytes(store, id, after, until, filter),
      () => {},
    ),
  );
}

/** Whether the last lines are asked for, whichever they are. */
function isTailOnly({ tail: _, follow: _f, stream: _s, log: _l, format: _t, ...rest }: LogsQuery): boolean {
  return Object.values(rest).every((value) => value === undefined);
}

function answerShort(c: ApiContext, { bytes, until }: ShortTail): Response {
  c.header('Content-Type', types.text);
  if (until !== null) c.header('Afterlog-Cursor', placeId(until));
  return c.body(bytes as Uint8Array<ArrayBuffer>);
}

/** What lies between two places is wanted: after the first, up to and with the second. */
interface LogRange {
  after: LogPlace | null;
  until: LogPlace;
}

async function rangeOf(
  store: Store,
  id: LogId,
  { tail, limit, cursor, since }: LogsQuery,
  filter: LineFilter,
): Promise<LogRange | null> {
  if (limit !== undefined && tail === undefined) {
    const after = cursor ?? null;
    const until = await nthLine(store, id, after, limit, filter);
    return until === null ? null : { after, until };
  }
  // Who names a start wants everything from there on.
  if (tail === undefined && (cursor !== undefined || since !== undefined)) {
    const whole = await findTail(store, id, 0, filter);
    if (whole === null || (cursor !== undefined && !isBeyond(whole.until, cursor))) return null;
    return { after: cursor ?? null, until: whole.until };
  }
  const found = await findTail(store, id, tail ?? limits.read.tail_lines_default, filter);
  if (found === null || limit === undefined) return found;
  const until = await nthLine(store, id, found.after, limit, filter);
  return until === null
    ? null
    : { after: found.after, until: isBeyond(until, found.until) ? found.until : until };
}

/** With what follows the last wanted line, so that a gap there, and the end, are told too. */
async function withRest(
  store: Store,
  id: LogId,
  cursor: LogPlace | null,
  filter: LineFilter,
  range: LogRange | null,
): Promise<LogRange | null> {
  const last = await lastRow(store, id);
  const { after, until } = range ?? { after: cursor, until: cursor };
  if (last === null || (until !== null && !isBeyond(last, until))) return range;
  // Of a page that is full, the next one tells it.
  const isFull = (await nthLine(store, id, until, 1, filter)) !== null;
  return isFull ? range : { after, until: last };
}

async function* readRecords(
  store: Store,
  id: LogId,
  after: LogPlace | null,
  until: LogPlace,
  filter: LineFilter,
): AsyncGenerator<string> {
  for (let at = after; ; ) {
    const rows = await readRows(store, id, at, filter);
    const some = rows.filter((row) => !isBeyond(row, until));
    if (some.length > 0) yield some.map((row) => `${JSON.stringify(recordOf(row))}\n`).join('');
    if (some.length < rows.length || rows.length === 0) return;
    at = rows.at(-1)!;
  }
}

async function answerFollow(
  c: ApiContext,
  on: LogsContext,
  id: LogId,
  query: LogsQuery,
  filter: LineFilter,
  format: keyof typeof types,
): Promise<Response> {
  const { store } = on;
  if (query.until !== undefined) throw new BadParameter('Parameter until does not go with follow.');
  if (query.limit !== undefined) throw new BadParameter('Parameter limit does not go with follow.');
  // The header wins: a browser that comes again sends the first request’s address with it.
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
    // Without this answer a browser would come again and again for the end.
    if (seen !== undefined && last !== null && isEnd(last) && isSame(last, resume)) return c.body(null, 204);
    // Nobody would ever end a stream without a reader.
    if (c.req.method === 'HEAD') return c.body(null, 200, { 'Content-Type': types.sse });
    const start = await startOf(store, id, query, filter, resume, last);
    isAnswered = true;
    return followed(on, following, start, filter, format === 'ndjson' ? 'ndjson' : 'sse');
  } finally {
    if (!isAnswered) following.leave();
  }
}

interface Start {
  after: LogPlace | null;
  /** There may be rows behind it already. */
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
  // The end is told by a look of one's own.
  const isOver = last !== null && isEnd(last);
  const from = (after: LogPlace | null): Start => ({
    after,
    isBehind: isOver || (last !== null && (after === null || isBeyond(last, after))),
  });
  if (resume !== undefined) return from(resume);
  // Of no lines at all, not even the gaps before them.
  if (tail === 0) return from(last);
  if (tail === undefined && since !== undefined) return from(null);
  const found = await findTail(store, id, tail ?? limits.read.tail_lines_default, filter);
  return { after: found?.after ?? null, isBehind: true };
}

function followed(
  { metrics, stopping }: LogsContext,
  following: Following,
  { after, isBehind }: Start,
  filter: LineFilter,
  wording: Wording,
): Response {
  const gone = new AbortController();
  metrics.followers.inc();
  const signal = AbortSignal.any([gone.signal, stopping]);
  const steps = following.steps({ after, filter, signal, pulse_ms: limits.follow.heartbeat_ms }, isBehind);
  let open = true;
  const body = bodyOf(follow(steps, wording), () => {
    if (open) metrics.followers.dec();
    open = false;
    following.leave();
    gone.abort();
  });
  return new Response(body, {
    headers: {
      'Content-Type': types[wording],
      // Where it begins, for one who is cut off before the first line: behind nothing is the start of the log.
      'Afterlog-Cursor': after === null ? '0-0' : placeId(after),
      'Cache-Control': 'no-store',
      // nginx would hold events back until its buffer is full.
      'X-Accel-Buffering': 'no',
    },
  });
}

const isSame = (a: LogPlace, b: LogPlace | undefined): boolean =>
  a.stream === b?.stream && a.position === b.position && a.record === b.record;

/** @throws BadParameter */
export function lineFilterOf({
  source,
  severity,
  since,
  until,
  q,
}: Pick<LogsQuery, keyof typeof filterParameters>): LineFilter {
  if (since !== undefined && until !== undefined && since >= until) {
    throw new BadParameter('Parameter until must be later than since; else no line can match.');
  }
  return { sources: source, severity, since, until, text: q };
}

export const logIdOf = (c: ApiContext, log = 'console'): LogId => ({
  sandbox_id: c.req.param('id') ?? '',
  log,
  workspace: c.get('workspace'),
});

/** The parameter, else the first type of Accept that there is. Followers get events unless they ask for NDJSON. */
function formatOf(c: ApiContext, { format, follow: follows }: LogsQuery): keyof typeof types {
  if (follows && format === 'text')
    throw new BadParameter('Parameter format is "text"; a follower gets sse or ndjson.');
  if (format !== undefined) return format;
  for (const accepted of (c.req.header('Accept') ?? '').split(',')) {
    const type = accepted.split(';')[0]!.trim().toLowerCase();
    if (type === 'application/x-ndjson' || type === 'application/ndjson') return 'ndjson';
    // A browser’s EventSource names it, and so means to follow.
    if (type === 'text/event-stream' && follows !== false) return 'sse';
    if (type === 'text/plain' && !follows) return 'text';
  }
  return follows ? 'sse' : 'text';
}

export function unknownSandbox(c: ApiContext): Response {
  return answerWith(c, 'SANDBOX_UNKNOWN', 'There are no logs of this sandbox.');
}
