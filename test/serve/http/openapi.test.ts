import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import { startApi } from '../../support/api.ts';
import { gapRow, insertRows, rowsOfFile, sealRow } from '../../support/rows.ts';

interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}
interface Operation {
  operationId: string;
  parameters: { name: string; in: string; required: boolean; description?: string; schema: object }[];
  responses: Record<
    string,
    { content?: Record<string, { schema?: Parameters<typeof z.fromJSONSchema>[0] }> }
  >;
}

test('the OpenAPI document names every route with its parameters, and answers are as it says', async (t) => {
  const api = await startApi(t);
  await insertRows(api.client, api.database, [
    ...rowsOfFile('s', Buffer.from('needle 1\nneedle 2\n'), { event: 'boot.start', title: 'Linux' }),
    { sandbox_id: 's', position: 18, message: 'panic', event: 'kernel.panic', title: 'panic' },
    gapRow('s', 24, null, 'lost'),
    sealRow('s', 24, 'deleted'),
  ]);
  const document = (await (await fetch(`${api.address}/openapi.json`)).json()) as Document;
  assert.equal(document.openapi, '3.1.0');
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const ids = operations.map(({ operation }) => operation.operationId);
  assert.equal(new Set(ids).size, ids.length, 'each has an id of its own');
  const since = 'since=2026-11-01';
  const asked: Record<string, string> = {
    '/v1/search': '?q=needle&context=2',
    '/v1/sandboxes/{id}/logs': '?format=ndjson',
    '/v1/sandboxes/{id}/logs/wait': '?for=needle',
    '/v1/boots': `?${since}`,
    '/v1/crashes': `?${since}`,
    '/v1/histogram': `?${since}&until=2026-11-30`,
  };
  for (const { path, method, operation } of operations) {
    for (const parameter of operation.parameters) {
      assert.ok(parameter.in !== 'query' || parameter.description, `${path} ${parameter.name}`);
    }
    if (method !== 'get') continue;
    const response = await fetch(api.address + path.replace('{id}', 's') + (asked[path] ?? ''));
    assert.equal(response.status, 200, path);
    const type = response.headers.get('Content-Type')!.split(';')[0]!;
    const content = operation.responses['200']!.content!;
    assert.ok(type in content, `${path} answers ${type}`);
    const text = await response.text();
    const { schema } = content[type]!;
    if (schema === undefined) continue;
    const shape = z.fromJSONSchema(schema);
    for (const part of type === 'application/x-ndjson' ? text.trim().split('\n') : [text]) {
      const { success, error } = shape.safeParse(JSON.parse(part));
      assert.ok(success, `${path}: ${part}: ${error?.message}`);
    }
  }
});
