import { constants, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { chainPlace, layoutOf } from '../tail/layout.ts';
import { codeOf } from './folder.ts';

export interface FoundLog {
  path: string;
  uid: number;
  /** Permission bits. */
  mode: number;
  isReadable: boolean;
}

/** What stands in the data dir, as far as this user sees it. */
export interface Survey {
  /** The folder whose entries are sandboxes. */
  root: string;
  /** Why the root cannot be listed: an error code of the system, or null. */
  failure: string | null;
  sandboxes: number;
  /** How many of them were looked into. */
  looked: number;
  logs: FoundLog[];
  /** Sandboxes whose folder cannot be listed. */
  closed: string[];
}

/** Counts all sandboxes, and looks at the logs of at most limits.doctor.sandboxes_max, for as long as a check may take. */
export async function survey(settings: Settings): Promise<Survey> {
  const layout = layoutOf(settings.data_dir, settings.layout);
  const found: Survey = { root: layout.root, failure: null, sandboxes: 0, looked: 0, logs: [], closed: [] };
  let ids: string[] = [];
  try {
    const entries = await readdir(layout.root, { withFileTypes: true });
    ids = entries
      .filter((entry) => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(({ name }) => name);
  } catch (error) {
    found.failure = codeOf(error);
  }
  found.sandboxes = ids.length;
  // Half of the time, so that what was found is told in time.
  const until_ms = performance.now() + limits.doctor.check_ms / 2;
  for (const id of ids.slice(0, limits.doctor.sandboxes_max)) {
    if (performance.now() > until_ms) break;
    found.looked++;
    const folder = layout.folderOf(id);
    try {
      const names = (await readdir(folder)).filter((name) => chainPlace(name) !== null);
      for (const name of names) found.logs.push(...(await lookAt(join(folder, name))));
    } catch (error) {
      // A sandbox that is deleted meanwhile is none of our business.
      if (codeOf(error) === 'EACCES') found.closed.push(folder);
    }
  }
  return found;
}

async function lookAt(path: string): Promise<FoundLog[]> {
  const stats = await lstat(path).catch(() => null);
  if (!stats?.isFile()) return [];
  // Opened, not asked of access(2), which leaves capabilities out of account.
  const isReadable = await open(path, constants.O_RDONLY | constants.O_NONBLOCK).then(
    (file) => file.close().then(() => true),
    (error) => codeOf(error) === 'ENOENT',
  );
  return [{ path, uid: stats.uid, mode: stats.mode & 0o7777, isReadable }];
}
