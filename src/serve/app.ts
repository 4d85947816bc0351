import type { ServerResponse } from 'node:http';
import { type Context, Hono } from 'hono';
import { matchedRoutes } from 'hono/route';
import { z } from 'zod';
import { AfterlogError, type ErrorCode, httpStatusOf, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { isLasting, loggable, selectRows } from '../store/query.ts';
import { type Answered, isProbe, logAccess } from './http/access_log.ts';
import { answerWith } from './http/answer.ts';
import type { Tokens } from './http/auth.ts';
import type { ServeContext } from './http/context.ts';
import { openApi, openApiSpec } from './http/openapi.ts';
import { type Api, type RouteSpec, Routes } from './http/route.ts';
import { addBootsCrashes } from './routes/boots_crashes.ts';
import { addErase } from './routes/erase.ts';
import { addLogs } from './routes/logs.ts';
import { addSandboxes } from './routes/sandboxes.ts';
import { addSearch } from './routes/search.ts';
import { addWait } from './routes/wait.ts';

export interface AppOptions extends ServeContext {
  tokens: Tokens;
  /** Whether each request has a line in the access log. */
  logs: () => boolean;
  /** The version of this afterlog. */
  version: string;
}

const probe = z.object({ status: z.literal('ok') });
const notReady = z.object({ status: z.literal('not ready') });

const specs = {
  health: {
    method: 'get',
    path: '/healthz',
    scope: null,
    summary: 'Whether the server runs',
    query: z.object({}),
    answers: {
      200: { description: 'The server runs', content: [{ type: 'application/json', schema: probe }] },
    },
  },
  ready: {
    method: 'get',
    path: '/readyz',
    scope: null,
    summary: 'Whether ClickHouse answers and has the tables',
    query: z.object({}),
    answers: {
      200: { description: 'ClickHouse answers', content: [{ type: 'application/json', schema: probe }] },
      503: {
        description: 'It does not, or has no tables; with a token, the error says which',
        content: [{ type: 'application/json', schema: notReady }],
      },
    },
  },
  metrics: {
    method: 'get',
    path: '/metrics',
    scope: 'read',
    summary: 'Figures of this server, for Prometheus',
    description: 'Not for a token of one workspace.',
    query: z.object({}),
    answers: { 200: { description: 'Prometheus’ text format', content: [{ type: 'text/plain' }] } },
  },
} satisfies Record<string, RouteSpec>;

/** All routes. Errors are JSON: `{"error": sentence, "code": CODE}`. */
export function createApp({ tokens, logs, version, ...on }: AppOptions): Api {
  const { store, metrics } = on;
  const app: Api = new Hono();
  const routes = new Routes(app);

  app.use(async (c, next) => {
    const answered = Promise.withResolvers<Answered>();
    if (logs() && !isProbe(c.req.path)) void logAccess(c.env, answered.promise);
    await next();
    for (const [name, value] of safeHeaders) if (!c.res.headers.has(name)) c.header(name, value);
    // The pattern, not the path: a label has few values.
    const at = matchedRoutes(c).findLastIndex(({ path }) => path !== '/*');
    const route = matchedRoutes(c)[at]?.path ?? 'none';
    metrics.requests.inc({ route, method: c.req.method, status: c.res.status });
    answered.resolve({
      caller: c.get('caller') ?? null,
      workspace: c.get('workspace') ?? null,
      route,
      sandbox: sandboxOf(c, at),
    });
  });

  // For the probes of a load balancer: without a token these two say only yes or no.
  routes.add(specs.health, (c) => c.json({ status: 'ok' }));
  routes.add(specs.ready, async (c) => {
    try {
      await selectRows(store, `SELECT 1 FROM ${store.database}.console_logs LIMIT 1`, {});
      return c.json({ status: 'ok' });
    } catch (error) {
      if ('party' in tokens.check(c.env.incoming)) throw error;
      return c.json({ status: 'not ready' }, 503);
    }
  });

  let document: object | null = null;
  routes.add(openApiSpec, (c) => {
    document ??= openApi(routes.specs, version);
    return c.json(document);
  });

  app.use(async (c, next) => {
    // No route reads a body, and a body could have any size, so none may be sent.
    if (Number(c.req.header('Content-Length') ?? 0) > 0 || c.req.header('Transfer-Encoding') !== undefined) {
      c.header('Connection', 'close');
      return answerWith(c, 'BODY_UNWANTED', 'No route of this API takes a body.');
    }
    const verdict = tokens.check(c.env.incoming);
    if (!('party' in verdict)) return answerWith(c, verdict.code, verdict.error);
    const { party } = verdict;
    tokens.runs(party, c.env.outgoing as ServerResponse);
    c.set('workspace', party.access.workspace);
    c.set('scopes', party.access.scopes);
    c.set('caller', party.access.caller);
    return await next();
  });

  addSandboxes(routes, on);
  addBootsCrashes(routes, on);
  addSearch(routes, on);
  addWait(routes, on);
  addErase(routes, on);
  addLogs(routes, on);
  routes.add(specs.metrics, async (c) => {
    if (c.get('workspace') !== null) {
      return answerWith(c, 'SCOPE_MISSING', 'A token of one workspace does not see metrics.');
    }
    return c.body(await metrics.registry.metrics(), 200, { 'Content-Type': metrics.registry.contentType });
  });
  routes.close();

  app.notFound((c) => answerWith(c, 'NOT_FOUND', `There is nothing at ${c.req.path}.`));
  app.onError((error, c) => answerError(error, c));
  return app;
}

/**
 * The id as the route reads it: another reading of the address would let a caller hide what it read.
 * @param at the matched route, which a refused request has not reached; -1 if there is none
 */
function sandboxOf(c: Context, at: number): string | null {
  if (at >= 0) c.req.routeIndex = at;
  return c.req.param('id') ?? c.req.query('sandbox') ?? null;
}

/** Answers are for programs: a browser must not cache, sniff, frame or run them. */
const safeHeaders = [
  ['X-Content-Type-Options', 'nosniff'],
  ['Cache-Control', 'no-store'],
  ['Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'"],
  ['Referrer-Policy', 'no-referrer'],
  ['Cross-Origin-Resource-Policy', 'same-origin'],
] as const;

const storeFaults: Partial<Record<ErrorCode, string>> = {
  CLICKHOUSE_UNREACHABLE: 'ClickHouse does not answer; nothing is lost, try again later.',
  NOT_CLICKHOUSE: 'ClickHouse does not answer at its address; nothing is lost, try again later.',
  CLICKHOUSE_TLS: 'ClickHouse does not answer; nothing is lost, try again later.',
  SCHEMA_BEHIND: 'The database has no usable schema: run `afterlog migrate`.',
  ERASE_DENIED: 'The server’s ClickHouse user may not erase; the server’s log has the GRANT that it needs.',
};

function answerError(error: unknown, c: Context): Response {
  const { path } = c.req;
  if (error instanceof AfterlogError && httpStatusOf(error.code) < 500)
    return answerWith(c, error.code, error.message);
  if (error instanceof AfterlogError) {
    if (!isLasting(error)) report(loggable(error), { path });
    // The message names addresses and tables, which only the operator may see.
    const sentence =
      storeFaults[error.code] ?? 'ClickHouse refused the query; the server’s log has the reason.';
    return answerWith(c, error.code, sentence);
  }
  report(new AfterlogError('INTERNAL', `A request failed: ${reasonOf(error)}.`), { path }, 'error');
  return answerWith(c, 'INTERNAL', 'This request failed; the server’s log has the reason.');
}
