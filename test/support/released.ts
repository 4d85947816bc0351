import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type Ended, runCommand } from './command.ts';
import { root } from './imports.ts';
import { RoleProcess } from './roles.ts';

/**
 * The command as users get it: bin/afterlog.js with its built files. The run builds it if a selected test
 * needs it. TEST_RELEASE names the folder of another version, built there: an attack that this version
 * withstands must succeed against the version before the defense.
 */
export const RELEASED = join(process.env.TEST_RELEASE ?? root, 'bin/afterlog.js');

/** Settings of a defense. The version before it does not know them, and is attacked without. */
export const defense = (environment: Record<string, string>): Record<string, string> =>
  process.env.TEST_RELEASE === undefined ? environment : {};

/** A role of the released command, not started yet. It is killed when the test ends. */
export function releasedRole(
  t: TestContext,
  args: string[],
  environment: Record<string, string>,
  through: string[] = [],
): RoleProcess {
  return new RoleProcess(t, args, environmentWith(environment), through, RELEASED);
}

/** Runs the released command until it ends. Settings come only from `environment`. */
export function runReleased(
  args: string[],
  environment: Record<string, string> = {},
  stdin = '',
  through: string[] = [],
): Promise<Ended> {
  return runCommand(RELEASED, args, environment, stdin, through);
}

function environmentWith(environment: Record<string, string>): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('AFTERLOG_'));
  return { ...Object.fromEntries(inherited), ...environment };
}
