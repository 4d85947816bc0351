import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A name that no other test uses, of letters, digits and underscores: fit for a topic, a group and a database. */
export const uniqueName = (what: string): string => `${what}_${randomBytes(6).toString('hex')}`;

/** A folder of the test's own, removed at its end. */
export async function temporaryDir(t: TestContext): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'afterlog-'));
  t.after(() => rm(dir, { recursive: true, force: true, maxRetries: 5 }));
  return dir;
}
