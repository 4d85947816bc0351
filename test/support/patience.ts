import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * How long a test waits for something that is known to come. Far more than it takes anywhere: a slow, loaded machine
 * must pass, and what hangs must be named before its whole file is given up.
 */
export const PATIENCE_MS = 300_000;

/** The environment of a command that is as patient as the tests are. */
export const patient = { NODE_OPTIONS: `--import=${new URL('./patient_limits.ts', import.meta.url)}` };

/** Waits until `isSo`; `what` says what is waited for, at best with what there was instead. */
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
