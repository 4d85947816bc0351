import fs, { type BigIntStats } from 'node:fs';

/** Not the agent's. */
const lstat = fs.lstatSync;

/** A file system as an agent sees it. */
export interface FileSystem {
  /** Whether it keeps when a file was made. */
  births: 'kept' | 'none';
  /** Whether a hard link is its file, is refused, looks like another file as on a plain FUSE one, or is not wanted. */
  links: 'work' | 'refused' | 'look like others' | 'unwanted';
}

export const USUAL: FileSystem = { births: 'kept', links: 'work' };

type AnyCall = (...args: unknown[]) => unknown;

const IN_PINS = /\/pins\/[^/]*$/;

/** Makes the calls of an agent on a usual file system look like those on another one. */
export class SimulatedFiles {
  /** Inode numbers of hard links, by path. */
  private readonly links = new Map<string, bigint>();
  private next = 1n << 40n;
  private readonly is: FileSystem;

  constructor(is: FileSystem) {
    this.is = is;
  }

  /** Does a call of this name. */
  call(name: string, does: AnyCall, args: unknown[]): unknown {
    if (name === 'linkSync' && this.is.links === 'refused')
      throw Object.assign(new Error('EXDEV: cross-device link not permitted, link'), {
        code: 'EXDEV',
        syscall: 'link',
      });
    const result = does(...args);
    const [from, to] = args as [string, string];
    if (name === 'linkSync' && this.is.links === 'look like others') this.links.set(to, this.next++);
    if (name === 'renameSync' && this.links.has(from)) {
      this.links.set(to, this.links.get(from)!);
      this.links.delete(from);
    }
    if (name === 'unlinkSync') this.links.delete(from);
    if (typeof (result as BigIntStats | undefined)?.birthtimeNs === 'bigint')
      this.shape(result as BigIntStats, String(from));
    return result;
  }

  /** What the agent sees of a file. */
  identityOf(path: string): { inode: string; born: string } | null {
    const stats = lstat(path, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined) return null;
    this.shape(stats, path);
    return { inode: String(stats.ino), born: String(stats.birthtimeNs) };
  }

  private shape(stats: BigIntStats, path: string): void {
    if (this.is.births === 'none') stats.birthtimeNs = 0n;
    if (IN_PINS.test(path)) stats.ino = this.links.get(path) ?? stats.ino;
  }
}
