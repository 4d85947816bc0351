import { join } from 'node:path';
import { fc } from '../../../support/property.ts';
import { real } from '../../../support/simulated_agent.ts';
import { contentOf } from '../content.ts';
import type { History } from '../history.ts';
import type { Move } from '../move.ts';
import { SANDBOXES, type Sandbox } from '../sandbox.ts';

/** Whether an agent watches, and nothing keeps it from what it does in time. */
const isWatched = ({ agent, hasFailed, isBlind }: History): boolean =>
  agent.isRunning && !agent.isArmed && !hasFailed && !isBlind;

/** Nobody can tell how the bytes divide into streams, nor that all of them are there. */
function doubt(history: History, sandbox: Sandbox): void {
  history.isBlurred = true;
  sandbox.last.isUnwatched = true;
}

/** Somebody else links to a console, and keeps the link: it delays and divides nothing. */
export const backUp: Move<number> = {
  weight: 1,
  draw: () => fc.nat(SANDBOXES - 1),
  async make(history, at) {
    const sandbox = history.sandboxes[at]!;
    if (!sandbox.isThere) return false;
    // A file with as many names as before counts as moved, so an agent must look before one is deleted.
    if (!isWatched(history)) doubt(history, sandbox);
    history.backUp(sandbox);
    await history.agent.deliver();
    await history.agent.tick(1_500);
    return true;
  },
};

interface Leave {
  at: number;
  ms: number;
  /** Its writer goes on meanwhile. */
  text: string[] | null;
}

/** The folder is moved elsewhere and comes back: for less than the agent waits, or for longer. */
export const folderAway: Move<Leave> = {
  weight: 2,
  draw: (text) =>
    fc.record({
      at: fc.nat(SANDBOXES - 1),
      ms: fc.constantFrom(50, 1_500, 8_000, 15_000),
      text: fc.option(text),
    }),
  async make(history, { at, ms, text }) {
    const sandbox = history.sandboxes[at]!;
    const { agent, world } = history;
    // Without a link, a file without a name in its folder ends with its agent.
    if (!sandbox.isThere || !sandbox.isHeldWhole || history.hasDescriptors) return false;
    // Behind its seal nothing is known of former content, so that a copy is not known as one: a gap row too many.
    if (ms > 8_000 && sandbox.over !== null) return false;
    history.acts++;
    if (ms > 8_000 || !isWatched(history) || world.files.births === 'none') doubt(history, sandbox);
    const away = join(history.elsewhere, sandbox.id);
    const { folder, over, spare_bytes } = sandbox;
    const bytes = text === null ? null : contentOf(text);
    const mayWrite = bytes !== null && spare_bytes === 0 && over === null && sandbox.content.length > 0;
    const writes = mayWrite && !sandbox.wouldGoOn(bytes);
    sandbox.isAway = true;
    real.renameSync(folder, away);
    history.moved(sandbox);
    if (writes) {
      real.appendFileSync(join(away, 'console.log'), bytes);
      sandbox.append(bytes);
    }
    await agent.deliver();
    await agent.tick(ms);
    real.renameSync(away, folder);
    sandbox.isAway = false;
    history.moved(sandbox);
    await agent.deliver();
    return true;
  },
};
