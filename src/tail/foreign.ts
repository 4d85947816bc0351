import type { BigIntStats } from 'node:fs';

/** Write permission of the group and of all others. */
const OTHERS_WRITE = 0o022n;

/** Whether only the folder's owner may put names into it. */
const isClosed = ({ mode }: BigIntStats): boolean => (mode & OTHERS_WRITE) === 0n;

/**
 * Whether somebody may have put files of other users into this folder. Root and the agent's own user may read
 * them anyway, so a name that they made gives nobody anything.
 */
export function mayHoldForeign(folder: BigIntStats): boolean {
  const isTrusted = folder.uid === 0n || Number(folder.uid) === process.getuid?.();
  return !isTrusted || !isClosed(folder);
}

/**
 * Whether a guest's user may have hard-linked this file, to have the agent read it for him. Such a file has a
 * name elsewhere: the one that its owner gave it. A console that a runtime makes as root in the guest's
 * folder has no other, but for the names of its own chain and our pins.
 * @param names how many names the file may have
 */
export function isForeign(file: BigIntStats, folder: BigIntStats, names: number): boolean {
  if (!mayHoldForeign(folder) || (file.uid === folder.uid && isClosed(folder))) return false;
  return file.nlink > BigInt(names);
}
