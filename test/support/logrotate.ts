import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { NOT_RUN } from './attacker.ts';

export const LOGROTATE = '/usr/sbin/logrotate';

/**
 * Whether it is installed. If it is not, the test is skipped and counts as not run:
 * `if (!hasLogrotate(t)) return;`.
 */
export function hasLogrotate(t: TestContext): boolean {
  if (existsSync(LOGROTATE)) return true;
  t.skip(`${NOT_RUN}there is no ${LOGROTATE}`);
  return false;
}
