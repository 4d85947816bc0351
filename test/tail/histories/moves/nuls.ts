import { fc } from '../../../support/property.ts';
import { real } from '../../../support/simulated_agent.ts';
import type { Move } from '../move.ts';
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
  make(history, { at, bytes, isSparse }) {
    const sandbox = history.sandboxes[at]!;
    if (!sandbox.isThere || sandbox.spare_bytes > 0 || sandbox.over !== null) return false;
    if (history.world.redacts && bytes > 65_536) return false;
    // First after a truncation, they cannot be told from a hole.
    if (sandbox.content.length === 0) return false;
    history.acts++;
    if (isSparse) real.truncateSync(sandbox.path, real.statSync(sandbox.path).size + bytes);
    else real.appendFileSync(sandbox.path, Buffer.alloc(bytes));
    sandbox.spare_bytes = bytes;
    history.wrote(sandbox);
    return true;
  },
};
