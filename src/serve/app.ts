import { getConnInfo } from '@hono/node-server/conninfo';
import { type Context, Hono } from 'hono';
import { matchedRoutes } from 'hono/route';
import { limits } from '../config/limits.ts';
import { AfterlogError, type ErrorCode, reasonOf, statusOf } from '../errors.ts';
import { report } from '../faults.ts';
import { getSandbox, listSandboxes } from '../store/queries.ts';
import { isLasting, loggable, type Store, selectRows } from '../store/read.ts';
import { answerWith } from './answer.ts';
import { type Access, createAuth } from './auth.ts';
import { answerLogs, unknownSandbox } from './logs.ts';
import type { ServerMetrics } from './metrics.ts';
import { wholeNumber } from './parameters.ts';

export interface AppOptions {
  store: Store;
  tokens: string[];
  metrics: ServerMetrics;
  /** Aborts when the server stops: ends the event streams. */
  stopping: AbortSignal;
}

/** All routes. Errors are JSON: `{"error": sentence, "code": CODE}`. */
export function createApp({ store, tokens, metrics, stopping }: AppOptions): Hono<{ Variables: Access }> {
  const app = new Hono<{ Variables: Access }>();
  const authenticate = createAuth(tokens);

  app.use(async (c, next) => {
    await next();
    c.header('X-Content-Type-Options', 'nosniff');
    if (!c.res.headers.has('Cache-Control')) c.header('Cache-Control', 'no-store');
    // The pattern, not the path: a label has few values.
    const route = matchedRoutes(c).findLast(({ path }) => path !== '/*')?.path ?? 'none';
    metrics.requests.inc({ route, method: c.req.method, status: c.res.status });
  });

  // For the probes of a load balancer: these two say nothing about anybody's logs.
  app.get('/healthz', (c) => c.json({ status: 'ok' }));
  app.get('/readyz', async (c) => {
    await selectRows(store, `SELECT 1 FROM ${store.database}.console_logs LIMIT 1`, {});
    return c.json({ status: 'ok' });
  });

  app.use(async (c, next) => {
    const verdict = authenticate({
      authorization: c.req.header('Authorization'),
      peer: peerOf(c),
      host: c.req.header('Host'),
      forwarded: c.req.header('Forwarded') !== undefined || c.req.header('X-Forwarded-For') !== undefined,
    });
    if ('access' in verdict) {
      c.set('workspace', verdict.access.workspace);
      return await next();
    }
    return answerWith(c, verdict.code, verdict.error);
  });

  app.get('/v1/sandboxes', async (c) => {
    const limit = wholeNumber('limit', c.req.query('limit'), limits.sandboxes_default, limits.sandboxes_max);
    return c.json({ sandboxes: await listSandboxes(store, c.get('workspace'), limit) });
  });
  app.get('/v1/sandboxes/:id', async (c) => {
    const sandbox = await getSandbox(store, c.req.param('id'), c.get('workspace'));
    return sandbox === null ? unknownSandbox(c) : c.json(sandbox);
  });
  app.get('/v1/sandboxes/:id/logs', (c) =>
    answerLogs(c, store, { workspace: c.get('workspace') }, metrics, stopping),
  );
  app.get('/metrics', async (c) => {
    if (c.get('workspace') !== null) {
      return answerWith(c, 'SCOPE_MISSING', 'A token of one workspace does not see metrics.');
    }
    return c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType });
  });

  app.notFound((c) => answerWith(c, 'NOT_FOUND', `There is nothing at ${c.req.path}.`));
  app.onError((error, c) => answerError(error, c));
  return app;
}

const storeFaults: Partial<Record<ErrorCode, string>> = {
  CLICKHOUSE_UNREACHABLE: 'ClickHouse does not answer; nothing is lost, try again later.',
  SCHEMA_BEHIND: 'The database has no usable schema: run `afterlog migrate`.',
};

function answerError(error: unknown, c: Context): Response {
  const { path } = c.req;
  if (error instanceof AfterlogError && statusOf(error.code) < 500)
    return answerWith(c, error.code, error.message);
  if (error instanceof AfterlogError) {
    if (!isLasting(error)) report(loggable(error), { path });
    // The message names addresses and tables, which are the operator's.
    const sentence = storeFaults[error.code] ?? 'ClickHouse refused the query; the server’s log says why.';
    return answerWith(c, error.code, sentence);
  }
  report(new AfterlogError('INTERNAL', `A request failed: ${reasonOf(error)}.`), { path }, 'error');
  return answerWith(c, 'INTERNAL', 'This request failed; the server’s log says why.');
}

function peerOf(c: Context): string | undefined {
  try {
    return getConnInfo(c).remote.address;
  } catch {
    return undefined; // The connection has gone already.
  }
}
