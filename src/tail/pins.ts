import { randomBytes } from 'node:crypto';
import {
  type BigIntStats,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  type Stats,
  statSync,
  unlinkSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError, isRefused } from '../base/errors.ts';
import { report, Trouble, unwritable } from '../base/faults.ts';
import { closeQuietly, type OpenFolder, READ_ONE_FILE } from '../base/open_folder.ts';
import { closeOwnFiles, makeOwnFolder, OWN_FILE } from '../base/own_files.ts';
import { Descriptors } from './descriptors.ts';
import { isForeign, mayHoldForeign } from './foreign.ts';
import { PinPace } from './pin_pace.ts';

/** Identifies a file while it exists: inode and birth time, because inodes are reused. */
export interface FileIdentity {
  inode: string;
  /** Nanoseconds since 1970, as text; '0' if the file system does not keep it. */
  born: string;
}

/** A link to a file that the system refused to identify. */
interface DoubtfulPin {
  log: string;
  age: number;
  path: string;
  nth: number;
  /** It may be foreign. */
  isUnsure: boolean;
}

/** How files are held: by a hard link in the pins dir, or by a descriptor, which ends with the agent. */
export type Holding = 'link' | 'descriptor';

/** Keeps a file: by a hard link, or by an open descriptor if a link is not possible, or not wanted. */
export interface Pin extends FileIdentity {
  /** Path of the link; null if only the descriptor holds the file. */
  path: string | null;
  fd: number | null;
  /** Not a link, but a copy that the agent made. */
  isAside?: true;
  /** How many names the file had, our pin included, when a look last saw it in its folder; absent before. */
  names?: number;
  /** Its place in the order in which this agent pinned files; absent for one that it found. */
  nth?: number;
  /** How many of its names only keep it for the descriptor; absent: none. */
  hidden?: number;
}

/** A name of a log in its folder, such as `console.log.2`. */
export interface ChainName {
  name: string;
  /** How many rotations old it is. */
  age: number;
}

/**
 * The name that FUSE or NFS gives a file that is deleted while a descriptor holds it. It goes with the
 * descriptor, and until then its folder cannot be removed.
 */
export const HIDDEN_NAME = /^\.(?:fuse_hidden|nfs)[0-9a-f]+$/i;

/** A file of our own, and a link to it. */
const TRIAL = ['trial', 'trial-link'];

/** The parts of a pin's name. */
export interface PinName {
  sandbox: string;
  log: string;
  /** Stream start in nanoseconds; `copy` for a copy. */
  stream: string;
  generation: number;
  isAfterGap: boolean;
  /** Short identity of the folder in which it was seen; null if that is not known. */
  folder: string | null;
  /** The original of a copy that somebody made; null if that is not known. */
  copyOf: FileIdentity | null;
}

/** A pinned file, its number in its log, and the truncations that it went through. */
export interface PinnedFile {
  pin: Pin;
  number: number;
  cuts: number;
}

/** A pin found on disk at start. */
export interface FoundPin extends Omit<PinName, 'stream'> {
  /** Null: linked, and never named for good; the generation is then the order of linking. */
  stream: string | null;
  /** Without a stream: which agent linked it. */
  life: string;
  /** Without a stream: how many rotations old its name was; 0 is the log's own name. */
  age: number;
  /** A copy that somebody made, kept in case its original is truncated. */
  isCopy: boolean;
  /** The original of a copy that the agent made; null for a link. */
  aside: { of: FileIdentity; cuts: number; from: number } | null;
  /** When it was written last, nanoseconds since 1970. */
  written_ns: bigint;
  pin: Pin;
}

/**
 * Hard links that keep the bytes of rotated and deleted logs, in a folder on the data dir's file system. A
 * name holds all that is known of its file, so that after a crash the pin alone is enough:
 * `<sandbox>,<log>,<stream start>,<generation>,<inode>,<folder>`, each part URI-encoded. A `~` behind the
 * generation means that there were files before it that nobody saw. The stream's start is `new` while it is
 * not known (followed by the age of the file's name in rotations, and a count), `unsure` instead until a
 * file is known to be none that a guest linked from elsewhere, `copy` for a copy that somebody made (its
 * original stands behind the folder), and `aside` for a copy that the agent made.
 */
