import { fc } from '../../../support/property.ts';
import type { Move } from '../move.ts';

/** Somebody removes the folder of pins, while no file is kept by them alone. The agent looks soon after. */
export const losePins: Move<null> = {
  weight: 3,
  draw: () => fc.constant(null),
  async make(history) {
    const { agent } = history;
    if (!agent.isRunning || agent.isArmed || agent.faults.isOn) return false;
    if (!(await history.losePins())) return false;
    await agent.tick(1_500);
    return true;
  },
};
