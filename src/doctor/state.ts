import { randomBytes } from 'node:crypto';
import { open, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../base/errors.ts';
import type { Settings } from '../config/settings.ts';
import { lockHolder } from '../spool/lock.ts';
import { type Finding, type Mend, reporter } from './finding.ts';
import { nearestFolder, quotedPath, whyNotWritable } from './folder.ts';
import { nameOf, type User } from './user.ts';

const say = reporter('state', ['agent']);

/** Checks that the spool can be written and synced, with a file that it removes at once. */
export async function writableFindings({ state_dir }: Settings, user: User): Promise<Finding[]> {
  const cure = `Make it writable for ${user.name}, or set AFTERLOG_STATE_DIR to another folder.`;
  const dir = await nearestFolder(state_dir);
  if (dir !== state_dir) {
    const denied = await whyNotWritable(dir, user);
    if (denied === null) {
      return [say.ok('writable', `${state_dir} does not exist yet; the agent can create it.`)];
    }
    const message = `User ${user.name} cannot create ${state_dir}: ${dir} is not writable (${denied}).`;
    const command = `sudo install -d -m 700 -o ${user.name} ${quotedPath(state_dir)}`;
    return [say.error('writable', message, { cure, ...(denied === 'EROFS' ? {} : { command }) })];
  }
  const path = join(dir, `doctor-${process.pid}-${randomBytes(4).toString('hex')}`);
  try {
    const took_ms = await writeDurably(path);
    return [say.ok('writable', `${dir} is writable; fsync took ${took_ms.toFixed(1)} ms.`)];
  } catch (error) {
    const message = `User ${user.name} cannot write and fsync a file in ${dir}: ${reasonOf(error)}`;
    return [say.error('writable', message, { cure })];
  }
}

/** @returns duration of the sync in ms */
async function writeDurably(path: string): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.write(Buffer.alloc(4_096, 1));
    const from_ms = performance.now();
    await file.datasync();
    return performance.now() - from_ms;
  } finally {
    await file.close();
    await unlink(path);
  }
}

/** Checks which agent runs here. Data dir and state dir each have a lock; they may be one folder. */
export async function lockFindings(settings: Settings, user: User): Promise<Finding[]> {
  const dirs = new Set([join(settings.data_dir, '.afterlog'), settings.state_dir]);
  const findings = await Promise.all([...dirs].map((dir) => lockOf(dir, user)));
  const held = findings.flat();
  return held.length > 0 ? held : [say.note('lock', `No agent runs on ${settings.data_dir}.`)];
}

async function lockOf(dir: string, user: User): Promise<Finding[]> {
  let lock: ReturnType<typeof lockHolder>;
  try {
    lock = lockHolder(dir);
  } catch (error) {
    const message = `The lock in ${dir} cannot be read: ${reasonOf(error)}`;
    const owner = await stat(dir).catch(() => null);
    if (owner === null || owner.uid === user.uid) return [say.warning('lock', message)];
    return [say.warning('lock', message, asUserOf(owner.uid))];
  }
  if (lock === null) return [];
  if (lock.holder === null) {
    const message = `An agent that was killed left its lock in ${dir}; the next agent replaces it.`;
    return [say.note('lock', message)];
  }
  const running = say.ok('lock', `An agent runs on ${dir}: ${lock.holder}.`);
  const process = lock.pid === null ? null : await stat(`/proc/${lock.pid}`).catch(() => null);
  if (process === null || process.uid === user.uid) return [running];
  const owner = nameOf(process.uid);
  const message = `The agent on ${dir}, ${lock.holder}, runs as user ${owner}; the findings about files are for user ${user.name}.`;
  return [running, say.warning('user', message, asUserOf(process.uid))];
}

function asUserOf(uid: number): Mend {
  const name = nameOf(uid);
  // sudo accepts a user id after a #.
  const command = `sudo -u ${/^\d+$/.test(name) ? `'#${name}'` : name} afterlog doctor`;
  return { cure: 'Run doctor as the agent’s user.', command };
}

/** The pid of the running agent; null if none runs, or its process is not visible. */
export function runningAgent({ data_dir }: Settings): number | null {
  try {
    const lock = lockHolder(join(data_dir, '.afterlog'));
    return lock !== null && lock.holder !== null ? lock.pid : null;
  } catch {
    return null;
  }
}
