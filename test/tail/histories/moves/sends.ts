import { fc } from '../../../support/property.ts';
import { contentOf } from '../content.ts';
import type { Move } from '../move.ts';
import { SANDBOXES } from '../sandbox.ts';

/** Some of what is on its way arrives; without it, there is an outage. */
export const send: Move<number> = {
  weight: 6,
  draw: () => fc.constantFrom(1, 1_000, Number.MAX_SAFE_INTEGER),
  make: (history, bytes) => history.send(bytes),
};

/** One sandbox writes far more than its share. */
export const loud: Move<{ at: number; text: string[] }> = {
  weight: 2,
  isAnyTime: true,
  draw: () =>
    fc.record({
      at: fc.nat(SANDBOXES - 1),
      text: fc.array(fc.constantFrom('<5000 lines>', '<300 kB line>', 'loud\n'), {
        minLength: 2,
        maxLength: 8,
      }),
    }),
  make(history, { at, text }) {
    const sandbox = history.sandboxes[at]!;
    if (!sandbox.isThere || sandbox.truncated !== null) return false;
    history.acts++;
    const bytes = contentOf(text);
    sandbox.append(history.write(sandbox, bytes));
    return true;
  },
};
