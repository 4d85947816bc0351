import type { TestContext } from 'node:test';
import { log } from '../../src/base/log.ts';

/**
 * Collects all log lines from now on, at any level, as `<level> <fields> <message>`; they are not printed.
 */
export function collectLog(t: TestContext): string[] {
  const said: string[] = [];
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    t.mock.method(log, level, (...args: unknown[]) => said.push(`${level} ${JSON.stringify(args)}`));
  }
  return said;
}
