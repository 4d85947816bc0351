import { basename } from 'node:path';

/**
 * Time limit of one test file. Only a hanging file takes so long, because tests wait for conditions, see
 * patience.ts. The test runner ends a test by then, but it waits forever for a process that a leftover of the
 * test keeps alive.
 */
export const FILE_MS_MAX = 20 * 60_000;

/** Preloaded into the process of each test file. */
export const FILE_BOUND = import.meta.url;

// Set only in child processes of the test runner.
if (process.env.NODE_TEST_CONTEXT !== undefined) {
  setTimeout(() => {
    console.error(`${basename(process.argv[1]!)} is ended: not done after ${FILE_MS_MAX / 60_000} min.`);
    process.exit(1);
  }, FILE_MS_MAX + 60_000).unref();
}
