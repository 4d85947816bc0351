import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { test } from 'node:test';
import { AgentSite } from '../support/agent_site.ts';
import { crashPoints } from '../support/crash_points.ts';
import { Fleet, ROUNDS_MAX } from '../support/fleet.ts';
import { copyTruncate, rotate } from '../support/rotate.ts';
import { SimulatedHost } from '../support/simulated_host.ts';
import { assertBytes, bytesOf } from '../support/streams.ts';

const CALLS = 170;

for (const isFirst of [true, false]) {
  const what = isFirst ? 'the file that is read' : 'a file that waits';
  test(`an agent that dies at any call while copies take the place of ${what}`, async (t) => {
    let deaths = 0;
    for (let calls = 1; calls <= CALLS; calls++) {
      await t.test(`after ${calls} calls`, async (t) => {
        const host = new SimulatedHost(t);
        const { agent } = host;
        const path = host.path('sb');
        const goOn = (move: (path: string) => void, text: string): void => {
          move(path);
          appendFileSync(path, text);
        };
        await agent.start();
        await host.write('sb', 'one\n');
        await agent.tick(500);
        await agent.kill();
        if (!isFirst) goOn(rotate, 'more\n');
        else appendFileSync(path, 'more\n');
        goOn(copyTruncate, 'two\n');
        goOn(copyTruncate, 'three\n');
        if (isFirst) goOn(rotate, 'four\n');
        else appendFileSync(path, 'four\n');
        agent.killAfter(calls);
        await agent.start();
        await agent.tick(100);
        if (!agent.isRunning) deaths++;
        await agent.kill();
        await agent.start();
        await agent.tick(500);
        await host.delete('sb');
        await agent.tick(5_000);
        assert.equal(host.rowsOf('sb').join(''), 'one\nmore\ntwo\nthree\nfour\n');
        assert.equal(host.streams('sb').length, 1);
      });
    }
    assert.ok(deaths > CALLS / 2, `${deaths} deaths`);
  });
}

test('files that are rotated, copied and truncated while agents kill themselves before they have read them: every byte in order', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  const fleet = new Fleet(site.vms, { pause_ms: 5, rounds: 4 });
  const writing = fleet.run();
  t.after(() => fleet.finish());
  for (const [index, point] of crashPoints().entries()) {
    process.env.TEST_CRASH_AT = `${point}:${1 + (index % 3)}`;
    fleet.left = ROUNDS_MAX;
    // It may end in its start.
    await site.start().catch(() => {});
    delete process.env.TEST_CRASH_AT;
    await site.kill();
    fleet.cycle++;
    fleet.left = ROUNDS_MAX;
    await site.start();
    // What was made before has a pin now; it need not be read.
    fleet.seen = fleet.cycle;
    fleet.left = ROUNDS_MAX;
    await site.kill();
  }
  fleet.finish();
  await writing;
  await site.start();
  fleet.deleteAll();
  await site.empty();
  for (const [id, pieces] of fleet.written)
    assertBytes(bytesOf(site.streams(id)), Buffer.from(pieces.join('')), id);
});
