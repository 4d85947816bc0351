import { randomBytes } from 'node:crypto';
import { link, lstat, readFile, stat, unlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Settings } from '../config/settings.ts';
import { type Finding, reporter } from './finding.ts';
import { codeOf, nearestFolder, quotedPath, whyNotWritable } from './folder.ts';
import type { FoundLog, Survey } from './survey.ts';
import { grantText, nameOf, type User } from './user.ts';

const say = reporter('pins', ['agent']);
const LOST = 'logs that are deleted or rotated while no agent runs are lost';

/** Checks that hard links can pin logs: links one log of each owner, and removes the link at once. */
export async function pinFindings(settings: Settings, found: Survey, user: User): Promise<Finding[]> {
  const pins = join(settings.data_dir, '.afterlog', 'pins');
  const dir = await nearestFolder(pins);
  const denied = await whyNotWritable(dir, user);
  if (denied !== null) {
    return [
      say.error(
        'writable',
        `User ${user.name} cannot write ${dir} (${denied}), so logs cannot be pinned in ${pins}.`,
        {
          cure: 'Create the folder for the agent’s user, or run the agent as its owner.',
          ...(denied === 'EROFS'
            ? {}
            : {
                command: `sudo install -d -m 700 -o ${user.name} ${quotedPath(dirname(pins))} ${quotedPath(pins)}`,
              }),
        },
      ),
    ];
  }
  if (settings.pins === 'descriptor')
    return [say.note('link', `Open descriptors hold logs, as the setting pins demands; ${LOST}.`)];
  const owners = [...Map.groupBy(found.logs, ({ uid }) => uid).values()];
  if (owners.length > 0) return (await Promise.all(owners.map((logs) => trial(logs, dir, user)))).flat();
  const isApart = found.failure === null && (await stat(found.root)).dev !== (await stat(dir)).dev;
  if (isApart) return [apart(found.root, dir)];
  return [say.note('link', `${dir} is writable; there is no log to test a hard link with.`)];
}

/** Links the first log that still exists. */
async function trial(logs: FoundLog[], dir: string, user: User): Promise<Finding[]> {
  // Without a comma, so that the agent does not take it for a pin.
  const path = join(dir, `doctor-${process.pid}-${randomBytes(4).toString('hex')}`);
  for (const log of logs) {
    const failure = await link(log.path, path).then(() => null, codeOf);
    if (failure === 'ENOENT') continue;
    if (failure !== null) return [await whyNot(failure, log, dir, user)];
    const [own, linked] = await Promise.all([log.path, path].map((one) => lstat(one).catch(() => null)));
    await unlink(path);
    if (own && linked && own.ino !== linked.ino) return [unlike(log.path)];
    return [say.ok('link', `A hard link from ${log.path} (owner ${nameOf(log.uid)}) to ${dir} works.`)];
  }
  return [];
}

async function whyNot(failure: string, log: FoundLog, dir: string, user: User): Promise<Finding> {
  if (failure === 'EXDEV') return apart(log.path, dir);
  const isProtected = await readFile('/proc/sys/fs/protected_hardlinks', 'utf8').then(
    (text) => text.trim() === '1',
    () => false,
  );
  const owner = nameOf(log.uid);
  const isForeign = log.uid !== user.uid && !user.capabilities.has('CAP_FOWNER');
  if (failure === 'EPERM' && isProtected && isForeign) {
    return say.error(
      'link',
      `User ${user.name} may not link ${log.path} of ${owner}: fs.protected_hardlinks is 1, and it lacks CAP_FOWNER. ` +
        `The agent then holds logs by open descriptors, and ${LOST}.`,
      { cure: `Run the agent as ${owner}, or ${grantText('CAP_FOWNER', 'CAP_DAC_READ_SEARCH')}.` },
    );
  }
  return say.error('link', `${log.path} cannot be linked into ${dir} (${failure}); ${LOST}.`, {
    cure: 'Check that the file system supports hard links and the file is not immutable (lsattr).',
  });
}

function unlike(path: string): Finding {
  return say.error(
    'link',
    `A hard link to ${path} has another inode number than the file, as on plain FUSE. Open descriptors hold such ` +
      `logs, and ${LOST}.`,
    {
      cure: 'Put the data dir on a file system that keeps inode numbers, or accept it with AFTERLOG_PINS=descriptor.',
    },
  );
}

function apart(what: string, dir: string): Finding {
  return say.error(
    'link',
    `${what} is on another file system or mount than ${dir}, so hard links are impossible; ${LOST}.`,
    {
      cure:
        'Use the mounted folder as the data dir, for example AFTERLOG_DATA_DIR=<data dir>/vms and ' +
        'AFTERLOG_LAYOUT={sandbox}/{log}; pins are then on the file system of the sandboxes.',
    },
  );
}
