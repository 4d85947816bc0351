import { closeSync, openSync } from 'node:fs';
import { limits } from '../base/limits.ts';

/** Whether this process has a terminal that is open. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/**
 * A SIGHUP has two meanings: somebody asks a daemon to read its settings again, or its terminal was closed.
 * A daemon in the background may outlive its terminal and get no SIGHUP then; a later one is somebody's.
 * @returns whether there was a terminal until a moment ago, and now there is none
 */
export function terminalWatch(isThere = hasTerminal): () => boolean {
  let hadOne = isThere();
  if (!hadOne) return () => false;
  let looks_without = 0;
  const looks = setInterval(() => {
    looks_without = isThere() ? 0 : looks_without + 1;
    if (looks_without < limits.server.terminal_looks) return;
    hadOne = false;
    clearInterval(looks);
  }, limits.server.terminal_look_ms).unref();
  return () => hadOne && !isThere();
}
