import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, statfsSync, statSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { limits } from '../base/limits.ts';
import { OWN_FILE, syncPath } from '../base/own_files.ts';

/** So much is written at once; where that does not fit, less may. */
const PIECE_BYTES = 256 * 1024;

/** Some file systems give the space of a deleted file away only after a commit of their journal. */
export function settleDeletions(dir: string): void {
  try {
    syncPath(dir);
  } catch {}
}

/** Whether an error, or its cause, says that the disk is full. */
export function isDiskFull(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (['ENOSPC', 'EDQUOT'].includes((at as NodeJS.ErrnoException).code ?? '')) return true;
  }
  return false;
}

/** Size of the file system of a folder. */
export function diskBytes(dir: string): number {
  const { blocks, bsize } = statfsSync(dir);
  return blocks * bsize;
}

/**
 * A file without content that matters. On a full disk it is deleted, so that what frees space can be written:
 * the place up to which the spool is delivered, a snapshot, and the gap rows of files that are let go of.
 * What is left of the space is reserved again at once, before somebody else fills it.
 */
export class Reserve {
  private readonly dir: string;
  private readonly path: string;
  private size: number;

  constructor(dir: string) {
    this.dir = dir;
    this.path = join(dir, 'reserve');
    this.size = statSync(this.path, { throwIfNoEntry: false })?.size ?? 0;
  }

  /** Deletes the reserve of a spool. @returns whether there was one */
  static remove(dir: string): boolean {
    try {
      unlinkSync(join(dir, 'reserve'));
    } catch {
      return false;
    }
    settleDeletions(dir);
    return true;
  }

  get bytes(): number {
    return this.size;
  }

  /** Gives the space back to the disk. @returns whether there was any */
  take(): boolean {
    this.size = 0;
    return Reserve.remove(this.dir);
  }

  /** Reserves as much as there is room for. @returns whether that is all */
  refill(): boolean {
    try {
      const { reserve_bytes, reserve_disk_share } = limits.spool;
      const whole = Math.min(reserve_bytes, Math.floor(diskBytes(this.dir) * reserve_disk_share));
      if (this.size < whole) this.growTo(whole);
      return true;
    } catch {
      // The disk is full, or refuses more than this.
      return false;
    }
  }

  /** As far as there is room. @throws if there is too little */
  private growTo(bytes: number): void {
    // Zeros may take no space.
    const some = randomFillSync(Buffer.allocUnsafe(Math.min(bytes, PIECE_BYTES)));
    const fd = openSync(this.path, this.size === 0 ? 'w' : 'r+', OWN_FILE);
    try {
      while (this.size < bytes) {
        this.size += writeSync(fd, some, 0, Math.min(some.length, bytes - this.size), this.size);
      }
    } finally {
      closeSync(fd);
    }
  }
}

/** Does it again without the reserve of the spool in `dir` if the disk is full. */
export function withReserve<Result>(dir: string, does: () => Result): Result {
  try {
    return does();
  } catch (error) {
    if (!isDiskFull(error) || !Reserve.remove(dir)) throw error;
    return does();
  }
}
