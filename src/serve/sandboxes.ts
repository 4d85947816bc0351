import { z } from 'zod';
import { limits } from '../config/limits.ts';
import { getSandbox, listSandboxes } from '../store/queries.ts';
import { type LogsContext, unknownSandbox } from './logs.ts';
import { wholeNumber } from './parameters.ts';
import type { RouteSpec, Routes } from './route.ts';
import { sandboxShape } from './shapes.ts';

const listQuery = z.object({ limit: wholeNumber('At most so many', 1, limits.sandboxes_max) });
const listSpec: RouteSpec<typeof listQuery> = {
  method: 'get',
  path: '/v1/sandboxes',
  scope: 'read',
  summary: 'Sandboxes, last seen first',
  query: listQuery,
  answers: {
    200: {
      description: 'Some sandboxes',
      content: [{ type: 'application/json', schema: z.object({ sandboxes: z.array(sandboxShape) }) }],
    },
  },
};
const oneQuery = z.object({});
const oneSpec: RouteSpec<typeof oneQuery> = {
  method: 'get',
  path: '/v1/sandboxes/:id',
  scope: 'read',
  summary: 'One sandbox',
  query: oneQuery,
  answers: { 200: { description: 'It', content: [{ type: 'application/json', schema: sandboxShape }] } },
};

export function addSandboxes(routes: Routes, { store }: LogsContext): void {
  routes.add(listSpec, async (c, { limit = limits.sandboxes_default }) =>
    c.json({ sandboxes: await listSandboxes(store, c.get('workspace'), limit) }),
  );
  routes.add(oneSpec, async (c) => {
    const sandbox = await getSandbox(store, c.req.param('id') ?? '', c.get('workspace'));
    return sandbox === null ? unknownSandbox(c) : c.json(sandbox);
  });
}
