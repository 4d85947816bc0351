import assert from 'node:assert/strict';
import { streamsOf } from '../../support/streams.ts';
import { check } from './check.ts';
import type { History } from './history.ts';
import type { Step } from './move.ts';
import { moves } from './moves/moves.ts';
import type { Sandbox } from './sandbox.ts';

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
  await endBackups(history);
  for (let waited_ms = 0; history.leftOver().length > 0; waited_ms += 500) {
    assert.ok(waited_ms < 30_000, `left over: ${history.leftOver()}`);
    await agent.tick(500);
    await history.send();
  }
  for (const sandbox of sandboxes) check(history, sandbox);
  assert.deepEqual(rows.repeated, [], 'no key stands twice');
}

/** Links that somebody else keeps delay no seal: it comes before that of a folder that may come back. */
async function endBackups(history: History): Promise<void> {
  const { agent, sandboxes, rows } = history;
  if (history.hasBackups && !history.isBlurred) {
    const isSealed = ({ id }: Sandbox): boolean =>
      streamsOf(rows.poll().rows, id).every(({ seal }) => seal !== null);
    for (let waited_ms = 0; !sandboxes.every(isSealed); waited_ms += 500) {
      assert.ok(waited_ms < 8_000, 'a file with a link elsewhere is sealed when it is deleted');
      await agent.tick(500);
      await history.send();
    }
  }
  history.endBackups();
}
