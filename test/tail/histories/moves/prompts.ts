import assert from 'node:assert/strict';
import { fc } from '../../../support/property.ts';
import { contentOf } from '../content.ts';
import type { History } from '../history.ts';
import type { Move } from '../move.ts';
import { SANDBOXES, type Sandbox, withoutNuls } from '../sandbox.ts';

interface Prompt {
  at: number;
  text: string[];
  /** How long nothing follows. */
  ms: number;
  /** What follows then; a line end, or not. */
  rest: string;
}

/** A guest writes less than a line, and waits: its bytes are stored although no line end comes. */
export const prompt: Move<Prompt> = {
  weight: 5,
  draw: (text) =>
    fc.record({
      at: fc.nat(SANDBOXES - 1),
      text,
      ms: fc.constantFrom(4_000, 7_000),
      rest: fc.constantFrom('', '\n', 'root\r\n', 'more of it'),
    }),
  async make(history, { at, text, ms, rest }) {
    history.acts++;
    const sandbox = history.sandboxes[at]!;
    const { agent } = history;
    const bytes = Buffer.concat([contentOf(text), Buffer.from('login: ')]);
    // The next piece of a line that has some already may wait longer.
    const isOwnLine = bytes.includes(10) || sandbox.streams.at(-1)?.bytes.at(-1) === 10;
    if (!write(history, sandbox, bytes)) return false;
    // What happens meanwhile may end the file, also while the agent is told.
    const { acts } = history;
    await agent.deliver();
    const isWatched = agent.isRunning && !agent.isPaused && !agent.isArmed && !history.hasFailed;
    await agent.tick(ms);
    const isRead = agent.isRunning && !agent.isPaused && !agent.holdsBack && history.acts === acts;
    const { redacts, isTight } = history.world;
    const isSure = isOwnLine && !sandbox.isReplaced && sandbox.alike.length === 0;
    // A console that was made anew is read once the one before it has been quiet.
    if (isWatched && isRead && !redacts && !isTight && isSure) {
      const stored = history.rows.poll().of(sandbox.id, 'console').bytes;
      // NULs that came behind the prompt are no content yet.
      const { bytes } = sandbox.last;
      const wanted = sandbox.written - bytes.length + withoutNuls(bytes).length;
      assert.equal(stored, wanted, `${sandbox.id}: all is stored ${ms} ms after a prompt`);
    }
    if (rest !== '') write(history, sandbox, Buffer.from(rest));
    return true;
  },
};

function write(history: History, sandbox: Sandbox, some: Buffer): boolean {
  if (!sandbox.isThere) return false;
  const bytes = history.next(sandbox, some);
  if (sandbox.over !== null || sandbox.wouldGoOn(bytes)) return false;
  history.write(sandbox, bytes);
  sandbox.append(bytes);
  return true;
}
