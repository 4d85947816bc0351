import { fc } from '../../../support/property.ts';
import type { Move } from '../move.ts';
import { makeRoom } from '../room.ts';
import { SANDBOXES } from '../sandbox.ts';

/** A writer makes room for what it will write: NULs, which it writes over from their beginning. */
export const preallocate: Move<{ at: number; bytes: number; isSparse: boolean }> = {
  weight: 3,
  isAnyTime: true,
  draw: () =>
    fc.record({
      at: fc.nat(SANDBOXES - 1),
      bytes: fc.constantFrom(1, 600, 70_000, 700_000),
      isSparse: fc.boolean(),
    }),
  make: (history, { at, bytes, isSparse }) => makeRoom(history, history.sandboxes[at]!, bytes, isSparse),
};
