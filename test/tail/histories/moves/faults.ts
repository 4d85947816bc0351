import { fc } from '../../../support/property.ts';
import type { Move } from '../move.ts';

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
    if (history.sandboxes.some((one) => one.hasUnseenCopy && !one.isHeldWhole)) return false;
    history.hasFailed = true;
    history.isBlurred = true;
    history.agent.faults.begin(failing);
    return true;
  },
};
