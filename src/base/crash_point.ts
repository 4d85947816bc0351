/**
 * For tests: `TEST_CRASH_AT=<name>[:<n>]` makes the process kill itself with SIGKILL the n-th time (default: the
 * first) that it reaches `crashPoint('<name>')`, as a crash at that very instruction would; `TEST_CRASH_SIGNAL=SIGSTOP`
 * freezes it there. Not a setting: nobody needs it who does not test the guarantee.
 */
const [wanted = '', nth = '1'] = (process.env.TEST_CRASH_AT ?? '').split(':');
const signal = process.env.TEST_CRASH_SIGNAL ?? 'SIGKILL';
let left = Number(nth);

export const crashPoint: (name: string) => void =
  wanted === ''
    ? () => {}
    : (name) => {
        if (name === wanted && --left === 0) process.kill(process.pid, signal);
      };
