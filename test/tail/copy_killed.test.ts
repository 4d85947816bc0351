import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { atEachCall } from '../support/each_call.ts';
import { SimulatedHost } from '../support/simulated_host.ts';

/** Copies a file in a later tick of the file system's clock: the copy is younger than the file that goes on. */
function copyLater(path: string, copy: string): void {
  const birth = (of: string): bigint => statSync(of, { bigint: true }).birthtimeNs;
  do {
    rmSync(copy, { force: true });
    copyFileSync(path, copy);
  } while (birth(copy) === birth(path));
}

test('an agent dies at any call of its look at a copy and its original: the next one reads the copy first', async (t) => {
  let pairs = 0;
  await atEachCall(t, async (t, calls) => {
    const host = new SimulatedHost(t);
    await host.agent.start();
    mkdirSync(dirname(host.path('sb')));
    writeFileSync(host.path('sb'), 'one\n');
    copyLater(host.path('sb'), host.path('sb', 'console.log.1'));
    host.truncate('sb');
    host.agent.killAfter(calls);
    await host.write('sb', 'two\n');
    const hasDied = !host.agent.isRunning;
    host.agent.disarm();
    if (!hasDied) return false;
    const held = readdirSync(host.pins).filter((name) => name.startsWith('sb,')).length;
    if (held === 2) pairs++;
    // What it has linked has no name any more.
    rmSync(dirname(host.path('sb')), { recursive: true });
    await host.agent.start();
    await host.agent.tick(3_000);
    assert.equal(host.rowsOf('sb').join(''), 'one\ntwo\n'.slice(0, held * 4));
    return true;
  });
  assert.ok(pairs > 1, `${pairs} times, it had linked both`);
});
