import assert from 'node:assert/strict';
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { type TestContext, test } from 'node:test';
import { SimulatedHost } from '../support/simulated_host.ts';

/** A killed agent: of three files of a chain, it had no link to the second one, but a descriptor. */
async function killedWithUnlinked(t: TestContext): Promise<SimulatedHost> {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await host.write('sb', 'one\n');
  await host.agent.tick(500);
  host.agent.faults.begin({ calls: 1, chance: 1, seed: 1, only: ['linkSync'] });
  host.rotate('sb', 'two\n');
  await host.agent.deliver();
  renameSync(host.path('sb', 'console.log.1'), host.path('sb', 'console.log.2'));
  host.rotate('sb', 'three\n');
  await host.agent.deliver();
  await host.agent.kill();
  return host;
}

const textOf = (host: SimulatedHost): string => host.rowsOf('sb').join('');

test('an older file that was linked, and could not be looked at before it lost its name, comes first', async (t) => {
  const host = new SimulatedHost(t);
  await host.agent.start();
  mkdirSync(dirname(host.path('sb')));
  writeFileSync(host.path('sb', 'console.log.1'), 'one\n');
  host.agent.faults.begin({ calls: 9, chance: 1, seed: 1, only: ['lstatSync'], path: ',new,1,' });
  await host.write('sb', 'two\n');
  await host.agent.tick(500);
  assert.equal(readdirSync(host.pins).length, 2);
  assert.equal(textOf(host), '');
  host.agent.faults.end();
  await host.delete('sb');
  await host.agent.tick(3_000);
  assert.equal(textOf(host), 'one\ntwo\n');
});

test('a file that was linked, could not be looked at and was replaced is read, also if somebody keeps a link', async (t) => {
  const host = new SimulatedHost(t);
  await host.agent.start();
  host.agent.faults.begin({ calls: 1, chance: 1, seed: 1, only: ['lstatSync'], path: ',new,0,' });
  await host.write('sb', 'one\n');
  assert.equal(textOf(host), '');
  linkSync(host.path('sb'), `${host.pins}-elsewhere`);
  rmSync(host.path('sb'));
  await host.write('sb', 'two\n');
  await host.agent.tick(3_000);
  assert.equal(textOf(host), 'one\ntwo\n');
});

test('files of which a look saw only some before they lost their names keep their order', async (t) => {
  const host = new SimulatedHost(t);
  await host.agent.start();
  mkdirSync(dirname(host.path('sb')));
  writeFileSync(host.path('sb', 'console.log.1'), 'one\n');
  // The first look pins both; the second one fails at the newest.
  host.agent.faults.begin({ calls: 1, chance: 1, seed: 1, only: ['lstatSync'], path: '/console.log' });
  await host.write('sb', 'two\n');
  assert.equal(readdirSync(host.pins).length, 2);
  await host.delete('sb');
  await host.agent.tick(3_000);
  assert.equal(textOf(host), 'one\ntwo\n');
});

test('after a kill, a file that could not be linked is found before the linked one that followed it', async (t) => {
  const host = await killedWithUnlinked(t);
  await host.agent.start();
  await host.agent.tick(3_000);
  assert.equal(textOf(host), 'one\ntwo\nthree\n');
});

test('after a kill, a file that could not be linked and is deleted by then is told as lost', async (t) => {
  const host = await killedWithUnlinked(t);
  rmSync(host.path('sb', 'console.log.1'));
  await host.agent.start();
  await host.agent.tick(3_000);
  assert.equal(textOf(host), 'one\nthree\n');
  assert.equal(host.streams('sb')[0]!.gaps.length, 1);
});

test('a folder that cannot be opened is not watched meanwhile: a console that is gone then may have had a successor', async (t) => {
  const host = new SimulatedHost(t);
  await host.agent.start();
  await host.write('sb', 'one\n');
  await host.agent.tick(500);
  // Some of its names have changed since the last look.
  host.agent.notify(dirname(host.path('sb')), 'console.log', true);
  host.agent.faults.begin({ calls: 9, chance: 1, seed: 1, only: ['openSync'], path: '/vms/sb' });
  await host.agent.deliver();
  await host.agent.tick(100);
  host.agent.faults.end();
  host.rotate('sb', 'never seen\n');
  await host.delete('sb');
  await host.agent.tick(3_000);
  const [stream] = host.streams('sb');
  assert.equal(stream!.gaps.length, 1);
  assert.equal(stream!.seal!.complete, false);
});

test('an unseen file between two lives is told at the end of the first, also if the second rotates amid the look', async (t) => {
  for (let calls = 1; calls <= 20; calls++)
    await t.test(`after ${calls} calls`, async (t) => {
      const host = new SimulatedHost(t);
      const folder = dirname(host.path('sb'));
      await host.agent.start();
      await host.write('sb', 'one\n');
      await host.agent.tick(1_500);
      host.rotate('sb', 'never seen\n');
      host.agent.notify(folder, 'console.log', true);
      rmSync(folder, { recursive: true });
      host.agent.unwatch(folder);
      host.agent.meanwhileAfter(calls, () => host.rotate('sb', 'three\n'));
      await host.write('sb', 'two\n');
      await host.agent.tick(3_000);
      await host.delete('sb');
      await host.agent.tick(3_000);
      const [first, ...others] = host.streams('sb');
      assert.equal(String(first!.bytes), 'one\n');
      assert.equal(first!.seal!.complete, false);
      assert.deepEqual(
        others.map(({ bytes, gaps }) => [String(bytes), gaps]),
        [['two\nthree\n', []]],
      );
    });
});
