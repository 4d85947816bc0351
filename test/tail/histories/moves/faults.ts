import { fc } from '../../../support/property.ts';
import type { Move } from '../move.ts';
import type { Sandbox } from '../sandbox.ts';

interface Fault {
  calls: number;
  chance: number;
  seed: number;
}

/** Of the agent's next file-system calls some fail, with any error. */
export const fault: Move<Fault> = {
  weight: 3,
  draw: () =>
    fc.record({
      calls: fc.integer({ min: 1, max: 300 }),
      chance: fc.constantFrom(0.02, 0.2, 1),
      seed: fc.nat(),
    }),
  make(history, failing) {
    if (history.hasWrittenOverNuls) return false;
    // A look that fails may find a copy later than what its original was truncated for: then it comes behind that.
    // An agent that died in a look left pins that the next one has yet to place.
    const isPlaced = (one: Sandbox): boolean => one.isHeldWhole && !history.hasDiedInside;
    if (history.sandboxes.some((one) => one.hasUnseenCopy && !isPlaced(one))) return false;
    history.hasFailed = true;
    history.isBlurred = true;
    history.agent.faults.begin(failing);
    return true;
  },
};
