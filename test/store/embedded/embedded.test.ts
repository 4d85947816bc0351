import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AfterlogError } from '../../../src/base/errors.ts';
import { ask } from '../../../src/store/embedded/ask.ts';
import { type Embedded, startEmbedded } from '../../../src/store/embedded/embedded.ts';
import { assertEndsWithParent } from '../../support/ends_with_parent.ts';
import { overrideLimits } from '../../support/limits.ts';
import { PATIENCE_MS } from '../../support/patience.ts';
import { temporaryDir } from '../../support/temporary.ts';

// However long it takes on a busy machine, it ends in order.
overrideLimits({ embedded: { stop_ms: PATIENCE_MS } });

test('rows that were acknowledged are there after SIGKILL and a start on the same port', async (t) => {
  const dir = await temporaryDir(t);
  const first = await started(t, dir);
  await ask(first, 'CREATE DATABASE kept');
  await ask(first, 'CREATE TABLE kept.rows (n UInt64) ENGINE = MergeTree ORDER BY n');
  await ask(first, 'INSERT INTO kept.rows SELECT number FROM numbers(1000)');
  first.kill();
  assert.equal(await first.exited, null);
  const again = await started(t, dir, Number(new URL(first.url).port));
  assert.equal(again.url, first.url);
  assert.equal(await ask(again, 'SELECT count(), sum(n) FROM kept.rows'), '1000\t499500');
});

test('signals of a terminal do not end it, stop does', async (t) => {
  const server = await started(t, await temporaryDir(t));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.kill(server.pid, signal);
  assert.equal(await ask(server, 'SELECT 1'), '1');
  await server.stop();
  assert.equal(await server.exited, 0);
  await server.stop();
});

test('a folder in use is named with the process that holds it', async (t) => {
  const dir = await temporaryDir(t);
  const holder = await started(t, dir);
  await assert.rejects(startEmbedded({ dir }), (error: AfterlogError) => {
    assert.equal(error.code, 'EMBEDDED_IN_USE');
    assert.ok(error.message.includes(dir) && error.message.includes(String(holder.pid)), error.message);
    return true;
  });
  assert.equal(await ask(holder, 'SELECT 1'), '1');
});

test('a folder is waited for whose server is about to end', async (t) => {
  const dir = await temporaryDir(t);
  const holder = await started(t, dir);
  overrideLimits({ embedded: { lock_ms: PATIENCE_MS } }, t);
  // Held until the next one has found it locked, or nearly so.
  process.kill(holder.pid, 'SIGSTOP');
  const next = started(t, dir);
  await sleep(1_000);
  process.kill(holder.pid, 'SIGCONT');
  await holder.stop();
  assert.equal(await ask(await next, 'SELECT 1'), '1');
});

test('a port in use is reported, and its holder is not taken for the new server', async (t) => {
  const other = await started(t, await temporaryDir(t));
  const http_port = Number(new URL(other.url).port);
  await assert.rejects(startEmbedded({ dir: await temporaryDir(t), http_port }), (error: AfterlogError) => {
    assert.equal(error.code, 'EMBEDDED_FAILED');
    assert.match(error.message, new RegExp(`port ${http_port}[\\s\\S]*already in use`, 'i'));
    return true;
  });
});

test('it ends when its parent is killed', async (t) => {
  const module = join(import.meta.dirname, '../../../src/store/embedded/embedded.ts');
  await assertEndsWithParent(module, 'startEmbedded', await temporaryDir(t));
});

async function started(t: TestContext, dir: string, http_port?: number): Promise<Embedded> {
  const server = await startEmbedded(http_port === undefined ? { dir } : { dir, http_port });
  t.after(() => server.stop());
  return server;
}
