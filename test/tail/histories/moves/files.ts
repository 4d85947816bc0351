import { fc } from '../../../support/property.ts';
import { real } from '../../../support/simulated_agent.ts';
import { BOOT, contentOf } from '../content.ts';
import type { History } from '../history.ts';
import type { Move } from '../move.ts';
import { goesOn, SANDBOXES, type Sandbox } from '../sandbox.ts';

/** What a writer, a rotation and a runtime do at any moment; none takes away a file that no agent has seen. */
interface Act {
  at: number;
  text: string[];
}

const act = (
  weight: number,
  does: (history: History, sandbox: Sandbox, bytes: Buffer) => boolean,
): Move<Act> => ({
  weight,
  isAnyTime: true,
  draw: (text) => fc.record({ at: fc.nat(SANDBOXES - 1), text }),
  make(history, { at, text }) {
    history.acts++;
    return does(history, history.sandboxes[at]!, contentOf(text));
  },
});

const makeNew = (history: History, sandbox: Sandbox, bytes: Buffer): boolean => {
  history.make(sandbox, Buffer.concat([BOOT, bytes]));
  return true;
};

/** Also makes a sandbox that is not there. */
export const write = act(8, (history, sandbox, bytes) => {
  if (!sandbox.isThere) return makeNew(history, sandbox, bytes);
  const { truncated } = sandbox;
  if (truncated && goesOn(truncated, Buffer.concat([real.readFileSync(sandbox.path), bytes]))) return false;
  history.write(sandbox, bytes);
  sandbox.append(bytes);
  return true;
});

export const rotate = act(3, (history, sandbox, bytes) => {
  if (!sandbox.isThere || !sandbox.canMoveOn) return false;
  sandbox.moveOn();
  real.renameSync(sandbox.path, `${sandbox.path}.1`);
  sandbox.truncated = null;
  const first = history.unique(bytes);
  history.write(sandbox, first);
  sandbox.append(first);
  history.tell(sandbox, true);
  return true;
});

const end = (history: History, sandbox: Sandbox): boolean => {
  if (!sandbox.isThere || !sandbox.isHeldWhole) return false;
  // In the middle of a look or of a turn, the agent may not know that a life ended.
  if (history.agent.isAtWork) history.isBlurred = true;
  // Without births, a folder that is made again at once may look like the one before.
  if (history.world.files.births === 'none') history.isBlurred = true;
  history.delete(sandbox);
  return true;
};

export const remove = act(1, end);

export const recreate = act(
  1,
  (history, sandbox, bytes) => end(history, sandbox) && makeNew(history, sandbox, bytes),
);
