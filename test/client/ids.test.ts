import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Afterlog } from '../../src/client/client.ts';

test('an id never leads to another path of the API', async () => {
  const asked: string[] = [];
  const fetch = async (url: string | URL | Request): Promise<Response> => {
    asked.push(new URL(String(url)).pathname);
    return new Response('{}');
  };
  const client = new Afterlog({ url: 'http://127.0.0.1:1', fetch: fetch as typeof globalThis.fetch });
  for (const id of ['', '.', '..']) {
    await assert.rejects(client.sandbox(id), TypeError);
    await assert.rejects(client.erase(id), TypeError);
    await assert.rejects(client.text(id), TypeError);
  }
  assert.deepEqual(asked, []);
  await client.sandbox('../boots?x#y');
  assert.deepEqual(asked, ['/v1/sandboxes/..%2Fboots%3Fx%23y']);
});
