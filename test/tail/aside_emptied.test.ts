import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { real, SimulatedAgent } from '../support/simulated_agent.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { streamsOf } from '../support/streams.ts';

test('a file that is truncated to nothing while reading has stopped, and stays empty: the agent rests, and reads on', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-aside-emptied-'));
  const vms = join(dir, 'data', 'vms');
  const [folder, path] = [join(vms, 'sb'), join(vms, 'sb', 'console.log')];
  mkdirSync(folder, { recursive: true });
  const rows = new SpoolRows(join(dir, 'state', 'spool'));
  const agent = new SimulatedAgent(join(dir, 'data'), join(dir, 'state'));
  const wrote = async (ms: number): Promise<void> => {
    agent.notify(folder, 'console.log', false);
    await agent.deliver();
    await agent.tick(ms);
  };
  agent.install();
  try {
    await agent.start();
    real.writeFileSync(path, 'read\n');
    agent.notify(vms, 'sb', true);
    await agent.deliver();
    assert.ok(await agent.flush('sb'));
    agent.pause();
    real.appendFileSync(path, 'copied aside\n');
    await wrote(1_000);
    real.truncateSync(path, 0);
    await wrote(3_000);
    const before = agent.calls;
    await agent.tick(1_000);
    const made = agent.calls - before;
    assert.ok(made < 200, `${made} calls in a second; an agent that looks at each turn makes thousands`);
    real.appendFileSync(path, 'after the wake\n');
    await wrote(1_000);
    agent.resume();
    assert.ok(await agent.flush('sb'));
    const read = streamsOf(rows.poll().rows, 'sb').map(({ bytes }) => bytes.toString());
    assert.deepEqual(read, ['read\ncopied aside\n', 'after the wake\n']);
  } finally {
    agent.uninstall();
    rows.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
