import { closeSync, openSync } from 'node:fs';

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
 * @returns whether there was a terminal at the call of this function, and now there is none
 */
export function terminalWatch(): () => boolean {
  const hadOne = hasTerminal();
  return () => hadOne && !hasTerminal();
}
