import { lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { limits } from '../base/limits.ts';
import { idOfName } from '../base/name_bytes.ts';
import { READ_ONE_FILE } from '../base/open_folder.ts';
import { isSandboxId } from '../base/sandbox_id.ts';
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

/** Contents of the data dir, as far as this user can see them. */
export interface Survey {
  /** The folder whose entries are sandboxes. */
  root: string;
  /** Error code if the root cannot be listed, else null. */
  failure: string | null;
  sandboxes: number;
  /** Number of sandboxes whose folder was read. */
  looked: number;
  logs: FoundLog[];
  /** Sandboxes whose folder cannot be listed. */
  closed: string[];
}

/** Counts all sandboxes, and reads the folders of at most limits.doctor.sandboxes_max of them. */
export async function survey(settings: Settings): Promise<Survey> {
  const layout = layoutOf(settings.data_dir, settings.layout);
  const found: Survey = { root: layout.root, failure: null, sandboxes: 0, looked: 0, logs: [], closed: [] };
  let ids: string[] = [];
  try {
    const entries = await readdir(layout.root, { withFileTypes: true, encoding: 'buffer' });
    ids = entries.filter((entry) => entry.isDirectory()).map(({ name }) => idOfName(name));
    ids = ids.filter(isSandboxId);
  } catch (error) {
    found.failure = codeOf(error);
  }
  found.sandboxes = ids.length;
  // Half of the check's time limit, so that the findings are in time.
  const until_ms = performance.now() + limits.doctor.check_ms / 2;
  for (const id of ids.slice(0, limits.doctor.sandboxes_max)) {
    if (performance.now() > until_ms) break;
    found.looked++;
    const folder = layout.folderOf(id);
    try {
      const names = (await readdir(folder)).filter((name) => typeof chainPlace(name)?.kind === 'object');
      for (const name of names) found.logs.push(...(await lookAt(join(folder, name))));
    } catch (error) {
      // Other errors: the sandbox was deleted in the meantime.
      if (codeOf(error) === 'EACCES') found.closed.push(folder);
    }
  }
  return found;
}

async function lookAt(path: string): Promise<FoundLog[]> {
  const stats = await lstat(path).catch(() => null);
  if (!stats?.isFile()) return [];
  // Opens the file, because access(2) ignores capabilities. Nothing is read of it.
  const isReadable = await open(path, READ_ONE_FILE).then(
    (file) => file.close().then(() => true),
    (error) => ['ENOENT', 'ELOOP'].includes(codeOf(error)),
  );
  return [{ path, uid: stats.uid, mode: stats.mode & 0o7777, isReadable }];
}
