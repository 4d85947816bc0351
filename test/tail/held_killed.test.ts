import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { real, SimulatedAgent } from '../support/simulated_agent.ts';
import { SpoolRows } from '../support/spool_rows.ts';
import { streamsOf } from '../support/streams.ts';

/**
 * One rotation and one deletion while reading is paused, and an agent that lets go of all it may not hold, which dies at
 * one of its file-system calls. The next one holds and reads what is left.
 * @param heldMax of bytes @param unread how often a line is written that is not read
 * @param keeps how many bytes are stored if it does not die
 * @returns whether it died
 */
async function letGoAndDie(calls: number, heldMax: number, unread: number, keeps: number): Promise<boolean> {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-held-killed-'));
  const vms = join(dir, 'data', 'vms');
  const pins = join(dir, 'data', '.afterlog', 'pins');
  const [folder, path] = [join(vms, 'sb'), join(vms, 'sb', 'console.log')];
  mkdirSync(folder, { recursive: true });
  const rows = new SpoolRows(join(dir, 'state', 'spool'));
  const agent = new SimulatedAgent(join(dir, 'data'), join(dir, 'state'), heldMax);
  agent.install();
  try {
    await agent.start();
    real.writeFileSync(path, 'read\nhalf');
    agent.notify(vms, 'sb', true);
    await agent.deliver();
    await agent.tick(500);
    agent.pause();
    real.appendFileSync(path, ` a line\n${'unread\n'.repeat(unread)}`);
    real.renameSync(path, `${path}.1`);
    real.writeFileSync(path, 'the next file\n');
    // One name went, two came.
    for (const name of ['console.log', 'console.log.1', 'console.log']) agent.notify(folder, name, true);
    await agent.deliver();
    for (const name of real.readdirSync(folder)) agent.notify(folder, name, true);
    real.rmSync(folder, { recursive: true });
    agent.unwatch(folder);
    agent.notify(vms, 'sb', true);
    await agent.deliver();
    agent.killAfter(calls);
    await agent.tick(4_000);
    const hasDied = !agent.isRunning;
    agent.disarm();
    await agent.start();
    agent.resume();
    for (
      let waited_ms = 0;
      real.readdirSync(pins).length > 0 || rows.poll().states.size > 0;
      waited_ms += 500
    ) {
      assert.ok(waited_ms < 30_000, `left over: ${real.readdirSync(pins)} ${[...rows.poll().states.keys()]}`);
      await agent.tick(500);
    }
    const streams = streamsOf(rows.poll().rows, 'sb');
    assert.equal(streams.length, 1);
    assert.deepEqual(rows.repeated, [], 'no key stands twice');
    const { lines, gaps, seal } = streams[0]!;
    const whole = Buffer.from(`read\nhalf a line\n${'unread\n'.repeat(unread)}the next file\n`);
    for (const { position, bytes } of lines) {
      assert.equal(bytes.toString(), whole.toString('utf8', position, position + bytes.length));
    }
    const lost = gaps.reduce((sum, { bytes }) => sum + bytes!, 0);
    const kept = lines.reduce((sum, { bytes }) => sum + bytes.length, 0);
    assert.equal(kept + lost, whole.length, 'each byte is in a row, or counted in a gap row');
    assert.equal(seal!.bytes, whole.length);
    // The agent that came after a death did not see the deletion, and says that too.
    assert.equal(seal!.complete, gaps.length === 0);
    if (!hasDied) assert.ok(gaps.every(({ bytes }) => bytes !== null));
    if (!hasDied) assert.equal(kept, keeps);
    return hasDied;
  } finally {
    agent.uninstall();
    rows.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

test('an agent that dies at any call while it lets go of files: no byte is lost without a gap row, or told twice', async () => {
  let calls = 1;
  // What was seen before is a row.
  while (await letGoAndDie(calls, 1, 1, 9)) calls++;
  assert.ok(calls > 15, `died at each of ${calls} calls`);
});

test('an agent that dies at any call while it keeps the end of a file: each byte is in a row or counted once', async () => {
  // Half of the room stays, from the start of a line on: the next file, and 7 bytes a line.
  const keeps = 9 + 14 + 7 * Math.floor((15_000 - 14) / 7);
  let calls = 1;
  while (await letGoAndDie(calls, 30_000, 10_000, keeps)) calls++;
  assert.ok(calls > 20, `died at each of ${calls} calls`);
});
