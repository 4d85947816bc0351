import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { idOfName, pathOfId } from '../base/name_bytes.ts';
import { OpenFolder } from '../base/open_folder.ts';
import { isSandboxId } from '../base/sandbox_id.ts';
import { kindOfName, type NameKind } from './rotation_names.ts';

/** The logs of a sandbox: the file's name in its folder, and the log's name in its rows. */
export const logFiles = [
  { file: 'console.log', log: 'console' },
  { file: 'events.jsonl', log: 'events' },
  { file: 'firecracker.log', log: 'firecracker' },
] as const;

/** Where the folders of sandboxes are: `vms/{sandbox}/{log}` below the data dir, or another template. */
export interface Layout {
  /** The folder whose entries are sandboxes. */
  root: string;
  /** The ids of all names in the root. @throws the system's error */
  list(): string[];
  /** Whether the root has an entry with this id, perhaps under a name that the file system takes for it. */
  has(sandbox: string): boolean;
  /** The path of the folder of a sandbox's logs, for messages and watches. */
  folderOf(sandbox: string): string;
  /** Opens that folder, without following a link. @returns null if it is not there, or no folder */
  open(sandbox: string): OpenFolder | null;
  /** The user who owns that folder; null if it is not there. */
  ownerOf(sandbox: string): number | null;
  /** The path of a link on the way to that folder; null if there is none. */
  linkTo(sandbox: string): string | null;
}

export function layoutOf(dataDir: string, template: string): Layout {
  const [before, after] = template.split('{sandbox}') as [string, string];
  const inside = after.slice(0, -'/{log}'.length).replace(/^\//, '');
  // With a template such as run/fc-{sandbox}/{log}, the id is the folder's whole name, prefix included.
  const root = join(dataDir, before.slice(0, before.lastIndexOf('/') + 1));
  const names = inside.split('/').filter((name) => name !== '' && name !== '.');
  const openIn = (sandbox: string): OpenFolder | null =>
    isSandboxId(sandbox) ? OpenFolder.open(root, [sandbox, ...names], pathOfId(root, sandbox)) : null;
  return {
    root,
    list() {
      const names = readdirSync(root);
      // Bytes that are no text look all alike there.
      const areText = names.every((name) => !name.includes('\u{fffd}'));
      return areText ? names : readdirSync(root, { encoding: 'buffer' }).map(idOfName);
    },
    has: (sandbox) => lstatSync(pathOfId(root, sandbox), { throwIfNoEntry: false }) !== undefined,
    folderOf: (sandbox) => join(root, sandbox, inside),
    open: openIn,
    ownerOf(sandbox) {
      const folder = openIn(sandbox);
      folder?.close();
      return folder && Number(folder.stats.uid);
    },
    linkTo(sandbox) {
      const paths = [sandbox, ...names].map((_, index, all) => join(root, ...all.slice(0, index + 1)));
      const isLink = (path: string, index: number): boolean => {
        const at = index === 0 ? pathOfId(root, sandbox) : path;
        return lstatSync(at, { throwIfNoEntry: false })?.isSymbolicLink() === true;
      };
      return paths.find(isLink) ?? null;
    },
  };
}

/** The log that a file name belongs to, and what it says of the file's place in the log's chain. */
export function chainPlace(name: string): { log: string; kind: NameKind } | null {
  for (const { file, log } of logFiles) {
    const kind = kindOfName(name, file);
    if (kind !== null) return { log, kind };
  }
  return null;
}
