import { fc } from '../../../support/property.ts';
import type { Move, Step } from '../move.ts';
import * as agent from './agent.ts';
import * as away from './away.ts';
import * as faults from './faults.ts';
import * as files from './files.ts';
import * as nuls from './nuls.ts';
import * as pins from './pins.ts';
import * as prompts from './prompts.ts';
import * as sends from './sends.ts';
import * as truncations from './truncations.ts';

// biome-ignore lint/suspicious/noExplicitAny: each move draws something else
type AnyMove = Move<any>;

/** A file of this folder holds the moves of one kind. */
const single: Record<string, AnyMove> = {
  ...files,
  ...prompts,
  ...truncations,
  ...nuls,
  ...pins,
  ...sends,
  ...agent,
  ...away,
  ...faults,
};

/** One of the others happens between two calls of the agent. */
const meanwhile: Move<{ calls: number; step: Step }> = {
  weight: 4,
  draw: (text) => {
    const some = Object.entries(single).filter(([, { isAnyTime }]) => isAnyTime);
    return fc.record({ calls: fc.integer({ min: 1, max: 40 }), step: fc.oneof(...stepsOf(text, some)) });
  },
  make(history, { calls, step }) {
    history.agent.meanwhileAfter(calls, () => {
      if (single[step.move]!.make(history, step.drawn) === true) history.met.add(step.move);
    });
    return true;
  },
};

/** Every move by its name. */
export const moves: Record<string, AnyMove> = { ...single, meanwhile };

/** What happens in a history, one after another. */
export const histories = (text: fc.Arbitrary<string[]>): fc.Arbitrary<Step[]> =>
  fc.array(fc.oneof(...stepsOf(text, Object.entries(moves))), { minLength: 5, maxLength: 40, size: 'max' });

const stepsOf = (text: fc.Arbitrary<string[]>, some: [string, AnyMove][]) =>
  some.map(([move, one]) => ({
    weight: one.weight,
    arbitrary: one.draw(text).map((drawn): Step => ({ move, drawn })),
  }));
