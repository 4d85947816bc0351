import { z } from 'zod';
import { limits } from '../../base/limits.ts';
import {
  type BootCrashFilter,
  type BootCrashPlace,
  listBoots,
  summarizeBoots,
} from '../../store/read/boots.ts';
import { listCauses, listCrashes } from '../../store/read/crashes.ts';
import type { ServeContext } from '../http/context.ts';
import { cursor, cursorOf, uint64 } from '../http/cursor.ts';
import { moment, optionalText, wholeNumber, yesNo } from '../http/parameters.ts';
import { jsonAnswer, type RouteSpec, type Routes } from '../http/route.ts';
import { bootsAnswer, causesAnswer, crashesAnswer } from '../http/shapes.ts';

const which = {
  sandbox: optionalText('Only this sandbox'),
  workspace: optionalText('Only this workspace'),
  template: optionalText('Only this template'),
  host: optionalText('On this host'),
  since: moment('Then or later; of the last 24 hours if it is not given'),
  until: moment('Before'),
  limit: wholeNumber(
    `At most so many; ${limits.question.boots_default} if it is not given`,
    1,
    limits.question.boots_max,
  ),
};
const after = cursor(
  z.object({
    time: z.iso.datetime({ precision: 3 }),
    sandbox_id: z.string(),
    position: uint64,
  }),
);
const bootsQuery = z.object({
  failed: yesNo('Only failed boots'),
  ...which,
  cursor: after,
});
const bootsSpec: RouteSpec<typeof bootsQuery> = {
  method: 'get',
  path: '/v1/boots',
  scope: 'read',
  summary: 'Boots, newest first, with a summary',
  query: bootsQuery,
  answers: {
    200: jsonAnswer('Some boots', bootsAnswer),
  },
};

const crashesQuery = z.object({
  title: optionalText('With this in their title, in any case'),
  each: yesNo('One by one, not by title'),
  ...which,
  cursor: after,
});
const crashesSpec: RouteSpec<typeof crashesQuery> = {
  method: 'get',
  path: '/v1/crashes',
  scope: 'read',
  summary:
    'Crashes by title, with first and last seen, the most frequent first; or one by one, the last one first',
  query: crashesQuery,
  answers: {
    200: jsonAnswer('With each, crashes and next; else causes', z.union([causesAnswer, crashesAnswer])),
  },
};

const DAY_NS = 86_400_000_000_000n;

export function addBootsCrashes(routes: Routes, { store }: ServeContext): void {
  routes.add(bootsSpec, async (c, query) => {
    const { failed, limit = limits.question.boots_default, cursor: from = null } = query;
    const filter = filterOf(query, c.get('workspace'));
    const [boots, summary] = await Promise.all([
      listBoots(store, { ...filter, failed }, limit, from),
      summarizeBoots(store, filter),
    ]);
    const last = boots.length < limit ? undefined : boots.at(-1);
    return c.json({ boots, summary, next: nextOf(last, last?.started_at) });
  });
  routes.add(crashesSpec, async (c, query) => {
    const { title, each, limit = limits.question.boots_default, cursor: from = null } = query;
    const filter = { ...filterOf(query, c.get('workspace')), title };
    if (!each) return c.json({ causes: await listCauses(store, filter, limit) });
    const crashes = await listCrashes(store, filter, limit, from);
    const last = crashes.length < limit ? undefined : crashes.at(-1);
    return c.json({ crashes, next: nextOf(last, last?.last_seen) });
  });
}

function nextOf(last: { sandbox_id: string; position: string } | undefined, time = ''): string | null {
  if (last === undefined) return null;
  const place: BootCrashPlace = { time, sandbox_id: last.sandbox_id, position: last.position };
  return cursorOf(place);
}

function filterOf(query: z.output<z.ZodObject<typeof which>>, own: string | null): BootCrashFilter {
  const { sandbox: sandbox_id, workspace, template, host, until } = query;
  const since = query.since ?? BigInt(Date.now()) * 1_000_000n - DAY_NS;
  // Both must match: nothing of another workspace is visible.
  const nobodys = own !== null && workspace !== undefined && workspace !== own;
  return { since, until: nobodys ? 0n : until, sandbox_id, template, host, workspace: own ?? workspace };
}
