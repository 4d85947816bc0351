import { limits } from '../base/limits.ts';

/**
 * The places for sandboxes: a bounded number, of which the folders of one user take at most a share. Those of
 * root and of our own user may take all, for a runtime makes the folders of all its tenants.
 */
export class Places {
  private readonly owners = new Map<string, number | null>();
  private readonly taken = new Map<number, number>();

  /** @param ownerOf is asked only when places are short; null if nobody owns the folder */
  hasRoom(ownerOf: () => number | null): boolean {
    const max = limits.tail.sandboxes_max;
    const share = Math.floor(max * limits.tail.owner_share);
    if (this.owners.size < share) return true;
    if (this.owners.size >= max) return false;
    const owner = ownerOf();
    return owner === null || isTrusted(owner) || (this.taken.get(owner) ?? 0) < share;
  }

  take(id: string, owner: number | null): void {
    this.leave(id);
    this.owners.set(id, owner);
    if (owner !== null) this.taken.set(owner, (this.taken.get(owner) ?? 0) + 1);
  }

  leave(id: string): void {
    const owner = this.owners.get(id);
    this.owners.delete(id);
    if (owner === undefined || owner === null) return;
    const left = this.taken.get(owner)! - 1;
    if (left > 0) this.taken.set(owner, left);
    else this.taken.delete(owner);
  }
}

const isTrusted = (owner: number): boolean => owner === 0 || owner === process.getuid?.();