export class Pins {
  /** How often the folder was found to be gone, or another one: then each pin must be looked for. */
  renewals = 0;
  /** The folder as it was found last: device and inode. */
  private folder = '';
  /** By sandbox: links to files that could not be looked at since. */
  private readonly doubtful = new Map<string, DoubtfulPin[]>();
  /** Let go of, and still there, because the system refused to unlink them. */
  private readonly leaving = new Set<Pin>();
  private readonly dir: string;
  private count = 0;
  /** Pids are reused; with them, names of an earlier agent's pins would be, too. */
  private readonly life = randomBytes(6).toString('hex');
  private readonly holding: Holding;
  /** Whether a hard link in the folder is its file; null until that was tried. */
  private linksServe: boolean | null = null;
  private warned = false;
  private readonly trouble: Trouble;
  private readonly pace = new PinPace();
  private readonly fds: Descriptors;

  constructor(dir: string, holding: Holding = 'link', fds: Descriptors = new Descriptors()) {
    this.dir = dir;
    this.fds = fds;
    this.trouble = new Trouble(`Pins in ${dir} are removed again.`);
    this.holding = holding;
    makeOwnFolder(dir);
    this.folder = this.see()!;
    // A copy is our own file; every other pin is the runtime's.
    closeOwnFiles(dir, (name) => name.split(',')[2] === 'aside');
  }

  /**
   * Pins a file of a folder in which others may swap it for anything at any moment. It is linked first and
   * identified afterwards, so that it cannot go away in between. A link to a link holds the link itself.
   * @returns null if the file is gone, or not one that belongs there
   * @throws the system's error if the file can neither be linked nor opened; an error if the name shows a
   * new file again and again
   */
  take(sandbox: string, logName: string, folder: OpenFolder, { name, age }: ChainName): Pin | null {
    this.pace.take(`${sandbox}/${name}`);
    if (this.holding === 'descriptor') return this.open(folder, name, null);
    const why = this.whyNoLink();
    if (why !== null) return this.open(folder, name, why);
    const pathAs = (stream: 'new' | 'unsure'): string =>
      join(this.dir, `${encodeURIComponent(sandbox)},${logName},${stream},${age},${this.unique()}`);
    const nth = this.count;
    const isUnsure = mayHoldForeign(folder.stats);
    const link = pathAs(isUnsure ? 'unsure' : 'new');
    try {
      linkSync(folder.entry(name), link);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') return this.open(folder, name, code ?? '');
      // The file is gone, unless the folder of pins is.
      return this.check() ? this.take(sandbox, logName, folder, { name, age }) : null;
    }
    crashPoint('tail.linked');
    try {
      const stats = lstatSync(link, { bigint: true });
      if (!stats.isFile() || isLinkedFromElsewhere(folder, name, stats, 1)) {
        this.unlink(link);
        return null;
      }
      const path = isUnsure ? pathAs('new') : link;
      if (isUnsure) renameSync(link, path);
      return { ...identityOf(stats), path, fd: null, names: Number(stats.nlink), nth };
    } catch (error) {
      // The link may be all that holds the file.
      const others = this.doubtful.get(sandbox) ?? [];
      this.doubtful.set(sandbox, [...others, { log: logName, age, path: link, nth, isUnsure }]);
      throw error;
    }
  }

  /** Files that an open descriptor holds. */
  get descriptors(): number {
    return this.fds.held;
  }

  private see(): string | null {
    const stats = statSync(this.dir, { bigint: true, throwIfNoEntry: false });
    return stats === undefined ? null : `${stats.dev}:${stats.ino}`;
  }

  /**
   * Makes the folder of pins again if somebody removed it.
   * @returns whether it was gone, or another one is in its place
   * @throws the system's error, also while the data dir is not there
   */
  check(): boolean {
    const before = this.folder;
    let now = this.see();
    if (now === null) {
      statSync(dirname(dirname(this.dir)));
      makeOwnFolder(this.dir);
      now = this.see();
    }
    if (now === null || now === before) return false;
    this.folder = now;
    this.linksServe = null;
    this.renewals++;
    const what = `The folder of pins, ${this.dir}, was removed or replaced. Files that still have a name are pinned again.`;
    report(new AfterlogError('PINS_LOST', what), { path: this.dir }, 'error');
    return true;
  }

  /** Whether the file is still held. @throws the system's error */
  holds({ path, fd, inode }: Pin): boolean {
    if (fd !== null) return isOpenStill(fd);
    if (path === null) return false;
    const stats = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return stats !== undefined && String(stats.ino) === inode;
  }

