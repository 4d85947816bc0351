import assert from 'node:assert/strict';
import { appendFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { copyTruncate, rotate } from '../support/rotate.ts';
import { SimulatedHost } from '../support/simulated_host.ts';

/** The agent links, names and looks; it cannot open what it has linked. */
const FAILS = { calls: 1_000_000, chance: 1, seed: 1 };
const UNREADABLE = { ...FAILS, only: ['openSync'], path: ',console,1' };

const ID = 'sb';

/** A console of which an agent has a pin, and has read nothing. */
async function killedBeforeRead(t: TestContext): Promise<SimulatedHost> {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await unreadable(host, () => host.write(ID, 'one\n'));
  return host;
}

/** What an agent does that reads nothing, and is killed then. */
async function unreadable({ agent }: SimulatedHost, act: () => Promise<void>): Promise<void> {
  agent.faults.begin(UNREADABLE);
  await act();
  await agent.tick(500);
  await agent.kill();
  agent.faults.end();
}

function copyAndTruncate(host: SimulatedHost, text: string): void {
  copyTruncate(host.path(ID));
  appendFileSync(host.path(ID), text);
}

function moveOn(host: SimulatedHost, text: string): void {
  rotate(host.path(ID));
  appendFileSync(host.path(ID), text);
}

async function assertRead(host: SimulatedHost, text: string): Promise<void> {
  await host.agent.start();
  await host.agent.tick(500);
  await host.delete(ID);
  await host.agent.tick(5_000);
  assert.equal(host.rowsOf(ID).join(''), text);
  const streams = host.streams(ID);
  assert.equal(streams.length, 1);
}

test('a copy of what nobody has read comes before its original, though a later file has followed that', async (t) => {
  const host = await killedBeforeRead(t);
  copyAndTruncate(host, 'two\n');
  await unreadable(host, () => host.agent.start());
  moveOn(host, 'three\n');
  await assertRead(host, 'one\ntwo\nthree\n');
});

test('… and an agent that was killed had seen that file, too', async (t) => {
  const host = await killedBeforeRead(t);
  copyAndTruncate(host, 'two\n');
  await unreadable(host, () => host.agent.start());
  moveOn(host, 'three\n');
  await unreadable(host, () => host.agent.start());
  await assertRead(host, 'one\ntwo\nthree\n');
});

test('… and there are two copies of it', async (t) => {
  const host = await killedBeforeRead(t);
  copyAndTruncate(host, 'two\n');
  await unreadable(host, () => host.agent.start());
  copyAndTruncate(host, 'three\n');
  await unreadable(host, () => host.agent.start());
  moveOn(host, 'four\n');
  await assertRead(host, 'one\ntwo\nthree\nfour\n');
});

test('what is copied aside of a waiting file does not hide that older content is in a copy', async (t) => {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await host.write(ID, 'zero\n');
  await host.agent.tick(500);
  await unreadable(host, async () => {
    host.rotate(ID, 'one\n');
    await host.agent.deliver();
  });
  copyAndTruncate(host, 'two\n');
  await host.agent.start();
  // The first file is still waited for, so the second one is copied aside.
  await host.agent.tick(100);
  assert.equal(host.rowsOf(ID).join(''), 'zero\n');
  await host.agent.kill();
  copyAndTruncate(host, 'three\n');
  await assertRead(host, 'zero\none\ntwo\nthree\n');
});

test('a copy that comes before the first read of its original, without an event, is found', async (t) => {
  const host = new SimulatedHost(t);
  await host.agent.start();
  host.agent.faults.begin(UNREADABLE);
  await host.write(ID, 'one\n');
  await host.agent.tick(500);
  copyAndTruncate(host, 'two\n');
  host.agent.faults.end();
  // Only the last write has an event.
  host.agent.notify(dirname(host.path(ID)), 'console.log', false);
  await host.agent.deliver();
  await assertRead(host, 'one\ntwo\n');
});

test('a copy of content that came after an unseen truncation in place: a gap row tells that bytes may be missing', async (t) => {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await host.write(ID, 'one\n');
  await host.agent.tick(500);
  writeFileSync(host.path(ID), 'after a wake\n');
  copyAndTruncate(host, 'two\n');
  await host.agent.tick(5_000);
  const [before, after] = host.streams(ID);
  assert.equal(before!.gaps.length, 1);
  assert.equal(before!.seal!.complete, false);
  assert.equal(after!.bytes.toString(), 'two\n');
});

/** One old file of the chain that can be neither linked nor opened, so that each look fails. */
function addUnpinnable({ agent }: SimulatedHost, path: string): void {
  agent.faults.begin({ ...FAILS, only: ['linkSync', 'openSync'], path: 'console.log.9', code: 'EIO' });
  writeFileSync(`${path}.9`, 'old\n');
}

test('a file of which nothing is known is read although looks fail for another one', async (t) => {
  const host = new SimulatedHost(t);
  const path = host.path(ID);
  await host.agent.start();
  await host.write(ID, '');
  await host.agent.tick(2_000);
  addUnpinnable(host, path);
  await host.write(ID, 'one\n');
  await host.agent.tick(2_000);
  assert.deepEqual(host.rowsOf(ID), ['one\n']);
});

test('a copy that only a look saw which failed for another file comes before its original', async (t) => {
  const host = new SimulatedHost(t);
  const path = host.path(ID);
  await host.agent.start();
  await host.write(ID, '');
  await host.agent.tick(500);
  appendFileSync(path, 'one\n');
  copyAndTruncate(host, 'two\n');
  addUnpinnable(host, path);
  const look = async (): Promise<void> => {
    host.agent.notify(dirname(path), 'console.log.1', true);
    await host.agent.deliver();
  };
  await look();
  for (const age of [1, 9]) rmSync(`${path}.${age}`);
  host.agent.faults.end();
  await look();
  await host.agent.tick(5_000);
  await host.delete(ID);
  await host.agent.tick(5_000);
  assert.deepEqual(host.rowsOf(ID), ['one\n', 'two\n']);
});
