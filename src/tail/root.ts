import { statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The folder of sandboxes, as it was seen. */
export interface Root {
  /** The file system that it is on, or would be on. */
  device: string;
  /** Inode and birth time; empty if there is no such folder. */
  folder: string;
  /** When names in it changed last; empty if there is no such folder. */
  changed: string;
}

/** @throws the system's error */
export function seeRoot(path: string): Root {
  for (let above = path; ; above = dirname(above)) {
    const stats = statSync(above, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) continue;
    const device = String(stats.dev);
    if (above !== path) return { device, folder: '', changed: '' };
    return { device, folder: `${stats.ino}:${stats.birthtimeNs}`, changed: String(stats.mtimeNs) };
  }
}

/**
 * Whether sandboxes that are not found in `now`, and were in `before`, are deleted. They are not if another
 * file system was mounted over them, or theirs was unmounted: then they may come back. A file system that is
 * mounted again may have another number.
 */
export const isSameRoot = (before: Root, now: Root): boolean =>
  before.device === now.device || (now.folder !== '' && before.folder === now.folder);
