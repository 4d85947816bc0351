import { AsideRoom } from './aside.ts';
import type { LogTail, TailOwner } from './log_tail.ts';
import type { FoundPin, Pin } from './pins.ts';
import type { TailState } from './tail_state.ts';

/** The owner of a tail that has no folder: nothing is read, named or copied. */
export const nobody: TailOwner = {
  lookFor: () => null,
  forgot: () => {},
  rename: () => {},
  makeAside: (): Pin => {
    throw new Error('nothing is copied aside of a log that is not read');
  },
  renumberAside: () => {},
  hasPin: () => true,
  lookForPins: () => {},
  room: new AsideRoom(0),
  account: { cost: 0 },
};

/**
 * Ends a log that an earlier agent read and this one must not: its stream is sealed, its pins are released,
 * and its state is forgotten with them.
 */
export function retire(tail: LogTail, state: TailState | null, pins: FoundPin[]): LogTail {
  if (state !== null) {
    tail.restore(state);
    if (state.sealed === null) {
      tail.sealLost(
        state.file,
        'an earlier version read this file, and its id is not one: what came later is not read',
      );
    }
  }
  for (const { pin } of pins) tail.files.release(pin);
  tail.changed();
  return tail;
}
