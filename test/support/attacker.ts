import { spawn } from 'node:child_process';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

/** The user and group `nobody`, who own nothing on the machine. */
export const NOBODY = 65_534;

/** A skipped test whose reason begins like this counts as not run; any other skipped test fails the run. */
export const NOT_RUN = 'not run: ';

/**
 * Whether this process may act as another user. If it may not, the test is skipped and counts as not run.
 * Use it as `if (!canBeOthers(t)) return;`.
 */
export function canBeOthers(t: TestContext): boolean {
  if (process.getuid?.() === 0) return true;
  t.skip(`${NOT_RUN}only root can act as another user`);
  return false;
}

/** Runs a program as `nobody`, with an empty environment except PATH. */
export async function asNobody(
  program: string,
  args: string[],
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(program, args, {
    uid: NOBODY,
    gid: NOBODY,
    cwd: '/',
    env: { PATH: process.env.PATH },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([buffer(child.stdout), buffer(child.stderr), ended]);
  return { code, stdout: String(stdout), stderr: String(stderr) };
}
