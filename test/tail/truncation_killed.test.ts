import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { real, SimulatedAgent } from '../support/simulated_agent.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { streamsOf } from '../support/streams.ts';

/**
 * A file that was copied aside while it waited for the one before it, was read since, and is truncated under an agent
 * that dies at one of its file-system calls. The next one reads what is left.
 * @returns whether it died
 */
async function truncateAndDie(calls: number): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-truncation-killed-'));
  const vms = join(dir, 'data', 'vms');
  const pins = join(dir, 'data', '.afterlog', 'pins');
  const [folder, path] = [join(vms, 'sb'), join(vms, 'sb', 'console.log')];
  mkdirSync(folder, { recursive: true });
  const rows = new SpoolRows(join(dir, 'state', 'spool'));
  const agent = new SimulatedAgent(join(dir, 'data'), join(dir, 'state'));
  agent.install();
  try {
    await agent.start();
    real.writeFileSync(`${path}.1`, 'first\n');
    real.writeFileSync(path, 'second\n');
    agent.notify(vms, 'sb', true);
    await agent.deliver();
    await agent.tick(50);
    assert.ok(
      real.readdirSync(pins).some((name) => name.includes(',aside,')),
      'it waits, and is copied aside',
    );
    assert.ok(await agent.flush('sb'));
    real.writeFileSync(path, 'after the wake\n');
    agent.notify(folder, 'console.log', false);
    agent.killAfter(calls);
    await agent.deliver();
    await agent.tick(1_000);
    const hasDied = !agent.isRunning;
    agent.disarm();
    await agent.start();
    assert.ok(await agent.flush('sb'));
    const read = streamsOf(rows.poll().rows, 'sb').map(({ bytes }) => bytes.toString());
    assert.deepEqual(read, ['first\nsecond\n', 'after the wake\n'], `died at call ${calls}`);
    assert.deepEqual(rows.repeated, [], 'no key stands twice');
    return hasDied;
  } finally {
    agent.uninstall();
    rows.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

test('an agent dies at any call while it finds a truncation: what was copied aside and read is not read again', async () => {
  let calls = 1;
  while (await truncateAndDie(calls)) calls++;
  assert.ok(calls > 15, `died at each of ${calls} calls`);
});
