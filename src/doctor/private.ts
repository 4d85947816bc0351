import type { Stats } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { foreignNames, modeText, OTHERS } from '../base/own_files.ts';
import type { Settings } from '../config/settings.ts';
import { type Finding, many, reporter } from './finding.ts';
import { quotedPath } from './folder.ts';
import { nameOf, type User } from './user.ts';

const say = reporter('state', ['agent']);

/**
 * Checks that other users of the machine can neither enter the agent's folders nor read its own files. The
 * modes of pins are the runtime's.
 */
export async function privateFindings(settings: Settings, user: User): Promise<Finding[]> {
  const { state_dir } = settings;
  const pinned = join(settings.data_dir, '.afterlog');
  const shared = [...new Set([state_dir, pinned])];
  const own = [join(pinned, 'pins'), ...['spool', 'refused'].map((name) => join(state_dir, name))];
  const found = await Promise.all([
    ...shared.map((dir) => folder(dir, true, user)),
    ...own.map((dir) => folder(dir, false, user)),
    ...own.slice(1).map(files),
  ]);
  const open = found.flat();
  if (open.length > 0 || (await statsOf(state_dir)) === null) return open;
  return [say.ok('private', `Only user ${nameOf((await stat(state_dir)).uid)} may enter ${state_dir}.`)];
}

async function folder(dir: string, isShared: boolean, user: User): Promise<Finding[]> {
  const stats = await statsOf(dir);
  if (stats === null) return [];
  if ((stats.mode & OTHERS) !== 0) {
    const message = `Other users may enter ${dir}: it has the mode ${modeText(stats)}.`;
    const [foreign] = isShared ? foreignNames(dir) : [];
    if (foreign === undefined) {
      const cure = 'Restart the agent, which closes it, or close it now.';
      return [say.warning('private', message, { cure, command: `sudo chmod 0700 ${quotedPath(dir)}` })];
    }
    const cure = `It also holds ${JSON.stringify(foreign)}: set AFTERLOG_STATE_DIR to a folder for afterlog alone.`;
    return [say.warning('private', message, { cure })];
  }
  // The agent may run as another user than doctor; its lock shows as whom.
  const agent = (await statsOf(join(dir, 'agent.lock')))?.uid ?? user.uid;
  if ([0, user.uid, agent].includes(stats.uid)) return [];
  const message = `${dir} belongs to user ${nameOf(stats.uid)}, who can read the lines in it.`;
  return [say.warning('private', message, { cure: 'Give the folder to the agent’s user (chown).' })];
}

async function files(dir: string): Promise<Finding[]> {
  const names = await readdir(dir).catch(() => []);
  const all = await Promise.all(names.map((name) => statsOf(join(dir, name))));
  const open = all.filter((stats) => stats?.isFile() && (stats.mode & OTHERS) !== 0);
  if (open.length === 0) return [];
  const message = `${many(open.length, 'file')} in ${dir} may be read by other users.`;
  const cure = 'Restart the agent, which closes them, or close them now.';
  return [say.warning('private', message, { cure, command: `sudo chmod -R go= ${quotedPath(dir)}` })];
}

/** Null also for what this user may not see. */
const statsOf = (path: string): Promise<Stats | null> => stat(path).catch(() => null);
