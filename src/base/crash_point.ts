import { earlierFaults } from './earlier_faults.ts';

/**
 * For tests: with `TEST_CRASH_AT=<name>[:<n>]` the process kills itself with SIGKILL the n-th time (default:
 * the first) that it reaches `crashPoint('<name>')`, like a crash at exactly that instruction.
 * `TEST_CRASH_SIGNAL=SIGSTOP` freezes it there instead; `THROW` throws there, but not again after the role
 * started anew; `THROW_AGAIN` does so each time. It is not a setting: only tests of the guarantee need it.
 */

const [wanted = '', nth = '1'] = (process.env.TEST_CRASH_AT ?? '').split(':');
const signal = process.env.TEST_CRASH_SIGNAL ?? 'SIGKILL';
let left = Number(nth);

export const crashPoint: (name: string) => void =
  wanted === ''
    ? () => {}
    : (name) => {
        if (name !== wanted || --left !== 0) return;
        if (!signal.startsWith('THROW')) process.kill(process.pid, signal);
        else if (signal === 'THROW_AGAIN' || earlierFaults().count === 0)
          throw new Error(`thrown at ${name}`);
      };
