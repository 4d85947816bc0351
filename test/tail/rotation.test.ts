import assert from 'node:assert/strict';
import { appendFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from '../../src/base/limits.ts';
import { AgentSite } from '../support/agent_site.ts';
import { rotate } from '../support/rotate.ts';

describe('a console that rotates is one stream', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  for (const steps of [1, 2, 3]) {
    test(`${steps} steps of the chain at once`, async () => {
      const id = `steps-${steps}`;
      site.make(id);
      let wanted = 'begin\n';
      writeFileSync(site.path(id), wanted);
      await site.read(id, wanted.length);
      for (let step = 1; step <= steps; step++) {
        const [end, begin] = [`end ${step}, no newline`, `begin ${step}\n`];
        appendFileSync(site.path(id), end);
        rotate(site.path(id));
        appendFileSync(site.path(id), begin);
        wanted += end + begin;
      }
      await site.read(id, wanted.length);
      site.delete(id);
      const [stream, ...more] = await site.sealed(id);
      assert.equal(stream!.bytes.toString(), wanted);
      assert.equal(stream!.seal!.complete, true);
      assert.deepEqual(more, []);
    });
  }

  test('5 steps with pauses of a few milliseconds', async () => {
    site.make('paused');
    let wanted = '';
    writeFileSync(site.path('paused'), '');
    for (let step = 0; step < 5; step++) {
      await site.pinned('paused');
      await sleep(15);
      const text = `generation ${step}\n`.repeat(100);
      appendFileSync(site.path('paused'), text);
      wanted += text;
      rotate(site.path('paused'));
    }
    await site.read('paused', wanted.length);
    site.delete('paused');
    const [stream] = await site.sealed('paused');
    assert.equal(stream!.bytes.toString(), wanted);
    assert.equal(stream!.seal!.complete, true);
  });

  test('bytes that still go into a file after it was rotated come before those of its successor', async () => {
    for (let tries = 0; ; tries++) {
      const id = `late-${tries}`;
      site.make(id);
      writeFileSync(site.path(id), 'one\n');
      await site.read(id, 4);
      const rotated_ms = performance.now();
      rotate(site.path(id));
      appendFileSync(site.path(id), 'three\n');
      appendFileSync(`${site.path(id)}.1`, 'two\n');
      // On a busy machine this writer itself may have been as late as one that is done with the old file.
      if (performance.now() - rotated_ms > limits.tail.superseded_ms / 2) continue;
      await site.read(id, 14);
      site.delete(id);
      const [stream] = await site.sealed(id);
      assert.equal(stream!.bytes.toString(), 'one\ntwo\nthree\n');
      return;
    }
  });

  test('old generations that were there before the agent saw the sandbox come first', async () => {
    site.make('.hidden');
    const staged = site.folder('.hidden');
    writeFileSync(`${staged}/console.log.2`, 'oldest\n');
    writeFileSync(`${staged}/console.log.1`, 'older\n');
    writeFileSync(`${staged}/console.log`, 'now\n');
    renameSync(staged, site.folder('staged'));
    await site.read('staged', 17);
    site.delete('staged');
    assert.equal((await site.sealed('staged'))[0]!.bytes.toString(), 'oldest\nolder\nnow\n');
  });

  test('a live file that is away for a while between rotation and its successor changes nothing', async () => {
    site.make('away');
    writeFileSync(site.path('away'), 'one\n');
    await site.read('away', 4);
    renameSync(site.path('away'), `${site.path('away')}.1`);
    await sleep(1_500);
    writeFileSync(site.path('away'), 'two\n');
    await site.read('away', 8);
    site.delete('away');
    const streams = await site.sealed('away');
    assert.deepEqual(
      streams.map((stream) => stream.bytes.toString()),
      ['one\ntwo\n'],
    );
  });
});

test('more steps than the chain keeps, while the agent is down: a gap row, and all that could be read', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  for (const id of ['within', 'beyond']) {
    site.make(id);
    writeFileSync(site.path(id), 'seen\n');
    await site.read(id, 5);
  }
  await site.kill();
  for (const [id, steps] of [
    ['within', 2],
    ['beyond', 5],
  ] as const) {
    appendFileSync(site.path(id), 'unseen end\n');
    for (let step = 1; step <= steps; step++) {
      rotate(site.path(id));
      appendFileSync(site.path(id), `step ${step}\n`);
    }
  }
  await site.start();
  await site.read('within', 30);
  await site.read('beyond', 44);
  site.delete('within');
  site.delete('beyond');
  const [within] = await site.sealed('within');
  assert.equal(within!.bytes.toString(), 'seen\nunseen end\nstep 1\nstep 2\n');
  assert.equal(within!.seal!.complete, true);
  const [beyond] = await site.sealed('beyond');
  assert.equal(beyond!.bytes.toString(), 'seen\nunseen end\nstep 2\nstep 3\nstep 4\nstep 5\n');
  assert.deepEqual(
    beyond!.gaps.map(({ position, bytes }) => ({ position, bytes })),
    [{ position: 16, bytes: null }],
  );
  await site.empty();
});

test('rotation and deletion while the agent is down: the pin keeps what the names no longer hold', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  for (const id of ['rotated', 'deleted', 'both']) {
    site.make(id);
    writeFileSync(site.path(id), 'seen\npart');
    await site.read(id, 5);
  }
  await site.kill();
  for (const id of ['rotated', 'deleted', 'both']) appendFileSync(site.path(id), ' and rest\nunseen');
  rotate(site.path('rotated'));
  appendFileSync(site.path('rotated'), '\nnew');
  rotate(site.path('both'));
  site.delete('both');
  site.delete('deleted');
  await site.start();
  await site.read('rotated', 'seen\npart and rest\nunseen'.length);
  await site.pinned('rotated');
  site.delete('rotated');
  assert.equal((await site.sealed('deleted'))[0]!.bytes.toString(), 'seen\npart and rest\nunseen');
  assert.equal((await site.sealed('both'))[0]!.bytes.toString(), 'seen\npart and rest\nunseen');
  assert.equal((await site.sealed('rotated'))[0]!.bytes.toString(), 'seen\npart and rest\nunseen\nnew');
  assert.equal(site.streams('rotated')[0]!.seal!.complete, true);
  // Nobody can know whether they were rotated before.
  for (const id of ['deleted', 'both']) assert.equal(site.streams(id)[0]!.seal!.complete, false, id);
  await site.empty();
});

test('a restart in order loses nothing and repeats nothing', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'one\ntwo');
  await site.read('sb', 4);
  assert.equal(await site.stop(), 0);
  appendFileSync(site.path('sb'), ' and more\nthree\n');
  rmSync(site.path('sb', 'events.jsonl'), { force: true });
  await site.start();
  await site.read('sb', 23);
  site.delete('sb');
  const [stream] = await site.sealed('sb');
  assert.deepEqual(
    stream!.lines.map((line) => line.bytes.toString()),
    ['one\n', 'two and more\n', 'three\n'],
  );
  await site.empty();
});
