import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { test } from 'node:test';
import { atEachCall } from '../support/each_call.ts';
import { SimulatedHost } from '../support/simulated_host.ts';

const lines = (count: number, text: string): string =>
  Array.from({ length: count }, (_, index) => `${text} ${index} ${'.'.repeat((index * 7) % 40)}\n`).join('');

test('an agent dies at any call while it ends a log that was written over: the former content is not read again', async (t) => {
  const [former, later] = [lines(60, 'former line'), lines(20, 'new line')];
  let ended = 0;
  await atEachCall(t, async (t, calls) => {
    const host = new SimulatedHost(t);
    await host.agent.start();
    await host.write('sb', former);
    await host.agent.tick(2_000);
    writeFileSync(host.path('sb'), later, { flag: 'r+' });
    await host.write('sb', '');
    await host.agent.tick(3_000);
    host.agent.killAfter(calls);
    await host.delete('sb');
    await host.agent.tick(3_000);
    const hasDied = !host.agent.isRunning;
    host.agent.disarm();
    rmSync(dirname(host.path('sb')), { recursive: true, force: true });
    if (hasDied && host.streams('sb').at(-1)?.seal?.reason === 'deleted') ended++;
    if (hasDied) await host.agent.start();
    await host.agent.tick(15_000);
    assert.deepEqual(
      host.streams('sb').map(({ bytes, seal }) => [bytes.toString(), seal?.reason]),
      [
        [former, 'truncated'],
        [later, 'deleted'],
      ],
    );
    return hasDied;
  });
  assert.ok(ended > 0, `${ended} times, the end was durable`);
});
