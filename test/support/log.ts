import type { TestContext } from 'node:test';
import { log } from '../../src/base/log.ts';

/** All that is logged from here on, at any level: `<level> <fields> <message>`. Nothing of it is written. */
export function collectLog(t: TestContext): string[] {
  const said: string[] = [];
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    t.mock.method(log, level, (...args: unknown[]) => said.push(`${level} ${JSON.stringify(args)}`));
  }
  return said;
}
