import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long a test waits for an expected condition: much longer than any machine needs, so that slow machines
 * pass, but shorter than the time limit of the file, so that a hanging condition is named.
 */
export const PATIENCE_MS = 300_000;

/** Environment of a command that waits as long as the tests do. */
export const patient = { NODE_OPTIONS: `--import=${new URL('./patient_limits.ts', import.meta.url)}` };

/**
 * Waits until `isSo`.
 * @param what describes the condition, if possible with the actual state, for the error
 */
export async function until(
  isSo: () => boolean | Promise<boolean>,
  what: string | (() => string) = `${isSo}`,
): Promise<void> {
  const end_ms = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    if (performance.now() > end_ms) {
      assert.fail(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    }
    await sleep(20);
  }
}
