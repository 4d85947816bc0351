import assert from 'node:assert/strict';
import { test } from 'node:test';
import { overrideLimits } from '../support/limits.ts';
import { TailHost } from '../support/tail_host.ts';

test('over the limit of sandboxes, a new one is counted and waits until another one is over', async (t) => {
  overrideLimits({ tail: { sandboxes_max: 2 } }, t);
  const host = new TailHost(t);
  for (const sandbox of ['a', 'b']) {
    host.write(sandbox, 'known\n');
    await host.read(sandbox, 6);
  }
  host.write('c', 'waits\n');
  await host.eventually('it is left out', () => host.tailer.leftOut.has('c'));
  assert.match(host.tailer.lastError!, /holds more than 2 sandboxes/);
  host.delete('a');
  await host.read('c', 6);
  assert.equal(host.tailer.leftOut.size, 0);
});