  /** Holds a file again whose pin somebody removed, by a name that it still has. */
  again(pin: Pin, folder: OpenFolder, name: string): void {
    const { path } = pin;
    if (pin.isAside || path === null || this.holds(pin)) return;
    try {
      linkSync(folder.entry(name), path);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'EEXIST') throw error;
      if (code === 'ENOENT') {
        if (this.check()) this.again(pin, folder, name);
        return;
      }
      const one = this.open(folder, name, code ?? '');
      if (one === null || !sameFile(one, pin)) {
        if (one !== null) this.release(one);
        return;
      }
      pin.path = null;
      pin.fd = one.fd;
      return;
    }
    const stats = lstatSync(path, { bigint: true });
    if (!sameFile(identityOf(stats), pin)) this.unlink(path);
  }

  /**
   * Pins that were linked by an earlier look, and not identified then, because the system refused it.
   * One that may be foreign and has another name is pinned again by that name; without one, it is nobody
   * else's.
   */
  identified(sandbox: string, logName: string): { pin: Pin; age: number }[] {
    const all = this.doubtful.get(sandbox);
    if (all === undefined) return [];
    const found: { pin: Pin; age: number }[] = [];
    const left = all.filter(({ log, age, path, nth, isUnsure }) => {
      if (log !== logName) return true;
      try {
        const stats = lstatSync(path, { bigint: true });
        if (stats.isFile() && !(isUnsure && stats.nlink > 1n))
          found.push({ pin: { ...identityOf(stats), path, fd: null, nth }, age });
        else this.unlink(path);
        return false;
      } catch (error) {
        if (!isRefused(error)) throw error;
        return (error as NodeJS.ErrnoException).code !== 'ENOENT';
      }
    });
    if (left.length > 0) this.doubtful.set(sandbox, left);
    else this.doubtful.delete(sandbox);
    return found;
  }

  /** Whether there are pins of a sandbox that are not identified yet. */
  hasDoubt(sandbox: string): boolean {
    return this.doubtful.has(sandbox);
  }

  private unique(): string {
    return `${this.life}-${this.count++}`;
  }

  /**
   * Why a hard link cannot hold a file; null if it can. On some file systems, plain FUSE ones above all, a
   * link is a file of its own for all that one can see: nobody could tell which names in a folder are
   * pinned. Before it is known that links serve, none may be made; a trial that failed says nothing of the
   * next file.
   */
  private whyNoLink(): string | null {
    if (this.linksServe === null) {
      const failure = this.tryLink();
      if (failure !== null) return failure;
    }
    return this.linksServe ? null : 'a hard link has another inode number there';
  }

  /** Finds out whether links serve. @returns the error that kept it from that */
  private tryLink(): string | null {
    const [file, link] = TRIAL.map((name) => join(this.dir, name)) as [string, string];
    const remove = (): void => {
      for (const path of [file, link]) this.unlink(path);
    };
    try {
      remove();
      closeQuietly(openSync(file, 'wx', OWN_FILE));
      linkSync(file, link);
      const [own, linked] = [file, link].map((path) => lstatSync(path, { bigint: true }));
      this.linksServe = own!.ino === linked!.ino && own!.dev === linked!.dev;
      return null;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === undefined) throw error;
      // The folder of pins is gone, and made again.
      return code === 'ENOENT' && this.check() ? this.tryLink() : code;
    } finally {
      remove();
    }
  }

  /** @param why links do not serve; null if they are not wanted */
  private open(folder: OpenFolder, name: string, why: string | null): Pin | null {
    this.fds.take();
    let file: ReturnType<OpenFolder['openFile']> = null;
    let isOwn = false;
    try {
      file = folder.openFile(name);
      isOwn = file !== null && !isLinkedFromElsewhere(folder, name, file.stats, 0);
    } finally {
      if (!isOwn) {
        if (file !== null) closeQuietly(file.fd);
        this.fds.give();
      }
    }
    if (file === null || !isOwn) return null;
    if (!this.warned && why !== null) {
      const path = join(folder.path, name);
      const what = `Cannot hard-link ${path} into ${this.dir} (${why}); open descriptors hold such logs.`;
      const cause = Object.assign(new Error(why), { code: why });
      report(new AfterlogError('LINK_IMPOSSIBLE', what, cause), { path });
      this.warned = true;
    }
    const names = Number(file.stats.nlink);
    return { ...identityOf(file.stats), path: null, fd: file.fd, names, nth: this.count++ };
  }

  /** Gives a pin the name of its generation and stream. */
  name(pin: Pin, { sandbox, log, stream, generation, isAfterGap, folder, copyOf }: PinName): void {
    if (pin.path === null) return;
    const number = `${generation}${isAfterGap ? '~' : ''}`;
    const parts = [encodeURIComponent(sandbox), log, stream, number, pin.inode, folder ?? ''];
    if (copyOf !== null) parts.push(partOf(copyOf));
    const path = join(this.dir, parts.join(','));
    if (path === pin.path) return;
    renameSync(pin.path, path);
    pin.path = path;
    crashPoint('tail.named');
  }

  /** A pin that cannot be unlinked now keeps its path, and `tidy` tries it again. */
  release(pin: Pin): void {
    if (pin.fd !== null) {
      closeQuietly(pin.fd);
      this.fds.give();
      pin.fd = null;
    }
    if (pin.path === null) return;
    try {
      unlinkSync(pin.path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') {
        this.leaving.add(pin);
        this.trouble.begins(unwritable(`Pins in ${this.dir} cannot be removed now`, error, 'PINS_UNUSABLE'));
        return;
      }
    }
    this.leaving.delete(pin);
    pin.path = null;
  }

  private unlink(path: string): void {
    this.release({ inode: '', born: '', path, fd: null });
  }

  /** Unlinks what could not be unlinked before. */
  tidy(): void {
    for (const pin of this.leaving) this.release(pin);
    if (this.leaving.size === 0) this.trouble.ends();
  }

  /** A new empty file for a copy of `of`, from offset `from` on. */
  makeAside(sandbox: string, log: string, of: PinnedFile, from: number): Pin {
    const parts = [
      encodeURIComponent(sandbox),
      log,
      'aside',
      of.number,
      `${partOf(of.pin)}-${of.cuts}`,
      from,
      this.unique(),
    ];
    const path = join(this.dir, parts.join(','));
    const fd = openSync(path, 'wx', OWN_FILE);
    try {
      return { ...identityOf(fstatSync(fd, { bigint: true })), path, fd: null, isAside: true };
    } catch (error) {
      this.unlink(path);
      throw error;
    } finally {
      closeQuietly(fd);
    }
  }

  /** The original of this copy has another number now. */
  renumberAside(pin: Pin, number: number): void {
    if (pin.path === null) return;
    const [sandbox, log, aside, , ...rest] = basename(pin.path).split(',');
    const path = join(this.dir, [sandbox, log, aside, number, ...rest].join(','));
    renameSync(pin.path, path);
    pin.path = path;
  }

  /**
   * All pins that an earlier agent left. It died before it knew whether an `unsure` one is foreign. If the
   * pin is the only name, the file is nobody else's; else the look at the folder pins the file again.
   * @throws AfterlogError
   */
  list(): FoundPin[] {
    try {
      return this.listNow();
    } catch (error) {
      throw unwritable(`The pins in ${this.dir} cannot be read`, error, 'PINS_UNUSABLE');
    }
  }

  private listNow(): FoundPin[] {
    const found: FoundPin[] = [];
    for (const name of readdirSync(this.dir)) {
      // The agent died before it could unlink it, and no next trial may come.
      if (TRIAL.includes(name)) this.unlink(join(this.dir, name));
      const [sandbox, logName, stream, generation, inode, folder, original] = name.split(',');
      const id = generation === undefined ? null : decoded(sandbox!);
      if (id === null) continue;
      const path = join(this.dir, name);
      const stats = lstatSync(path, { bigint: true });
      if (!stats.isFile()) continue;
      if (stream === 'unsure' && stats.nlink > 1n) {
        unlinkSync(path);
        continue;
      }
      const isNew = stream === 'new' || stream === 'unsure';
      const [life = '', nth] = isNew ? (inode ?? '').split('-') : [];
      const pin: Pin = { ...identityOf(stats), path, fd: null };
      if (stream === 'aside') pin.isAside = true;
      found.push({
        sandbox: id,
        log: logName!,
        stream: isNew || stream === 'copy' || stream === 'aside' ? null : stream!,
        generation: isNew ? Number(nth ?? 0) : Number.parseInt(generation!, 10),
        life,
        age: isNew ? Number(generation) : 0,
        isAfterGap: generation!.endsWith('~'),
        folder: stream === 'aside' ? null : folder || null,
        isCopy: stream === 'copy',
        copyOf: stream === 'copy' && original !== undefined ? identityIn(original) : null,
        aside: stream === 'aside' ? asideOf(inode!, folder!) : null,
        written_ns: stats.mtimeNs,
        pin,
      });
    }
    return this.withoutTwins(found);
  }

  /** Releases the second link to a file: an agent that knew the file died, or could not unlink it. */
  private withoutTwins(found: FoundPin[]): FoundPin[] {
    const first = new Map<string, FoundPin>();
    const keyOf = ({ sandbox, log, pin }: FoundPin): string => `${sandbox}/${log}/${pin.inode}/${pin.born}`;
    const isUnnamed = ({ stream, isCopy, aside }: FoundPin): boolean =>
      stream === null && !isCopy && aside === null;
    for (const one of found.toSorted((a, b) => Number(isUnnamed(a)) - Number(isUnnamed(b))))
      if (!first.has(keyOf(one))) first.set(keyOf(one), one);
    return found.filter((one) => {
      const isTwin = isUnnamed(one) && first.get(keyOf(one)) !== one;
      if (isTwin) this.release(one.pin);
      return !isTwin;
    });
  }
}

