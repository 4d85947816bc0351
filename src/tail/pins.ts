import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  closeSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError } from '../base/errors.ts';
import { report } from '../base/faults.ts';

/** What tells one file from another for as long as both exist: inode and birth time (inodes are used again). */
export interface FileIdentity {
  inode: string;
  /** Nanoseconds since 1970, as text; '0' where the file system does not keep it. */
  born: string;
}

/** A file held fast: by a hard link, or where that is not possible by an open descriptor. */
export interface Pin extends FileIdentity {
  /** Path of the link; null when only the descriptor holds the file. */
  path: string | null;
  fd: number | null;
  /** No link, but a copy that we made ourselves. */
  isAside?: true;
}

/** What a pin's name says. */
export interface PinName {
  sandbox: string;
  log: string;
  /** Stream start in nanoseconds; `copy` for a copy. */
  stream: string;
  generation: number;
  isAfterGap: boolean;
  /** The folder in which it was seen, shortly; null when that is not known. */
  folder: string | null;
}

/** A pinned file as a log counts its files: `number` of them, after so many truncations. */
export interface PinnedFile {
  pin: Pin;
  number: number;
  cuts: number;
}

/** A pin found on disk at start. */
export interface FoundPin extends Omit<PinName, 'stream'> {
  /** null: linked, and never named for good; then the generation is the order of linking. */
  stream: string | null;
  /** Of one without a stream: how many rotations old its name was; 0 is the log's own. */
  age: number;
  /** The pin of a copy, kept in case its original gets truncated. */
  isCopy: boolean;
  /** What it is a copy of that we made ourselves; null for a link. */
  aside: { of: FileIdentity; cuts: number; from: number } | null;
  pin: Pin;
}

/**
 * Hard links that keep the bytes of logs which are rotated away or deleted, in a folder of the data dir's file
 * system. A name holds all that is known, so that after a crash a pin alone is enough:
 * `<sandbox>,<log>,<stream start>,<generation>,<inode>,<folder>`, each part URI-encoded. `~` behind the generation says
 * that before it there were files that nobody saw. In place of the stream's start
 * stands `new` while it is not known (then how many rotations old its name was, and a count), and `copy` for a file that was copied from another one.
 */
export class Pins {
  /** How many files are held by an open descriptor. */
  descriptors = 0;
  private readonly dir: string;
  private count = 0;
  /** Pids come again, and so would the names of an earlier agent's pins. */
  private readonly life = randomBytes(6).toString('hex');
  private warned = false;

  constructor(dir: string) {
    this.dir = dir;
    mkdirSync(dir, { recursive: true });
  }

