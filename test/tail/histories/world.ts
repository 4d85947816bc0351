import { fc } from '../../support/property.ts';

/** What stays as it is through a history. A failure prints it. */
export interface World {
  /** Agents hide secrets. */
  redacts: boolean;
}

export const worlds = (redacts: boolean): fc.Arbitrary<World> => fc.record({ redacts: fc.constant(redacts) });
