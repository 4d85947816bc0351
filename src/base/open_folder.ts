import {
  type BigIntStats,
  closeSync,
  constants,
  type Dirent,
  existsSync,
  fstatSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
} from 'node:fs';
import { join } from 'node:path';

const { O_RDONLY, O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_NOCTTY } = constants;

/**
 * Opens a file that somebody may replace by a link, a FIFO or a device meanwhile: no link is followed, and
 * nothing blocks.
 */
export const READ_ONE_FILE = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;

const READ_ONE_FOLDER = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK;

/** A path through an open folder: renaming the folder, or putting a link in its place, changes nothing. */
const DESCRIPTORS = '/proc/self/fd';
const hasDescriptors = existsSync(DESCRIPTORS);

/**
 * Error codes of a name that leads to no file or folder, now. ELOOP is none of them: for a link, O_DIRECTORY
 * says ENOTDIR.
 */
const NO_ENTRY = ['ENOENT', 'ENOTDIR'];
/** Error codes of an entry that became a link or a socket. */
const SWAPPED = ['ELOOP', 'ENXIO'];

/**
 * An open folder below a folder that is trusted. Other users may write in it, and swap its entries and the
 * folder itself for links at any moment; yet all that is reached through it lies in the folder that was
 * opened.
 *
 * Linux only. Where there is no /proc, entries are reached by their path, and the folder is compared before
 * and after an open: a swap of the folder twice in between stays unnoticed there.
 */
export class OpenFolder {
  /** For messages. */
  readonly path: string;
  readonly stats: BigIntStats;
  private readonly fd: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.fd = fd;
    this.stats = statsOf(fd);
  }

  /**
   * Opens the folder `names` below `root`. `root` itself may be a link; the names may not.
   * @param names the names on the way, one or more
   * @param first the path of the first one, if its name is bytes that are no text
   * @returns null if one of them is no folder
   * @throws the system's error if one cannot be opened
   */
  static open(root: string, names: readonly string[], first?: string | Buffer): OpenFolder | null {
    let folder: OpenFolder | null = null;
    for (const name of names) {
      const above: OpenFolder | null = folder;
      const path: string = join(above?.path ?? root, name);
      try {
        const openIt = (): number => openSync(above?.entry(name) ?? first ?? path, READ_ONE_FOLDER);
        folder = new OpenFolder(path, above?.named(openIt) ?? openIt());
      } catch (error) {
        if (NO_ENTRY.includes((error as NodeJS.ErrnoException).code ?? '')) return null;
        throw error;
      } finally {
        above?.close();
      }
    }
    return folder;
  }

  /** A path that leads to the entry of this folder, for calls that do not follow links. */
  entry(name: string): string {
    return hasDescriptors ? `${DESCRIPTORS}/${this.fd}/${name}` : join(this.path, name);
  }

  /** A path that leads to this folder itself. */
  get through(): string {
    return hasDescriptors ? `${DESCRIPTORS}/${this.fd}` : this.path;
  }

  /** Its entries; none if it was removed since it was opened. */
  list(): Dirent[] {
    try {
      return this.named(() => readdirSync(this.through, { withFileTypes: true }));
    } catch (error) {
      // FUSE says so of a removed folder; other file systems list nothing.
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      return [];
    }
  }

  /** Undefined if there is no such entry. */
  lstat(name: string): BigIntStats | undefined {
    return this.named(() => lstatSync(this.entry(name), { bigint: true, throwIfNoEntry: false }));
  }

  /**
   * Opens a regular file for reading.
   * @returns null if the entry is gone, or is none
   * @throws the system's error if it cannot be opened
   */
  openFile(name: string): { fd: number; stats: BigIntStats } | null {
    // Opening a device may do something, so it is not tried; what comes in its place is seen below.
    if (!this.lstat(name)?.isFile()) return null;
    let fd: number;
    try {
      fd = this.named(() => openSync(this.entry(name), READ_ONE_FILE));
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (NO_ENTRY.includes(code)) return null;
      if (SWAPPED.includes(code) && !this.lstat(name)?.isFile()) return null;
      throw error;
    }
    const stats = statsOf(fd);
    if (stats.isFile() && (hasDescriptors || this.isInPlace)) return { fd, stats };
    closeQuietly(fd);
    return null;
  }

  /** The text of a regular file of at most `bytes_max`; null if the entry is none. @throws as `openFile` */
  readSmall(name: string, bytes_max: number): string | null {
    const file = this.openFile(name);
    if (file === null) return null;
    try {
      if (file.stats.size > bytes_max) return null;
      const bytes = Buffer.alloc(Number(file.stats.size));
      return bytes.toString('utf8', 0, readSync(file.fd, bytes, 0, bytes.length, 0));
    } finally {
      closeQuietly(file.fd);
    }
  }

  /** Whether its path still leads to this folder. */
  private get isInPlace(): boolean {
    const now = lstatSync(this.path, { bigint: true, throwIfNoEntry: false });
    return now?.dev === this.stats.dev && now.ino === this.stats.ino;
  }

  /** Gives the system's errors the path that people know. */
  private named<T>(does: () => T): T {
    try {
      return does();
    } catch (error) {
      const failure = error as NodeJS.ErrnoException;
      failure.message = failure.message.replace(this.through, () => this.path);
      throw failure;
    }
  }

  close(): void {
    closeQuietly(this.fd);
  }
}

/** The stats of a file that was opened for the caller; it is closed if they cannot be read. */
function statsOf(fd: number): BigIntStats {
  try {
    return fstatSync(fd, { bigint: true });
  } catch (error) {
    closeQuietly(fd);
    throw error;
  }
}

/**
 * Closes what was only read. A close that fails has closed, and loses nothing: the error is one of the file
 * system, which the next call meets again.
 */
export function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {}
}
