import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SimulatedHost } from '../support/simulated_host.ts';

const ID = 'sb';
const FIRST = 'one one one\n';

/** A host on which a folder has come back after its seal, with all of its console read. */
async function withReturned(t: TestContext): Promise<SimulatedHost> {
  const host = new SimulatedHost(t);
  const { agent } = host;
  const folder = dirname(host.path(ID));
  const elsewhere = join(dirname(dirname(folder)), 'elsewhere');
  await agent.start();
  await host.write(ID, FIRST);
  await agent.tick(500);
  for (const [from, to, ms] of [
    [folder, elsewhere, 15_000],
    [elsewhere, folder, 500],
  ] as const) {
    renameSync(from, to);
    agent.notify(dirname(folder), ID, true);
    await agent.deliver();
    await agent.tick(ms);
  }
  assert.deepEqual(
    host.streams(ID).map(({ seal }) => seal?.reason),
    ['deleted'],
  );
  return host;
}

/** A host on which a rotated file, which was read, is changed and deleted before a look, and its sandbox after it. */
async function deletedRotated(
  t: TestContext,
  change: (path: string, host: SimulatedHost) => void,
  first = FIRST,
): Promise<SimulatedHost> {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await host.write(ID, first);
  await host.agent.tick(500);
  host.rotate(ID, 'two\n');
  await host.agent.deliver();
  await host.agent.tick(3_000);
  const rotated = host.path(ID, 'console.log.1');
  change(rotated, host);
  rmSync(rotated);
  host.agent.notify(dirname(rotated), 'console.log.1', true);
  await host.agent.deliver();
  await host.delete(ID);
  await host.agent.tick(5_000);
  return host;
}

async function changed(host: SimulatedHost): Promise<void> {
  host.agent.notify(dirname(host.path(ID)), 'console.log', false);
  await host.agent.deliver();
  await host.agent.tick(2_000);
}

test('a console that came back after its seal, and is truncated then: the new content is read', async (t) => {
  const host = await withReturned(t);
  truncateSync(host.path(ID));
  appendFileSync(host.path(ID), 'two\n');
  await changed(host);
  assert.deepEqual(host.rowsOf(ID), [FIRST, 'two\n']);
});

test('… and is written over in place: the new content is read', async (t) => {
  const host = await withReturned(t);
  writeFileSync(host.path(ID), 'two two two\n', { flag: 'r+' });
  await changed(host);
  assert.deepEqual(host.rowsOf(ID), [FIRST, 'two two two\n']);
});

test('… and is replaced by a file that nobody can have seen: a gap row tells of it', async (t) => {
  const host = await withReturned(t);
  rmSync(host.path(ID));
  writeFileSync(host.path(ID), 'unseen\n');
  rmSync(dirname(host.path(ID)), { recursive: true });
  for (let event = 0; event < 3; event++) host.agent.notify(dirname(host.path(ID)), 'console.log', true);
  host.agent.notify(dirname(dirname(host.path(ID))), ID, true);
  await host.agent.deliver();
  await host.agent.tick(5_000);
  assert.deepEqual(host.rowsOf(ID), [FIRST]);
  const [, second] = host.streams(ID);
  assert.match(second!.gaps[0]!.reason, /^nobody watched/);
  assert.equal(second!.seal!.complete, false);
});

test('… and is deleted as it is: its second stream is empty and complete', async (t) => {
  const host = await withReturned(t);
  await host.delete(ID);
  await host.agent.tick(15_000);
  const [, second] = host.streams(ID);
  assert.deepEqual([second!.bytes.length, second!.seal!.complete, second!.gaps], [0, true, []]);
});

test('… and grows and is deleted while no agent runs: what was written is read', async (t) => {
  const host = await withReturned(t);
  await host.agent.kill();
  appendFileSync(host.path(ID), 'two\n');
  await host.delete(ID);
  await host.agent.start();
  await host.agent.tick(5_000);
  assert.deepEqual(host.rowsOf(ID), [FIRST, 'two\n']);
});

