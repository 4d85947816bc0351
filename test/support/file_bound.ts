import { basename } from 'node:path';

/**
 * How long one test file may take. Only what hangs takes so long: tests wait for conditions, see patience.ts. The
 * test runner gives up a test by then, but waits forever for a process that something of that test keeps alive.
 */
export const FILE_MS_MAX = 20 * 60_000;

/** To be preloaded into the process of each test file. */
export const FILE_BOUND = import.meta.url;

// The test runner's own children are told apart from the run itself by this.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  setTimeout(() => {
    console.error(`${basename(process.argv[1]!)} is ended: not done after ${FILE_MS_MAX / 60_000} min.`);
    process.exit(1);
  }, FILE_MS_MAX + 60_000).unref();
}
