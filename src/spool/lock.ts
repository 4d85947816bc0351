import { randomBytes } from 'node:crypto';
import {
  fstatSync,
  futimesSync,
  linkSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import { startOf } from '../base/child_process.ts';
import { AfterlogError, type ErrorCode, reasonOf } from '../base/errors.ts';
import { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { closeQuietly } from '../base/open_folder.ts';
import { makeStateDir, OWN_FILE } from '../base/own_files.ts';

interface Owner {
  pid: number;
  /** Start of the process in clock ticks since boot: another process may have the same pid later. */
  ticks: string;
  /**
   * Pid and ticks are valid in this pid namespace (each container has its own) and this boot of the machine.
   */
  pid_namespace: string;
  boot: string;
  /** Hostname of the machine or container; missing in the lock of an older agent. */
  host?: string;
  /** Time of the lock, ISO 8601; missing in the lock of an older agent. */
  since?: string;
}

/** The locks that this image of the process holds. */
const held = new Set<string>();

/** Attempts if other processes change the lock at the same time. */
const TRIES = 5;

/**
 * Locks `dir` for this process. The lock becomes invalid when the process ends, also if it is killed.
 * @returns a function that releases the lock
 * @throws AfterlogError `locked`, which names the process that holds the lock; STATE_DIR_UNUSABLE or, for the
 *   data dir, PINS_UNUSABLE
 */
export function lockDir(
  dir: string,
  locked: 'STATE_DIR_LOCKED' | 'DATA_DIR_LOCKED' = 'STATE_DIR_LOCKED',
): () => void {
  const path = join(dir, 'agent.lock');
  // A random name: processes in two containers may have the same pid.
  const mine = `${path}.${randomBytes(6).toString('hex')}`;
  const me = ownerHere();
  const unusable = locked === 'DATA_DIR_LOCKED' ? 'PINS_UNUSABLE' : 'STATE_DIR_UNUSABLE';
  try {
    makeStateDir(dir);
    writeFileSync(mine, JSON.stringify(me), { mode: OWN_FILE });
    for (let tries = 0; tries < TRIES; tries++) {
      if (take(mine, path)) return hold(mine, path, me, unusable);
      const owner = readOwner(path);
      if (owner === null) continue;
      const holder = liveHolder(path, owner, me);
      // A role that started anew kept its pid: the lock is of its image before.
      const isLeft = isSame(owner, me) && !held.has(path);
      if (holder !== null && !isLeft)
        throw new AfterlogError(locked, `Another agent uses ${dir}: ${holder}.`);
      setAsideStale(path, owner);
    }
    throw new AfterlogError(locked, `Other agents keep changing the lock of ${dir}, ${path}.`);
  } catch (error) {
    if (error instanceof AfterlogError) throw error;
    throw new AfterlogError(unusable, `The folder ${dir} cannot be used: ${reasonOf(error)}`, error);
  } finally {
    unlinkIfThere(mine);
  }
}

/**
 * Reads the lock of `dir`. `holder` describes the process that holds it, null if that process is gone; `pid`
 * is null if the process is in another pid namespace.
 * @returns null if there is no lock
 * @throws the system's error if the lock cannot be read
 */
export function lockHolder(dir: string): { pid: number | null; holder: string | null } | null {
  const path = join(dir, 'agent.lock');
  const owner = readOwner(path);
  if (owner === null) return null;
  const me = ownerHere();
  const pid = owner.pid_namespace === me.pid_namespace ? owner.pid : null;
  return { pid, holder: liveHolder(path, owner, me) };
}

/** Creates the lock by a link, which is atomic: creating a file and then writing it is not. */
function take(mine: string, path: string): boolean {
  try {
    linkSync(mine, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Touches the lock until it is released. It uses a descriptor, because the path may be another agent's lock:
 * if this process was frozen for long, another agent may have replaced the lock.
 */
function hold(mine: string, path: string, me: Owner, unusable: ErrorCode): () => void {
  let fd = openSync(mine, 'r+');
  held.add(path);
  const trouble = new Trouble(`${path} is there again.`, { path });
  const timer = setInterval(() => {
    try {
      if (fstatSync(fd).nlink === 0) fd = holdAgain(fd, mine, path, me);
      futimesSync(fd, new Date(), new Date());
      trouble.ends();
    } catch (error) {
      const what = `The lock ${path} cannot be held now: ${reasonOf(error)}`;
      trouble.begins(error instanceof AfterlogError ? error : new AfterlogError(unusable, what, error));
    }
  }, limits.spool.lock_touch_ms).unref();
  return () => {
    clearInterval(timer);
    trouble.ends();
    closeQuietly(fd);
    held.delete(path);
    const owner = readOwner(path);
    if (owner !== null && isSame(owner, me)) unlinkSync(path);
  };
}

/**
 * Somebody removed the lock: makes it again, before another agent takes the folder.
 * @returns the descriptor of the new one
 */
function holdAgain(fd: number, mine: string, path: string, me: Owner): number {
  makeStateDir(dirname(path));
  writeFileSync(mine, JSON.stringify(me), { mode: OWN_FILE });
  try {
    if (!take(mine, path))
      throw new AfterlogError('DATA_DIR_LOCKED', `The lock ${path} was removed, and another agent took it.`);
    const next = openSync(mine, 'r+');
    closeQuietly(fd);
    return next;
  } finally {
    unlinkIfThere(mine);
  }
}

/** @returns a description of the process that holds the lock; null if the lock is stale */
function liveHolder(path: string, owner: Owner, me: Owner): string | null {
  const isThisMachine = owner.boot === me.boot;
  // Another boot means that this machine restarted, or that another machine shares the folder.
  if (!isThisMachine && (owner.host ?? me.host) === me.host) return null;
  const since = owner.since === undefined ? '' : ` since ${owner.since}`;
  const who = `process ${owner.pid}${owner.host === undefined ? '' : ` on ${owner.host}`}${since}`;
  if (isThisMachine && owner.pid_namespace === me.pid_namespace)
    return startOf(owner.pid) === owner.ticks ? who : null;
  // The process is not visible here, so the time of the last touch decides. The clock may have been changed
  // since then, in either direction.
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Math.abs(Date.now() - touched) >= limits.spool.lock_alive_ms) return null;
  const wait_s = limits.spool.lock_alive_ms / 1_000;
  const where = isThisMachine ? 'container' : 'machine';
  return `${who}, in another ${where}; if it was killed, its lock expires after ${wait_s} s`;
}

const isSame = (a: Owner, b: Owner): boolean =>
  a.pid === b.pid && a.ticks === b.ticks && a.pid_namespace === b.pid_namespace && a.boot === b.boot;

function ownerHere(): Owner {
  const { pid } = process;
  return { pid, ticks: startOf(pid), ...here(), host: hostname(), since: new Date().toISOString() };
}

/** Both are '' on systems without /proc. */
function here(): { pid_namespace: string; boot: string } {
  try {
    return {
      pid_namespace: readlinkSync('/proc/self/ns/pid'),
      boot: readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(),
    };
  } catch {
    return { pid_namespace: '', boot: '' };
  }
}

/**
 * Removes a stale lock. Two agents may do so at once: if this one moved a newer lock away, it puts it back.
 */
function setAsideStale(path: string, stale: Owner): void {
  const aside = `${path}.stale.${randomBytes(6).toString('hex')}`;
  renameSync(path, aside);
  const moved = readOwner(aside);
  if (moved === null || !isSame(moved, stale)) take(aside, path);
  unlinkSync(aside);
}

/** @returns null if there is no lock; pid 0 if the file is incomplete, for example after a power loss */
function readOwner(path: string): Owner | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    const { pid, ticks, ...place } = JSON.parse(text) as Owner;
    // The lock of an old agent, which wrote no place, counts as one of this namespace and boot.
    return { pid, ticks, ...here(), ...place };
  } catch {
    return { pid: 0, ticks: 'none', ...here() };
  }
}

/** Ignores errors, so that they do not hide the caller's own error. */
function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {}
}
