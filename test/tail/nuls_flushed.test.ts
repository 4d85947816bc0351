import assert from 'node:assert/strict';
import { closeSync, openSync, truncateSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { SimulatedHost } from '../support/simulated_host.ts';

const ID = 'sb';
const TICKS_MAX = 100;

test('a flush ends while a guest writes NULs into a large preallocated console', async (t) => {
  const host = new SimulatedHost(t);
  const { agent } = host;
  const path = host.path(ID);
  await agent.start();
  await host.write(ID, 'one\n');
  truncateSync(path, 200 * 1_024 * 1_024);
  const fd = openSync(path, 'r+');
  t.after(() => closeSync(fd));
  let at = 4;
  const writeNul = async (): Promise<void> => {
    writeSync(fd, Buffer.alloc(1), 0, 1, at++);
    agent.notify(dirname(path), 'console.log', false);
    await agent.deliver();
  };
  await writeNul();
  const tick = agent.tick.bind(agent);
  let ticks = 0;
  agent.tick = async (ms) => {
    assert.ok(ticks++ < TICKS_MAX, 'the flush ends');
    // A search through the NULs takes longer than the pause between two writes.
    if (ticks % 4 === 0) await writeNul();
    await tick(ms);
  };
  assert.equal(await agent.flush(ID), true);
});