test('a folder that is moved away for long, and whose console is written to and deleted there: what was written is read', async (t) => {
  const host = new SimulatedHost(t);
  const folder = dirname(host.path(ID));
  const elsewhere = join(dirname(dirname(folder)), 'elsewhere');
  await host.agent.start();
  await host.write(ID, FIRST);
  await host.agent.tick(500);
  renameSync(folder, elsewhere);
  host.agent.notify(dirname(folder), ID, true);
  await host.agent.tick(15_000);
  appendFileSync(join(elsewhere, 'console.log'), 'two\n');
  rmSync(elsewhere, { recursive: true });
  await host.agent.tick(60_000);
  assert.deepEqual(host.rowsOf(ID), [FIRST, 'two\n']);
});

test('a rotated file that was read, is written to and deleted before a look: what was written is read', async (t) => {
  const host = await deletedRotated(t, (path) => appendFileSync(path, 'late\n'));
  assert.deepEqual(host.rowsOf(ID).toSorted(), [FIRST, 'two\n', 'late\n'].toSorted());
  assert.equal(host.streams(ID).length, 1);
});

test('… and is destroyed before it is deleted: nothing of that is read', async (t) => {
  const host = await deletedRotated(t, (path) => writeFileSync(path, 'x'.repeat(4_096), { flag: 'r+' }));
  assert.deepEqual(host.rowsOf(ID), [FIRST, 'two\n']);
  assert.equal(host.streams(ID).length, 1);
});

test('… and was empty when it was rotated, or goes on behind a few NULs', async (t) => {
  for (const [first, late] of [
    ['', 'late\n'],
    [FIRST, `${'\0'.repeat(600)}late\n`],
  ] as const) {
    await t.test(JSON.stringify(first), async (t) => {
      const host = await deletedRotated(t, (path) => appendFileSync(path, late), first);
      assert.equal(host.rowsOf(ID).toSorted().join(''), [first, 'two\n', late].toSorted().join(''));
    });
  }
});

test('… and cannot be read: later files do not wait for it, and it is read once it can be', async (t) => {
  const host = await deletedRotated(t, (path, { agent }) => {
    appendFileSync(path, 'late\n');
    agent.faults.begin({ calls: 1e6, chance: 1, seed: 1, only: ['openSync'], path: ',0,', code: 'EIO' });
  });
  assert.deepEqual(host.rowsOf(ID), [FIRST, 'two\n']);
  assert.equal(host.streams(ID)[0]!.seal!.reason, 'deleted');
  host.agent.faults.end();
  await host.agent.tick(60_000);
  assert.deepEqual(host.rowsOf(ID), [FIRST, 'two\n', 'late\n']);
});

test('two rotated files that were read are written to and deleted before a look: the older one comes first', async (t) => {
  const host = new SimulatedHost(t);
  const { agent } = host;
  const folder = dirname(host.path(ID));
  await agent.start();
  await host.write(ID, 'one\n');
  await agent.tick(500);
  host.rotate(ID, 'two\n', 'console.log.2');
  await agent.deliver();
  await agent.tick(3_000);
  host.rotate(ID, 'three\n');
  await agent.deliver();
  await agent.tick(3_000);
  for (const age of [2, 1]) appendFileSync(join(folder, `console.log.${age}`), `late ${age}\n`);
  for (const age of [2, 1]) {
    rmSync(join(folder, `console.log.${age}`));
    agent.notify(folder, `console.log.${age}`, true);
  }
  await agent.deliver();
  await agent.tick(3_000);
  assert.deepEqual(
    host.rowsOf(ID).filter((row) => row.startsWith('late')),
    ['late 2\n', 'late 1\n'],
  );
});

test('two files of a sealed log elsewhere are written to and deleted: both are read', async (t) => {
  const host = new SimulatedHost(t);
  const folder = dirname(host.path(ID));
  const elsewhere = join(dirname(dirname(folder)), 'elsewhere');
  await host.agent.start();
  await host.write(ID, 'one\n');
  await host.agent.tick(500);
  host.rotate(ID, 'two\n');
  await host.agent.deliver();
  await host.agent.tick(3_000);
  renameSync(folder, elsewhere);
  host.agent.notify(dirname(folder), ID, true);
  await host.agent.tick(15_000);
  for (const name of ['console.log.1', 'console.log'])
    appendFileSync(join(elsewhere, name), `late ${name}\n`);
  rmSync(elsewhere, { recursive: true });
  await host.agent.tick(120_000);
  assert.deepEqual(host.rowsOf(ID), ['one\n', 'two\n', 'late console.log.1\n', 'late console.log\n']);
});
