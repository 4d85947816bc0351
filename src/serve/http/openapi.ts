import { z } from 'zod';
import { aboutParameter } from './parameters.ts';
import { type Content, jsonAnswer, type RouteSpec } from './route.ts';
import { errorShape } from './shapes.ts';

export const openApiSpec: RouteSpec = {
  method: 'get',
  path: '/openapi.json',
  scope: null,
  summary: 'This document',
  query: z.object({}),
  answers: { 200: jsonAnswer('OpenAPI 3.1', z.looseObject({ openapi: z.string() })) },
};

/** The routes as an OpenAPI document, made from the schemas that check requests. */
export function openApi(specs: readonly RouteSpec[], version: string): object {
  const paths: Record<string, Record<string, object>> = {};
  for (const spec of specs) {
    const path = spec.path.replaceAll(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [spec.method]: operationOf(spec) };
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Afterlog',
      version,
      description: 'Sandbox console logs that outlive the sandbox. docs/api.md explains each route.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'A server without tokens serves its own machine only',
        },
      },
      schemas: { Error: schemaOf(errorShape, 'output') },
    },
  };
}

function operationOf(spec: RouteSpec): object {
  const { method, path, scope, summary, description, query, headers = {}, answers } = spec;
  const responses: Record<string, object> = {
    default: {
      description: 'The error',
      content: { 'application/json': { schema: { $ref: '#/components/schemas/Error' } } },
    },
  };
  for (const [status, { description, content }] of Object.entries(answers) as [string, DescribedAnswer][]) {
    // All errors have one shape.
    const isError = Number(status) >= 400;
    responses[status] = isError
      ? { ...responses.default, description }
      : { description, ...(content && { content: Object.fromEntries(content.map(contentOf)) }) };
  }
  return {
    operationId: nameOf(method, path),
    summary,
    ...(description !== undefined && { description }),
    ...(scope === null ? { security: [] } : { security: [{ token: [] }, {}], 'x-scope': scope }),
    parameters: [...pathParameters(path), ...queryParameters(query), ...headerParameters(headers)],
    responses,
  };
}

interface DescribedAnswer {
  description: string;
  content?: Content[];
}

const contentOf = ({ type, schema }: Content): [string, object] => [
  type,
  schema === undefined ? {} : { schema: schemaOf(schema, 'output') },
];

/** `get /v1/sandboxes/:id/logs` → `getSandboxesLogs`. */
const nameOf = (method: string, path: string): string =>
  [method, ...path.split('/').filter((part) => part !== '' && part !== 'v1' && !part.startsWith(':'))]
    .map((part, index) =>
      part.replace(/\.\w+$/, '').replace(/^./, (first) => (index === 0 ? first : first.toUpperCase())),
    )
    .join('') + (/:\w+$/.test(path) ? 'One' : '');

const pathParameters = (path: string): object[] =>
  [...path.matchAll(/:(\w+)/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', minLength: 1 },
  }));

function queryParameters(query: z.ZodObject): object[] {
  return Object.entries(query.shape as Record<string, z.ZodType>).map(([name, schema]) => ({
    name,
    in: 'query',
    required: !schema.safeParse(undefined).success,
    description: aboutParameter.get(schema)?.description ?? '',
    schema: schemaOf(schema, 'input'),
  }));
}

const headerParameters = (headers: Record<string, string>): object[] =>
  Object.entries(headers).map(([name, description]) => ({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  }));

function schemaOf(schema: z.ZodType, io: 'input' | 'output'): object {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io, unrepresentable: 'any' });
  return rest;
}