/**
 * Whether a held file may be one of another user's that a guest linked. A guest may link and unlink names at
 * any moment, so one look decides: at that moment the file had the name, our pins, and no other name.
 * @param held the stats of the held file, after it was pinned or opened @param pins how many names we hold
 */
function isLinkedFromElsewhere(folder: OpenFolder, name: string, held: BigIntStats, pins: number): boolean {
  // Without any name but ours: a log that was deleted meanwhile.
  if (!isForeign(held, folder.stats, pins)) return false;
  const now = folder.lstat(name);
  return (
    now === undefined ||
    !sameFile(identityOf(now), identityOf(held)) ||
    isForeign(now, folder.stats, pins + 1)
  );
}

/** Null for a name that no agent gave. */
function decoded(part: string): string | null {
  try {
    return decodeURIComponent(part);
  } catch {
    return null;
  }
}

/** A file's identity as a part of a name. */
const partOf = ({ inode, born }: FileIdentity): string => `${inode}-${born}`;

function identityIn(part: string): FileIdentity {
  const [inode = '', born = '0'] = part.split('-');
  return { inode, born };
}

function asideOf(original: string, from: string): FoundPin['aside'] {
  return { of: identityIn(original), cuts: Number(original.split('-')[2]), from: Number(from) };
}

/** A descriptor of a pinned file; `closePin` gives it back. A link in its place is not followed. */
export const openPin = (pin: Pin): number => pin.fd ?? openSync(pin.path!, READ_ONE_FILE);

