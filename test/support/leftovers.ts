import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Ends what a run that was cut short, or a test that failed, has left behind: processes that have `dir` as their
 * TMPDIR, as all have that a test started, and file systems that are mounted below it.
 * @returns what there was
 */
export function endLeftovers(dir: string): string[] {
  const ended: string[] = [];
  for (const pid of readdirSync('/proc').map(Number).filter(Boolean)) {
    if (!environmentOf(pid).includes(`TMPDIR=${dir}`)) continue;
    ended.push(`process ${pid}: ${commandOf(pid)}`);
    try {
      process.kill(pid, 'SIGKILL');
    } catch {} // It has just ended by itself.
  }
  for (const path of mountsBelow(dir)) {
    ended.push(`mount ${basename(path)}`);
    execFileSync('umount', ['-l', path]);
  }
  return ended;
}

function environmentOf(pid: number): string[] {
  return readOrEmpty(`/proc/${pid}/environ`).split('\0');
}

const commandOf = (pid: number): string =>
  readOrEmpty(`/proc/${pid}/cmdline`)
    .replaceAll(/[\0\n]+/g, ' ')
    .slice(0, 120);

/** The deepest first. */
const mountsBelow = (dir: string): string[] =>
  readOrEmpty('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${dir}/`))
    .toReversed();

/** Of another user, or gone by now: empty. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