  /**
   * Pins the file at `path`: first linked, then looked at, so that what is looked at cannot go away.
   * @returns null when it is not there any more, or not a regular file
   * @throws the system's error when the file can neither be linked nor opened
   */
  take(sandbox: string, logName: string, path: string, age: number): Pin | null {
    const link = join(this.dir, `${encodeURIComponent(sandbox)},${logName},new,${age},${this.unique()}`);
    try {
      linkSync(path, link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') return null;
      return this.open(path, code ?? '');
    }
    crashPoint('tail.linked');
    const stats = lstatSync(link, { bigint: true });
    if (!stats.isFile()) {
      unlinkSync(link);
      return null;
    }
    return { ...identityOf(stats), path: link, fd: null };
  }

  private unique(): string {
    return `${this.life}-${this.count++}`;
  }

  private open(path: string, why: string): Pin | null {
    try {
      if (!lstatSync(path).isFile()) return null;
      const fd = openSync(path, 'r');
      this.descriptors++;
      if (!this.warned) {
        const what = `Cannot hard-link ${path} into ${this.dir} (${why}); open descriptors hold such logs.`;
        report(new AfterlogError('LINK_IMPOSSIBLE', what), { path });
        this.warned = true;
      }
      return { ...identityOf(fstatSync(fd, { bigint: true })), path: null, fd };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
      throw error;
    }
  }

  /** Gives a pin the name that says which generation of which stream it is. */
  name(pin: Pin, { sandbox, log, stream, generation, isAfterGap, folder }: PinName): void {
    if (pin.path === null) return;
    const number = `${generation}${isAfterGap ? '~' : ''}`;
    const parts = [encodeURIComponent(sandbox), log, stream, number, pin.inode, folder ?? ''];
    const path = join(this.dir, parts.join(','));
    if (path === pin.path) return;
    renameSync(pin.path, path);
    pin.path = path;
    crashPoint('tail.named');
  }

  release(pin: Pin): void {
    if (pin.fd !== null) {
      closeSync(pin.fd);
      this.descriptors--;
    }
    if (pin.path !== null) {
      try {
        unlinkSync(pin.path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    }
    pin.fd = null;
    pin.path = null;
  }

  /** A new empty file for what is copied of `of`, from offset `from` on. */
  makeAside(sandbox: string, log: string, of: PinnedFile, from: number): Pin {
    const { inode, born } = of.pin;
    const parts = [
      encodeURIComponent(sandbox),
      log,
      'aside',
      of.number,
      `${inode}-${born}-${of.cuts}`,
      from,
      this.unique(),
    ];
    const path = join(this.dir, parts.join(','));
    const fd = openSync(path, 'wx');
    try {
      return { ...identityOf(fstatSync(fd, { bigint: true })), path, fd: null, isAside: true };
    } finally {
      closeSync(fd);
    }
  }

  /** Its original has another number now. */
  renumberAside(pin: Pin, number: number): void {
    if (pin.path === null) return;
    const [sandbox, log, aside, , ...rest] = basename(pin.path).split(',');
    const path = join(this.dir, [sandbox, log, aside, number, ...rest].join(','));
    renameSync(pin.path, path);
    pin.path = path;
  }

  /** All pins that an earlier agent left. */
  list(): FoundPin[] {
    const found: FoundPin[] = [];
    for (const name of readdirSync(this.dir)) {
      const [sandbox, logName, stream, generation, inode, folder] = name.split(',');
      if (generation === undefined) continue;
      const path = join(this.dir, name);
      const pin: Pin = { ...identityOf(statSync(path, { bigint: true })), path, fd: null };
      if (stream === 'aside') pin.isAside = true;
      found.push({
        sandbox: decodeURIComponent(sandbox!),
        log: logName!,
        stream: stream === 'new' || stream === 'copy' || stream === 'aside' ? null : stream!,
        generation: stream === 'new' ? Number(inode?.split('-')[1] ?? 0) : Number.parseInt(generation, 10),
        age: stream === 'new' ? Number(generation) : 0,
        isAfterGap: generation.endsWith('~'),
        folder: stream === 'aside' ? null : folder || null,
        isCopy: stream === 'copy',
        aside: stream === 'aside' ? asideOf(inode!, folder!) : null,
        pin,
      });
    }
    return found;
  }
}

function asideOf(original: string, from: string): FoundPin['aside'] {
  const [inode, born, cuts] = original.split('-') as [string, string, string];
  return { of: { inode, born }, cuts: Number(cuts), from: Number(from) };
}

/** Fewer bytes than `length` where the file ends before. */
export function readAt(pin: Pin, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = pin.fd ?? openSync(pin.path!, 'r');
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
  } finally {
    if (pin.fd === null) closeSync(fd);
  }
}

/** The file that a pin holds, as it is now. */
export const statOf = ({ path, fd }: Pin): Stats => (fd === null ? statSync(path!) : fstatSync(fd));

export function identityOf(stats: BigIntStats): FileIdentity {
  return { inode: String(stats.ino), born: String(stats.birthtimeNs) };
}

/** The same in a few characters, for a folder: in a pin's name there is no room for more. */
export const shortIdentity = ({ inode, born }: FileIdentity): string =>
  crc32(`${inode}:${born}`).toString(16);

export const sameFile = (a: FileIdentity, b: FileIdentity): boolean =>
  a.inode === b.inode && a.born === b.born;
