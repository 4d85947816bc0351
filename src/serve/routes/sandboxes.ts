import { z } from 'zod';
import { limits } from '../../base/limits.ts';
import { findSandboxes, getSandbox } from '../../store/read/sandboxes.ts';
import { type ServeContext, unknownSandbox } from '../http/context.ts';
import { cursor, cursorOf, int64 } from '../http/cursor.ts';
import { choice, moment, optionalText, wholeNumber } from '../http/parameters.ts';
import { jsonAnswer, type RouteSpec, type Routes } from '../http/route.ts';
import { sandboxesAnswer, sandboxShape } from '../http/shapes.ts';

const listQuery = z.object({
  state: choice('alive or deleted', ['alive', 'deleted']),
  q: optionalText('Part of the id'),
  workspace: optionalText('Only this workspace'),
  template: optionalText('Only this template'),
  host: optionalText('On this host'),
  since: moment('Seen then or later'),
  until: moment('Seen before'),
  limit: wholeNumber(
    `At most so many; ${limits.question.sandboxes_default} if it is not given`,
    1,
    limits.question.sandboxes_max,
  ),
  cursor: cursor(z.object({ first_seen_ns: int64, id: z.string() })),
});
const listSpec: RouteSpec<typeof listQuery> = {
  method: 'get',
  path: '/v1/sandboxes',
  scope: 'read',
  summary: 'Sandboxes, the newest first',
  query: listQuery,
  answers: {
    200: jsonAnswer('Some sandboxes', sandboxesAnswer),
  },
};
const oneQuery = z.object({});
const oneSpec: RouteSpec<typeof oneQuery> = {
  method: 'get',
  path: '/v1/sandboxes/:id',
  scope: 'read',
  summary: 'One sandbox',
  query: oneQuery,
  answers: { 200: jsonAnswer('The sandbox', sandboxShape) },
};

export function addSandboxes(routes: Routes, { store }: ServeContext): void {
  routes.add(
    listSpec,
    async (c, { q, limit = limits.question.sandboxes_default, cursor: after = null, workspace, ...rest }) => {
      const own = c.get('workspace');
      // Another workspace looks empty to the token.
      if (own !== null && workspace !== undefined && workspace !== own)
        return c.json({ sandboxes: [], next: null });
      const filter = { ...rest, text: q, workspace: own ?? workspace ?? null };
      const { sandboxes, next } = await findSandboxes(store, filter, limit, after);
      return c.json({ sandboxes, next: cursorOf(next) });
    },
  );
  routes.add(oneSpec, async (c) => {
    const sandbox = await getSandbox(store, c.req.param('id') ?? '', c.get('workspace'));
    return sandbox === null ? unknownSandbox(c) : c.json(sandbox);
  });
}
