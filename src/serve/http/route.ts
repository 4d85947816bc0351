import type { HttpBindings } from '@hono/node-server';
import type { Context, Hono } from 'hono';
import type { z } from 'zod';
import type { Scope } from '../../config/scopes.ts';
import { answerWith } from './answer.ts';
import type { Access } from './auth.ts';
import { readQuery } from './parameters.ts';

interface Environment {
  Bindings: HttpBindings;
  Variables: Access;
}
export type ApiContext = Context<Environment>;
export type Api = Hono<Environment>;

/** The type of one body of an answer, and the shape of JSON. */
export interface Content {
  type: string;
  schema?: z.ZodType;
}

/** A JSON answer. */
export const jsonAnswer = (
  description: string,
  schema: z.ZodType,
): { description: string; content: Content[] } => ({
  description,
  content: [{ type: 'application/json', schema }],
});

/** A route: requests are checked by it, and the OpenAPI document describes it. */
export interface RouteSpec<Q extends z.ZodObject = z.ZodObject> {
  method: 'get' | 'delete';
  /** With `:id`. */
  path: string;
  /** Null: no scope is needed. */
  scope: Scope | null;
  summary: string;
  description?: string;
  query: Q;
  headers?: Record<string, string>;
  answers: Partial<Record<number, { description: string; content?: Content[] }>>;
}

/** The routes of an app, with their specs. */
export class Routes {
  readonly specs: RouteSpec[] = [];
  private readonly app: Api;

  constructor(app: Api) {
    this.app = app;
  }

  /** Adds a route; it checks the token's scope and the query before it calls `answer`. */
  add<Q extends z.ZodObject>(
    spec: RouteSpec<Q>,
    answer: (c: ApiContext, query: z.output<Q>) => Response | Promise<Response>,
  ): void {
    this.specs.push(spec as unknown as RouteSpec);
    this.app[spec.method](spec.path, (c) => {
      const { scope } = spec;
      if (scope !== null && !c.get('scopes').has(scope)) {
        return answerWith(c, 'SCOPE_MISSING', `The token does not have the scope ‘${scope}’.`);
      }
      return answer(c, readQuery(spec.query, c.req.queries()));
    });
  }

  /** Makes the paths of all routes refuse every other method. */
  close(): void {
    for (const [path, some] of Map.groupBy(this.specs, (spec) => spec.path)) {
      const allowed = some.map(({ method }) => method.toUpperCase());
      if (allowed.includes('GET')) allowed.push('HEAD');
      this.app.all(path, (c) => {
        c.header('Allow', allowed.join(', '));
        return answerWith(c, 'METHOD_UNKNOWN', `${c.req.path} allows only ${allowed.join(' and ')}.`);
      });
    }
  }
}
