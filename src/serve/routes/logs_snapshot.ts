import { limits } from '../../base/limits.ts';
import type { Store } from '../../store/query.ts';
import { findTail, nthLine } from '../../store/read/find_tail.ts';
import type { LineFilter } from '../../store/read/line_filter.ts';
import {
  isBeyond,
  type LogId,
  type LogPlace,
  lastRow,
  readBytes,
  readRows,
} from '../../store/read/read_log.ts';
import { sandboxExists } from '../../store/read/sandboxes.ts';
import type { ShortTail } from '../../store/read/short_tail.ts';
import { LineJoiner, type WholeLine } from '../../store/read/whole_lines.ts';
import { waitForLastBytes } from '../agents/last_bytes.ts';
import { bodyOf } from '../http/body.ts';
import { logIdOf, type ServeContext, unknownSandbox } from '../http/context.ts';
import { lineFilterOf } from '../http/line_parameters.ts';
import { BadParameter } from '../http/parameters.ts';
import { placeId } from '../http/place_id.ts';
import type { ApiContext } from '../http/route.ts';
import { wholeOf } from '../http/shapes.ts';
import { contentTypes, type LogsQuery } from './logs_query.ts';

/** The lines of a log as they are now. */
export async function answerSnapshot(
  c: ApiContext,
  on: ServeContext,
  query: LogsQuery,
  format: 'text' | 'ndjson',
): Promise<Response> {
  const { store, agents } = on;
  const filter = lineFilterOf(query);
  const id = logIdOf(c, query.log);
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
  c.header('Content-Type', contentTypes[format]);
  let range = await rangeOf(store, id, query, filter);
  if (format === 'ndjson' && tail > 0) range = await withRest(store, id, query.cursor ?? null, filter, range);
  const next = range?.until ?? query.cursor;
  if (next !== undefined) c.header('Afterlog-Cursor', placeId(next));
  if (range === null) {
    // Without any line, as after an erase, the answer is the gaps and the end.
    const isBare = format === 'ndjson' && last !== null && query.cursor === undefined;
    if (!isBare || (await findTail(store, id, 0)) !== null) return c.body('');
    return c.body(bodyOf(readRecords(store, id, null, last, {}), () => {}));
  }
  const { after, until } = range;
  return c.body(
    bodyOf(
      format === 'ndjson'
        ? readRecords(store, id, after, until, filter)
        : readBytes(store, id, after, until, filter, true),
      () => {},
    ),
  );
}

/** Whether the request asks for the last lines, without a condition. */
function isTailOnly({ tail: _, follow: _f, stream: _s, log: _l, format: _t, ...rest }: LogsQuery): boolean {
  return Object.values(rest).every((value) => value === undefined);
}

function answerShort(c: ApiContext, { bytes, until }: ShortTail): Response {
  c.header('Content-Type', contentTypes.text);
  if (until !== null) c.header('Afterlog-Cursor', placeId(until));
  return c.body(bytes as Uint8Array<ArrayBuffer>);
}

/** The rows after one place, up to and with another. */
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
  // A request with a start gets everything from there on.
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

/** The range with the rows behind its last line, so that a gap there, and the end, are in the answer too. */
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
  // A full page ends at its last line; the next page goes on from there.
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
  const joiner = new LineJoiner();
  const textOf = (lines: WholeLine[]): string =>
    lines.map((line) => `${JSON.stringify(wholeOf(line))}\n`).join('');
  for (let at = after; ; ) {
    const rows = await readRows(store, id, at, filter);
    const some = rows.filter((row) => !isBeyond(row, until));
    const text = textOf(joiner.take(some));
    if (text !== '') yield text;
    if (some.length < rows.length || rows.length === 0) break;
    at = rows.at(-1)!;
  }
  const rest = textOf(joiner.flush());
  if (rest !== '') yield rest;
}
