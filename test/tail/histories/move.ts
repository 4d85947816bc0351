import type { fc } from '../../support/property.ts';
import type { History } from './history.ts';

/** Something that may happen in a history, with what is drawn for it. */
export interface Move<Drawn> {
  /** How often it is drawn, beside the weights of the others. */
  weight: number;
  /** Whether it may happen between any two calls of the agent, too; then it is not a promise. */
  isAnyTime?: true;
  /** @param text draws what is written */
  draw(text: fc.Arbitrary<string[]>): fc.Arbitrary<Drawn>;
  /** Does it, unless the world does not allow it now. @returns whether it did anything */
  make(history: History, drawn: Drawn): boolean | Promise<boolean>;
}

/** One move of a history, as a failure prints it. */
export interface Step {
  move: string;
  drawn: unknown;
}
