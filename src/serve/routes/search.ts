import { z } from 'zod';
import { limits } from '../../base/limits.ts';
import { severities } from '../../store/read/line_filter.ts';
import { histogram, type SearchFilter, search, surround } from '../../store/read/search.ts';
import { logNames } from '../../wire/log_names.ts';
import type { Access } from '../http/auth.ts';
import type { ServeContext } from '../http/context.ts';
import { cursor, cursorOf, day, int64, uint64 } from '../http/cursor.ts';
import { lineFilterOf } from '../http/line_parameters.ts';
import {
  BadParameter,
  choice,
  moment,
  nameList,
  optionalText,
  requiredText,
  wholeNumber,
} from '../http/parameters.ts';
import { jsonAnswer, type RouteSpec, type Routes } from '../http/route.ts';
import { histogramAnswer, lineOf, recordOf, searchAnswer } from '../http/shapes.ts';

const which = {
  sandbox: optionalText('Only this sandbox'),
  workspace: optionalText('Only this workspace'),
  template: optionalText('Only this template'),
  host: optionalText('On this host'),
  log: choice('Only this log', logNames),
  source: nameList('Lines of these sources'),
  severity: choice('Lines of this severity and worse', severities),
  since: moment('Lines whose time is not before'),
  until: moment('Lines whose time is before'),
};

const searchQuery = z.object({
  q: requiredText('The text that a line holds, as it is'),
  ...which,
  context: wholeNumber('So many rows around each line', 0, limits.search.context_max),
  limit: wholeNumber(
    `At most so many lines; ${limits.search.lines_default} if it is not given`,
    1,
    limits.search.lines_max,
  ),
  cursor: cursor(
    z.object({
      day,
      row: z
        .object({ time_ns: int64, sandbox_id: z.string(), log: z.string(), stream: int64, position: uint64 })
        .optional(),
    }),
  ),
});
const searchSpec: RouteSpec<typeof searchQuery> = {
  method: 'get',
  path: '/v1/search',
  scope: 'read',
  summary: 'Lines of all sandboxes that contain a text, newest first',
  description:
    'Sorted by the day of arrival, then by time. A page may have fewer lines than limit, even none, if the search ' +
    'takes long; continue with next, which is null at the end.',
  query: searchQuery,
  answers: { 200: jsonAnswer('Some lines', searchAnswer) },
};

const histogramQuery = z.object({
  q: optionalText('Only lines that contain exactly this text'),
  ...which,
  buckets: wholeNumber(
    `Parts of the time; ${limits.search.buckets_default} if it is not given`,
    1,
    limits.search.buckets_max,
  ),
  by: choice('Count lines by severity (default) or by source', ['severity', 'source']),
});
const histogramSpec: RouteSpec<typeof histogramQuery> = {
  method: 'get',
  path: '/v1/histogram',
  scope: 'read',
  summary: 'Number of lines over time',
  description: 'The last hour by default; since and until select another time.',
  query: histogramQuery,
  answers: {
    200: jsonAnswer('Equal parts of the time, all of them', histogramAnswer),
  },
};

export function addSearch(routes: Routes, { store }: ServeContext): void {
  routes.add(searchSpec, async (c, query) => {
    const what = whatOf(query, c.get('workspace'));
    if (what === null) return c.json({ matches: [], next: null });
    const { limit = limits.search.lines_default, cursor: from = null, context = 0 } = query;
    const { rows, next } = await search(store, what, limit, from);
    const found = await surround(store, rows, context, c.get('workspace'));
    const matches = found.map(({ row, before, after }) => ({
      sandbox_id: row.sandbox_id,
      log: row.log,
      host: row.host,
      workspace: row.workspace,
      template: row.template,
      line: lineOf(row),
      before: before.map(recordOf),
      after: after.map(recordOf),
    }));
    return c.json({ matches, next: cursorOf(next) });
  });
  routes.add(histogramSpec, async (c, query) => {
    const until = query.until ?? BigInt(Date.now()) * 1_000_000n;
    const since = query.since ?? until - 3_600_000_000_000n;
    if (since >= until) throw new BadParameter('Parameter until must be later than since.');
    const { buckets = limits.search.buckets_default, by = 'severity' } = query;
    const what = whatOf({ ...query, since, until }, c.get('workspace'));
    const counted =
      what === null
        ? []
        : await histogram(store, { ...what, filter: { ...what.filter, since, until } }, buckets, by);
    return c.json({ buckets: counted.map(({ from, counts }) => ({ from: timeOf(from), counts })) });
  });
}

type Which = z.output<z.ZodObject<typeof which>> & { q?: string | undefined };

/** Null: the request is about another workspace, which the token does not see. */
function whatOf(query: Which, own: Access['workspace']): SearchFilter | null {
  const { sandbox: sandbox_id, log, host, template, workspace } = query;
  if (own !== null && workspace !== undefined && workspace !== own) return null;
  return {
    filter: lineFilterOf(query),
    workspace: own ?? workspace ?? null,
    sandbox_id,
    log,
    host,
    template,
  };
}

const timeOf = (ns: bigint): string => new Date(Number(ns / 1_000_000n)).toISOString();
