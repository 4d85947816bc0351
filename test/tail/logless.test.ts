import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { log } from '../../src/base/log.ts';
import { overrideLimits } from '../support/limits.ts';
import { bytesOf } from '../support/streams.ts';
import { TailHost } from '../support/tail_host.ts';

const PLACES = 3;

/** Three folders that never had a log take all places. */
async function fullHost(t: TestContext): Promise<TailHost> {
  log.level = 'silent';
  overrideLimits({ tail: { sandboxes_max: PLACES } }, t);
  const host = new TailHost(t);
  for (const id of ['idle-1', 'idle-2', 'idle-3']) {
    mkdirSync(`${host.vms}/${id}`);
    await host.eventually(`${id} is known`, () => host.tailer.sandboxes.has(id));
  }
  return host;
}

test('folders that never had a log take no place from a sandbox: the oldest one gives its own up', async (t) => {
  const host = await fullHost(t);
  host.write('sb', 'one\n');
  await host.read('sb', 4);
  assert.deepEqual([...host.tailer.sandboxes.keys()], ['idle-2', 'idle-3', 'sb']);
  assert.equal(host.tailer.leftOut.size, 0);
});

test('a log that comes later is read all the same, and another folder gives its place up', async (t) => {
  const host = await fullHost(t);
  host.write('sb', 'one\n');
  await host.read('sb', 4);
  host.write('idle-1', 'late\n');
  await host.read('idle-1', 5);
  assert.deepEqual([...host.tailer.sandboxes.keys()], ['idle-3', 'sb', 'idle-1']);
  host.write('sb', 'two\n');
  await host.read('sb', 8);
  assert.equal(String(bytesOf(host.streams('sb'))), 'one\ntwo\n');
});

test('a sandbox with a log keeps its place: where all have one, the next one waits until a place is free', async (t) => {
  const host = await fullHost(t);
  for (const id of ['idle-1', 'idle-2', 'idle-3']) {
    host.write(id, 'one\n');
    await host.read(id, 4);
  }
  host.write('sb', 'one\n');
  await host.eventually('it is left out', () => host.tailer.leftOut.has('sb'));
  assert.equal(host.tailer.sandboxes.size, PLACES);
  host.delete('idle-2');
  await host.read('sb', 4);
});
