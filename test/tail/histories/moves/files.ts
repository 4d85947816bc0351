import { fc } from '../../../support/property.ts';
import { real } from '../../../support/simulated_agent.ts';
import { BOOT, contentOf } from '../content.ts';
import type { History } from '../history.ts';
import type { Move } from '../move.ts';
import { SANDBOXES, type Sandbox } from '../sandbox.ts';

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
export const write = act(8, (history, sandbox, some) => {
  if (sandbox.isAway) return false;
  if (!sandbox.isThere) return makeNew(history, sandbox, some);
  const bytes = history.next(sandbox, some);
  if (sandbox.wouldGoOn(bytes)) return false;
  sandbox.append(history.write(sandbox, bytes));
  return true;
});

/** A look on its way may hold a file that was made anew, and has not decided yet that it is one. */
const canMoveOn = (history: History, sandbox: Sandbox): boolean =>
  sandbox.canMoveOn && !(sandbox.isReplaced && history.agent.isAtWork);

const moveAway = (history: History, sandbox: Sandbox): void => {
  sandbox.leave();
  for (const name of sandbox.moveOn()) history.tell(sandbox, true, name);
  real.renameSync(sandbox.path, `${sandbox.path}.1`);
  history.tell(sandbox, true);
  history.tell(sandbox, true, 'console.log.1');
  sandbox.truncated = null;
  sandbox.wasCut = false;
};

export const rotate = act(3, (history, sandbox, bytes) => {
  if (!sandbox.isThere || !canMoveOn(history, sandbox)) return false;
  moveAway(history, sandbox);
  const first = history.unique(bytes);
  history.write(sandbox, first);
  sandbox.append(first);
  history.tell(sandbox, true);
  return true;
});

/** A file that comes and goes so fast that no agent can have seen it. */
const loseOne = (history: History, sandbox: Sandbox, bytes: Buffer): void => {
  real.writeFileSync(sandbox.path, Buffer.concat([BOOT, bytes]));
  history.tell(sandbox, true);
  sandbox.last.hasLost = true;
};

const end = (history: History, sandbox: Sandbox): boolean => {
  if (!sandbox.isThere || !sandbox.isHeldWhole) return false;
  endNow(history, sandbox);
  return true;
};

const endNow = (history: History, sandbox: Sandbox): void => {
  // In the middle of a look or of a turn, the agent may not know that a life ended.
  if (history.agent.isAtWork) history.isBlurred = true;
  // Without births, a folder that is made again at once may look like the one before.
  if (history.world.files.births === 'none') history.isBlurred = true;
  history.delete(sandbox);
};

export const remove = act(1, end);

export const recreate = act(
  1,
  (history, sandbox, bytes) => end(history, sandbox) && makeNew(history, sandbox, bytes),
);

/** Rotated, written and deleted at once. */
export const removeUnseen = act(1, (history, sandbox, bytes) => {
  if (!sandbox.isThere || !sandbox.isHeldWhole || !canMoveOn(history, sandbox)) return false;
  moveAway(history, sandbox);
  loseOne(history, sandbox, bytes);
  endNow(history, sandbox);
  return true;
});

/** Only the file is made anew, in the same folder, twice at once or only once. */
const replace =
  (unseen: boolean) =>
  (history: History, sandbox: Sandbox, bytes: Buffer): boolean => {
    if (!sandbox.isThere || !sandbox.isHeldWhole || real.existsSync(`${sandbox.path}.1`)) return false;
    const { agent } = history;
    if (agent.isAtWork) history.isBlurred = true;
    if (!agent.isRunning || agent.isAtWork || history.isBlind) {
      sandbox.last.isUnwatched = true;
      // One look sees both.
      if (sandbox.isReplaced) sandbox.streams.at(-2)!.isUnwatched = true;
    }
    sandbox.leave();
    sandbox.endFile();
    const takeAway = (): void => {
      real.rmSync(sandbox.path);
      history.tell(sandbox, true);
    };
    takeAway();
    if (unseen) {
      loseOne(history, sandbox, bytes);
      takeAway();
    }
    const content = history.unique(bytes);
    sandbox.begin(content);
    sandbox.truncated = null;
    sandbox.wasCut = false;
    sandbox.isReplaced = true;
    history.write(sandbox, content);
    history.tell(sandbox, true);
    sandbox.replaced_ms = performance.now();
    return true;
  };
export const replaceSeen = act(1, replace(false));
export const replaceUnseen = act(1, replace(true));
