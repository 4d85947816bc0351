import { linkSync, mkdirSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { AfterlogError, reasonOf } from '../errors.ts';

interface Owner {
  pid: number;
  /** Start of the process in clock ticks since boot: a pid alone may be somebody else's by now. */
  ticks: string;
}

/** How often a lock that changes hands under our eyes is tried. */
const TRIES = 5;

/**
 * Makes this process the one agent of `dir`, until it ends in whatever way.
 * @returns gives the lock back
 * @throws AfterlogError STATE_DIR_LOCKED naming the process that holds it, STATE_DIR_UNUSABLE
 */
export function lockDir(dir: string): () => void {
  const path = join(dir, 'agent.lock');
  const mine = `${path}.${process.pid}`;
  try {
    mkdirSync(dir, { recursive: true });
    writeFileSync(mine, JSON.stringify({ pid: process.pid, ticks: startOf(process.pid) } satisfies Owner));
    for (let tries = 0; tries < TRIES; tries++) {
      if (take(mine, path)) return () => unlinkSync(path);
      const owner = readOwner(path);
      if (owner === null) continue;
      if (startOf(owner.pid) === owner.ticks) {
        throw new AfterlogError(
          'STATE_DIR_LOCKED',
          `${dir} is in use by another agent, process ${owner.pid}.`,
        );
      }
      setAsideStale(path, owner);
    }
    throw new AfterlogError('STATE_DIR_LOCKED', `${dir}: its lock ${path} keeps changing hands.`);
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

/** Two agents may find the same stale lock: only the one that moved that very lock away goes on with it gone. */
function setAsideStale(path: string, stale: Owner): void {
  const aside = `${path}.stale.${process.pid}`;
  renameSync(path, aside);
  const moved = readOwner(aside);
  if (moved?.pid !== stale.pid || moved.ticks !== stale.ticks) take(aside, path);
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
    const { pid, ticks } = JSON.parse(text) as Owner;
    return { pid, ticks };
  } catch {
    return { pid: 0, ticks: 'none' };
  }
}

/** Field 22 of /proc/<pid>/stat, behind the name in parentheses; '' when there is no such process. */
function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
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
