import { z } from 'zod';
import { log } from '../../base/log.ts';
import { erase } from '../../store/care/erase.ts';
import { getSandbox, sandboxExists } from '../../store/read/sandboxes.ts';
import { waitForAllLogs } from '../agents/last_bytes.ts';
import { type ServeContext, unknownSandbox } from '../http/context.ts';
import { jsonAnswer, type RouteSpec, type Routes } from '../http/route.ts';
import { erasureShape } from '../http/shapes.ts';

const eraseSpec: RouteSpec = {
  method: 'delete',
  path: '/v1/sandboxes/:id/logs',
  scope: 'erase',
  summary: 'Erase what is stored of a sandbox’s logs',
  description:
    'Erases all lines of all logs of the sandbox that were written before the request. A gap row replaces them. ' +
    'Messages stay in Kafka until its retention ends, and do not land again. The request can be repeated.',
  query: z.object({}),
  answers: {
    200: jsonAnswer('All rows are removed', erasureShape),
    202: jsonAnswer(
      'ClickHouse is still removing the rows; repeat the request to see when it is done',
      erasureShape,
    ),
  },
};

export function addErase(routes: Routes, { store, agents }: ServeContext): void {
  routes.add(eraseSpec, async (c) => {
    const id = { sandbox_id: c.req.param('id') ?? '', workspace: c.get('workspace') };
    if (!(await sandboxExists(store, id.sandbox_id, id.workspace))) return unknownSandbox(c);
    await waitForAllLogs(store, agents, id, c.req.raw.signal);
    const erased = await erase(store, id);
    if (erased === null) return unknownSandbox(c);
    log.info(
      { caller: c.get('caller') ?? 'this machine', ...id, ...erased },
      'The logs of a sandbox were erased on request.',
    );
    const sandbox = await getSandbox(store, id.sandbox_id, id.workspace);
    const alive = sandbox?.state !== 'deleted';
    return c.json({ ...erased, alive }, erased.state === 'erased' ? 200 : 202);
  });
}
