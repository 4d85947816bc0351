import { fc } from '../../../support/property.ts';
import type { SimulatedAgent } from '../../../support/simulated_agent.ts';
import type { Move } from '../move.ts';

const simple = (weight: number, does: (agent: SimulatedAgent) => unknown): Move<null> => ({
  weight,
  draw: () => fc.constant(null),
  async make({ agent }) {
    await does(agent);
    return true;
  },
});

/** Time passes, with all events. */
export const tick: Move<number> = {
  weight: 6,
  draw: () => fc.constantFrom(50, 300, 1_500),
  async make(history, ms) {
    const { agent } = history;
    await agent.deliver();
    await agent.tick(ms);
    // A reconcile has looked.
    if (ms >= 1_500) history.isBlind &&= !agent.isRunning;
    return true;
  },
};

export const deliver = simple(3, (agent) => agent.deliver());

export const dropEvents: Move<null> = {
  weight: 2,
  draw: () => fc.constant(null),
  make(history) {
    if (!history.agent.dropEvents()) return false;
    history.isBlind = true;
    history.forgetEnds();
    return true;
  },
};

/** As when the spool is full; the next agent finds room. */
export const pause = simple(2, (agent) => agent.pause());

export const resume = simple(1, (agent) => agent.resume());

export const start: Move<null> = {
  weight: 2,
  draw: () => fc.constant(null),
  async make(history) {
    if (!history.agent.isRunning) history.isMortal = false;
    await history.agent.start();
    return true;
  },
};

export const kill: Move<null> = {
  weight: 1,
  draw: () => fc.constant(null),
  async make(history) {
    if (!(await history.canDie())) return false;
    history.isBlurred = true;
    history.forgetEnds();
    await history.agent.kill();
    return true;
  },
};

/** It dies at one of its next calls. */
export const die: Move<number> = {
  weight: 2,
  draw: () => fc.integer({ min: 1, max: 60 }),
  async make(history, calls) {
    if (!(await history.canDie())) return false;
    history.isBlurred = true;
    history.hasDiedInside = true;
    history.isMortal = history.hasDescriptors;
    history.agent.killAfter(calls);
    return true;
  },
};

export const stepClock: Move<number> = {
  weight: 1,
  draw: () => fc.constantFrom(-3_600_000, -1_000, 500, 86_400_000),
  make({ agent, world }, ms) {
    // Without births only the clock orders the lives of an id, once nothing is remembered of the earlier one.
    if (ms < 0 && world.files.births === 'none') return false;
    agent.stepClock(ms);
    return true;
  },
};
