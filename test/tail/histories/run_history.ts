import assert from 'node:assert/strict';
import { check } from './check.ts';
import type { History } from './history.ts';
import type { Step } from './move.ts';
import { moves } from './moves/moves.ts';

/** Lets it all happen, ends each sandbox, and compares what is stored with what was written. */
export async function runHistory(history: History, steps: Step[]): Promise<void> {
  const { agent, sandboxes, rows } = history;
  await agent.start();
  for (const { move, drawn } of steps) {
    if (await moves[move]!.make(history, drawn)) history.met.add(move);
    if (agent.isHoldingBack) history.met.add('held back');
  }
  agent.disarm();
  history.isMortal = false;
  await agent.start();
  agent.resume();
  for (const sandbox of sandboxes.filter((some) => some.isThere)) {
    assert.ok(await agent.flush(sandbox.id), `${sandbox.id} can be flushed`);
    history.delete(sandbox);
  }
  await agent.deliver();
  for (let waited_ms = 0; history.leftOver().length > 0; waited_ms += 500) {
    assert.ok(waited_ms < 30_000, `left over: ${history.leftOver()}`);
    await agent.tick(500);
    await history.send();
  }
  for (const sandbox of sandboxes) check(history, sandbox);
  assert.deepEqual(rows.repeated, [], 'no key stands twice');
}
