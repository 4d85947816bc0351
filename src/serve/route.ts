import type { Context, Hono } from 'hono';
import type { z } from 'zod';
import { answerWith } from './answer.ts';
import type { Access, Scope } from './auth.ts';
import { readQuery } from './parameters.ts';

export type ApiContext = Context<{ Variables: Access }>;
export type Api = Hono<{ Variables: Access }>;

/** One body of an answer: of which type, and for JSON of which shape. */
export interface Content {
  type: string;
  schema?: z.ZodType;
}

/** A route as requests are checked by it and as the OpenAPI document tells of it. */
export interface RouteSpec<Q extends z.ZodObject = z.ZodObject> {
  method: 'get' | 'delete';
  /** With `:id`. */
  path: string;
  /** Null: anybody. */
  scope: Scope | null;
  summary: string;
  description?: string;
  query: Q;
  headers?: Record<string, string>;
  answers: Partial<Record<number, { description: string; content?: Content[] }>>;
}

/** Adds a route: the token's scope and the query are checked before it is asked. */
export function addRoute<Q extends z.ZodObject>(
  app: Api,
  spec: RouteSpec<Q>,
  answer: (c: ApiContext, query: z.output<Q>) => Response | Promise<Response>,
): void {
  app[spec.method](spec.path, (c) => {
    const { scope } = spec;
    if (scope !== null && !c.get('scopes').has(scope)) {
      return answerWith(c, 'SCOPE_MISSING', `The token does not have the scope ‘${scope}’.`);
    }
    return answer(c, readQuery(spec.query, c.req.queries()));
  });
}