export function closePin(pin: Pin, fd: number): void {
  if (pin.fd === null) closeQuietly(fd);
}

/** Reads at most `length` bytes; fewer at the end of the file. */
export function readAt(pin: Pin, position: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = openPin(pin);
  try {
    return bytes.subarray(0, readSync(fd, bytes, 0, length, position));
  } finally {
    closePin(pin, fd);
  }
}

/**
 * On file systems without lasting inode numbers, a file's number may change while it is open. The descriptor
 * shows the one that the names in the folder show at the same moment.
 * @returns whether it has another one now
 */
export function refresh(pin: Pin): boolean {
  if (pin.fd === null) return false;
  let now: FileIdentity;
  try {
    now = identityOf(fstatSync(pin.fd, { bigint: true }));
  } catch {
    return false; // The next read meets the same error, and says it.
  }
  if (sameFile(pin, now)) return false;
  Object.assign(pin, now);
  return true;
}

/**
 * FUSE with `hard_remove` takes a deleted file away from those who have it open.
 * @throws the system's error
 */
function isOpenStill(fd: number): boolean {
  try {
    fstatSync(fd);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

/** The current stats of a pinned file. */
export const statOf = ({ path, fd }: Pin): Stats => (fd === null ? lstatSync(path!) : fstatSync(fd));

/** Whether somebody else has a name for the file, or may have one. */
export function hasOtherName(pin: Pin): boolean {
  try {
    return namesOf(pin) > ownNames(pin);
  } catch {
    return true;
  }
}

/** The names of a file that are our pins. */
export const ownNames = (pin: Pin): number => (pin.path === null ? 0 : 1);

/** How many names a pinned file with these stats has, our pin included. */
export const namesIn = (pin: Pin, { nlink }: Stats): number => Math.max(0, nlink - (pin.hidden ?? 0));

/** The same of its current stats; 0 if somebody removed the pin. */
function namesOf(pin: Pin): number {
  try {
    return namesIn(pin, statOf(pin));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 0;
    throw error;
  }
}

export function identityOf(stats: BigIntStats): FileIdentity {
  return { inode: String(stats.ino), born: String(stats.birthtimeNs) };
}

/** A folder's identity in a few characters: a pin's name has no room for more. */
export const shortIdentity = ({ inode, born }: FileIdentity): string =>
  crc32(`${inode}:${born}`).toString(16);

/** Whether a file of a chain came before another one that no look has seen with it. */
export function isBefore(a: Pin, b: Pin): boolean {
  if (a.born !== '0' && b.born !== '0' && a.born !== b.born) return BigInt(a.born) < BigInt(b.born);
  // Names are read oldest first.
  return (a.nth ?? -1) < (b.nth ?? -1);
}

export const sameFile = (a: FileIdentity, b: FileIdentity): boolean =>
  a.inode === b.inode && a.born === b.born;
