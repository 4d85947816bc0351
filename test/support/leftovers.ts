import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';

/**
 * Cleans up after an interrupted run or a failed test: ends processes with `dir` as their TMPDIR, which all
 * processes of tests have, and unmounts file systems below it.
 * @returns descriptions of the leftovers
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

/** Mount points, the deepest first. */
const mountsBelow = (dir: string): string[] =>
  readOrEmpty('/proc/self/mounts')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${dir}/`))
    .toReversed();

/** Empty for a process of another user, or one that has ended. */
function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
