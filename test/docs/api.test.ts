import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startApi } from '../support/api.ts';
import { backendOfDocs } from '../support/examples.ts';
import { insertRows, rowsOfFile, sealRow } from '../support/rows.ts';
import { sha256 } from '../support/sha256.ts';

test('the backend of docs/api.md passes logs on with the user’s token, and nothing else', async (t) => {
  const api = await startApi(t, { tokens: `${sha256('of-acme')}:acme,${sha256('of-other')}:other` });
  await insertRows(api.client, api.database, [
    ...rowsOfFile('s', Buffer.from('needle\n'), { workspace: 'acme' }),
    { ...sealRow('s', 7, 'deleted'), workspace: 'acme' },
  ]);
  const { answerLogs } = await backendOfDocs(t, api.address);
  const ask = (path: string, afterlogToken: string, init: RequestInit = {}): Promise<Response> =>
    answerLogs(new Request(`https://product.example${path}`, init), { workspace: { afterlogToken } });
  const logs = '/afterlog/v1/sandboxes/s/logs';
  assert.equal(await (await ask(`${logs}?tail=1`, 'of-acme')).text(), 'needle\n');
  const waited = await ask(`${logs}/wait?for=needle&timeout=300`, 'of-acme');
  assert.equal(((await waited.json()) as { message: string }).message, 'needle');
  // As a browser asks: for events by the type that it takes, and again by the last event that it had.
  const events = await ask(logs, 'of-acme', { headers: { Accept: 'text/event-stream' } });
  const [, end] = /event: end\nid: (.+)/.exec(await events.text()) ?? [];
  const again = await ask(`${logs}?follow=1`, 'of-acme', { headers: { 'Last-Event-ID': end! } });
  assert.equal(again.status, 204);

  const refused = [
    await ask(logs, 'of-other'),
    await ask(logs, 'of-other', { headers: { Authorization: 'Bearer of-acme' } }),
    await ask(logs, 'of-acme', { method: 'DELETE' }),
    await ask('/afterlog/v1/sandboxes/../logs', 'of-acme'),
    await ask('/afterlog/v1/sandboxes', 'of-acme'),
    await ask('/afterlog//elsewhere.example/v1/sandboxes/s/logs', 'of-acme'),
  ];
  for (const answer of refused) {
    assert.equal(answer.status, 404, answer.url);
    await answer.body?.cancel();
  }
});
