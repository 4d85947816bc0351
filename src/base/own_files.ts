import {
  closeSync,
  constants,
  existsSync,
  fchmodSync,
  fstatSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { AfterlogError, reasonOf } from './errors.ts';
import { report } from './faults.ts';
import { log } from './log.ts';
import { READ_ONE_FILE } from './open_folder.ts';

/**
 * Files of our own hold the lines of all sandboxes, partly not redacted yet. Only the user of the process may
 * enter their folders and read them. The umask and an earlier version may have left them open, so the modes
 * are set as well as asked for.
 *
 * A pin is no file of our own: it is the runtime's file under a second name, and keeps its mode. The mode of
 * its folder protects the name.
 */
export const OWN_FILE = 0o600;
const OWN_FOLDER = 0o700;
const FOLDER = constants.O_RDONLY | constants.O_DIRECTORY;
/** The rights of group and others. */
export const OTHERS = 0o077;
const GROUP_WRITE = 0o020;
const OTHERS_WRITE = 0o002;
/** As many links as Linux follows on one path. */
const LINKS_MAX = 40;

/** Names in a state dir. A folder that holds only these is ours, and may be closed. */
const OWN_NAMES =
  /^(agent\.lock|up\.json|doctor-|(spool|refused|pins|watched|clickhouse|clickhouse-users|kafka|lost\+found)$)/;

/**
 * Makes the folder that a setting names, or one in the data dir, as `makeOwnFolder` does. If it holds things
 * that are not ours, its mode stays, for the setting may name a folder such as /var/lib. It may be a link.
 * @throws as `makeOwnFolder`
 */
export function makeStateDir(dir: string): void {
  makeFolder(dir, foreignNames, FOLDER);
}

/**
 * Makes a folder of our own and its missing parents, durably, and closes it to other users. An open folder of
 * an earlier version is closed, too. One that cannot be closed is reported, and used.
 * @throws AfterlogError STATE_DIR_FOREIGN if another user may have made it; the system's error
 */
export function makeOwnFolder(dir: string): void {
  makeFolder(dir, () => [], FOLDER | constants.O_NOFOLLOW);
}

function makeFolder(dir: string, foreignIn: (dir: string) => string[], flags: number): void {
  refuseForeign(dir);
  const isMade = make(dir, OWN_FOLDER);
  // Somebody else may have been quicker with it, or with one of its parents.
  refuseForeign(dir);
  if (!isMade) close(dir, foreignIn, flags);
}

/**
 * Folder by folder, so that an error names the one that failed. Missing parents get the usual mode.
 * @returns false if it exists
 */
function make(dir: string, mode?: number): boolean {
  if (existsSync(dir)) return false;
  make(dirname(dir));
  try {
    mkdirSync(dir, { mode });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
  syncPath(dirname(dir));
  return true;
}

/**
 * Makes the content of a file, or the names in a folder, survive a power loss. Added, renamed and removed
 * names need a sync of their folder: a sync of the file is not enough.
 */
export function syncPath(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/**
 * In a folder such as /tmp any user may make a folder or a link first, own what we write there, and lead us
 * elsewhere; a group may do so in its folder, and a user in his own. A folder of another user in a folder of
 * root's, or in one of his own, was meant.
 * @throws AfterlogError STATE_DIR_FOREIGN
 */
function refuseForeign(path: string, links = 0): void {
  const way = waysTo(resolve(path));
  for (let at = 1; at < way.length; at++) {
    const stats = lstatSync(way[at]!, { throwIfNoEntry: false });
    if (stats === undefined) return;
    if (isForeign(stats)) refuseUnmeant(way[at]!, stats, lstatSync(way[at - 1]!));
    if (!stats.isSymbolicLink()) continue;
    // A loop is the system's to report, when the path is used.
    if (links >= LINKS_MAX) return;
    const target = resolve(dirname(way[at]!), readlinkSync(way[at]!));
    refuseForeign(join(target, resolve(path).slice(way[at]!.length)), links + 1);
    return;
  }
}

function refuseUnmeant(path: string, stats: Stats, parent: Stats): void {
  const isLink = stats.isSymbolicLink();
  const isAnybodys = (parent.mode & OTHERS_WRITE) !== 0;
  const isGroups = (parent.mode & GROUP_WRITE) !== 0 && stats.uid !== parent.uid;
  if (!isAnybodys && !isGroups && !(isLink && isForeign(parent))) return;
  throw new AfterlogError(
    'STATE_DIR_FOREIGN',
    `${path} is ${isLink ? 'a link' : 'a folder'} of user ${stats.uid} in a folder where other users may make files.`,
  );
}

/** `/`, `/var`, `/var/lib` for `/var/lib`. */
function waysTo(path: string): string[] {
  const parent = dirname(path);
  return parent === path ? [path] : [...waysTo(parent), path];
}

const isForeign = ({ uid }: Stats): boolean => uid !== 0 && uid !== process.geteuid?.();

export const modeText = ({ mode }: Stats): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** Names in a state dir that are not ours. */
export const foreignNames = (dir: string): string[] =>
  readdirSync(dir).filter((name) => !OWN_NAMES.test(name));

function close(dir: string, foreignIn: (dir: string) => string[], flags: number): void {
  let fd: number;
  try {
    fd = openSync(dir, flags);
  } catch (error) {
    if (!lstatSync(dir).isSymbolicLink() || !statSync(dir).isDirectory()) throw error;
    // Root or this user made it; it may lead anywhere.
    refuseForeign(dir);
    reportOpen(dir, 'it is a link, so the mode of its folder stays');
    return;
  }
  try {
    const { mode, uid } = fstatSync(fd);
    if ((mode & OTHERS) !== 0 && uid === process.geteuid?.()) {
      const [foreign] = foreignIn(dir);
      if (foreign !== undefined) {
        reportOpen(dir, `it also holds ${JSON.stringify(foreign)}, so its mode stays`);
        return;
      }
      fchmodSync(fd, OWN_FOLDER);
      log.info({ path: dir }, 'A folder that other users could enter is closed to them now.');
    }
    const stats = fstatSync(fd);
    if (isForeign(stats)) reportOpen(dir, `it belongs to user ${stats.uid}`);
    else if ((stats.mode & OTHERS) !== 0) reportOpen(dir, `its mode stays ${modeText(stats)}`);
  } catch (error) {
    reportOpen(dir, reasonOf(error));
  } finally {
    closeSync(fd);
  }
}

function reportOpen(path: string, why: string): void {
  const what = `Other users may enter ${path}: ${why}.`;
  report(new AfterlogError('STATE_DIR_OPEN', what), { path });
}

/**
 * Closes the files in a folder of our own that an earlier version left open. Links are skipped: a pin among
 * them is another's file.
 * @param isOwn whether a file with this name is ours
 */
export function closeOwnFiles(dir: string, isOwn: (name: string) => boolean = () => true): void {
  let closed = 0;
  let failed: unknown;
  for (const entry of readdirSync(dir, { withFileTypes: true })) {
    if (!entry.isFile() || !isOwn(entry.name)) continue;
    try {
      if (closeFile(join(dir, entry.name))) closed++;
    } catch (error) {
      failed ??= error;
    }
  }
  if (closed > 0)
    log.info({ path: dir, closed }, 'Files that other users could read are closed to them now.');
  if (failed !== undefined) reportOpen(dir, reasonOf(failed));
}

/** @returns whether its mode was changed */
function closeFile(path: string): boolean {
  const fd = openSync(path, READ_ONE_FILE);
  try {
    const { mode, nlink } = fstatSync(fd);
    if ((mode & OTHERS) === 0 || nlink > 1) return false;
    fchmodSync(fd, OWN_FILE);
    return true;
  } finally {
    closeSync(fd);
  }
}
