import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { User } from './user.ts';

export const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown';

/** The folder itself, or its nearest parent that exists. */
export async function nearestFolder(path: string): Promise<string> {
  for (let at = path; ; at = dirname(at)) {
    if (at === dirname(at) || (await stat(at).catch(() => null)) !== null) return at;
  }
}

/** A path as one word of a shell command. */
export const quotedPath = (path: string): string =>
  /^[\w./-]+$/.test(path) ? path : `'${path.replaceAll("'", "'\\''")}'`;

/** The error code if this user cannot create files in a folder; null if it can. Creates nothing. */
export async function whyNotWritable(dir: string, user: User): Promise<string | null> {
  const denied = await access(dir, constants.W_OK | constants.X_OK).then(() => null, codeOf);
  // access(2) ignores the capabilities of users other than root.
  return denied === 'EACCES' && user.capabilities.has('CAP_DAC_OVERRIDE') ? null : denied;
}
