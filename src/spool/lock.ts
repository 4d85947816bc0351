import { randomBytes } from 'node:crypto';
import {
  closeSync,
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
import { join } from 'node:path';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { log } from '../base/log.ts';
import { makeFolder } from './folder.ts';

interface Owner {
  pid: number;
  /** Start of the process in clock ticks since boot: a pid alone may be somebody else's by now. */
  ticks: string;
  /** Both are true of one pid namespace (a container has its own) in one boot of the machine. */
  pid_namespace: string;
  boot: string;
  /** The machine, or container, and since when; absent in the lock of an older agent. */
  host?: string;
  since?: string;
}

/** How often a lock that changes hands under our eyes is tried. */
const TRIES = 5;

/**
 * Makes this process the one agent of `dir`, until it ends in whatever way.
 * @returns gives the lock back
 * @throws AfterlogError `locked` naming the process that holds it, STATE_DIR_UNUSABLE
 */
export function lockDir(
  dir: string,
  locked: 'STATE_DIR_LOCKED' | 'DATA_DIR_LOCKED' = 'STATE_DIR_LOCKED',
): () => void {
  const path = join(dir, 'agent.lock');
  // Not by the pid: in two containers it may be the same.
  const mine = `${path}.${randomBytes(6).toString('hex')}`;
  const me = ownerHere();
  try {
    makeFolder(dir);
    writeFileSync(mine, JSON.stringify(me));
    for (let tries = 0; tries < TRIES; tries++) {
      if (take(mine, path)) return hold(mine, path, me);
      const owner = readOwner(path);
      if (owner === null) continue;
      const holder = liveHolder(path, owner, me);
      if (holder !== null) throw new AfterlogError(locked, `${dir} is in use by another agent, ${holder}.`);
      setAsideStale(path, owner);
    }
    throw new AfterlogError(locked, `${dir}: its lock ${path} keeps changing hands.`);
  } catch (error) {
    if (error instanceof AfterlogError) throw error;
    throw new AfterlogError(
      'STATE_DIR_UNUSABLE',
      `The folder ${dir} cannot be used: ${reasonOf(error)}`,
      error,
    );
  } finally {
    unlinkIfThere(mine);
  }
}

/**
 * Who holds the lock of `dir`, without touching it: `holder` in words, null if its process is gone; `pid` is null
 * if the process cannot be seen from here.
 * @returns null when there is no lock
 * @throws the system's error when the lock cannot be read
 */
export function lockHolder(dir: string): { pid: number | null; holder: string | null } | null {
  const path = join(dir, 'agent.lock');
  const owner = readOwner(path);
  if (owner === null) return null;
  const me = ownerHere();
  const pid = owner.pid_namespace === me.pid_namespace ? owner.pid : null;
  return { pid, holder: liveHolder(path, owner, me) };
}

/** A link is made whole or not at all, unlike a file that is created and then written. */
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
 * Touches the lock until it is given back. Through a descriptor: a lock that was taken from us, because this
 * process was frozen for long, is another's by then.
 */
function hold(mine: string, path: string, me: Owner): () => void {
  const fd = openSync(mine, 'r+');
  const timer = setInterval(() => {
    try {
      futimesSync(fd, new Date(), new Date());
    } catch (error) {
      log.debug({ path, reason: reasonOf(error) }, 'The lock cannot be touched now.');
    }
  }, limits.spool.lock_touch_ms).unref();
  return () => {
    clearInterval(timer);
    closeSync(fd);
    const owner = readOwner(path);
    if (owner !== null && isSame(owner, me)) unlinkSync(path);
  };
}

/** @returns who holds the lock, in words; null if it is stale */
function liveHolder(path: string, owner: Owner, me: Owner): string | null {
  const isThisMachine = owner.boot === me.boot;
  // A machine has another boot after a restart, and so has another machine that shares the folder.
  if (!isThisMachine && (owner.host ?? me.host) === me.host) return null;
  const since = owner.since === undefined ? '' : ` since ${owner.since}`;
  const who = `process ${owner.pid}${owner.host === undefined ? '' : ` on ${owner.host}`}${since}`;
  if (isThisMachine && owner.pid_namespace === me.pid_namespace)
    return startOf(owner.pid) === owner.ticks ? who : null;
  // Its process cannot be seen from here. The clock may have been set since, in either direction.
  const touched = statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (Math.abs(Date.now() - touched) >= limits.spool.lock_alive_ms) return null;
  const wait_s = limits.spool.lock_alive_ms / 1_000;
  const where = isThisMachine ? 'container' : 'machine';
  return `${who}, in another ${where}; if that was killed, the lock is free after ${wait_s} s`;
}

const isSame = (a: Owner, b: Owner): boolean =>
  a.pid === b.pid && a.ticks === b.ticks && a.pid_namespace === b.pid_namespace && a.boot === b.boot;

function ownerHere(): Owner {
  const { pid } = process;
  return { pid, ticks: startOf(pid), ...here(), host: hostname(), since: new Date().toISOString() };
}

/** '' for both where there is no /proc. */
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

/** Two agents may find the same stale lock: only the one that moved that very lock away goes on with it gone. */
function setAsideStale(path: string, stale: Owner): void {
  const aside = `${path}.stale.${randomBytes(6).toString('hex')}`;
  renameSync(path, aside);
  const moved = readOwner(aside);
  if (moved === null || !isSame(moved, stale)) take(aside, path);
  unlinkSync(aside);
}

/** @returns null when there is no lock; nobody's process when it was cut off by a power loss */
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
    // A lock of an agent that wrote no place is taken for one of here.
    return { pid, ticks, ...here(), ...place };
  } catch {
    return { pid: 0, ticks: 'none', ...here() };
  }
}

/**
 * Field 22 of /proc/<pid>/stat, behind the name in parentheses; '' when there is no such process, or it has ended
 * and only its parent has not asked for its exit code yet (state Z or X).
 */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /^[ZX]/.test(state) ? '' : (fields[18] ?? '');
  } catch {
    return '';
  }
}

/** Best effort: what went wrong before is what the caller must hear. */
function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch {}
}
