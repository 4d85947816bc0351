import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const LISTENING = '0A';

/**
 * True if the process itself listens on this port of 127.0.0.1, so that a password goes to it and not to
 * somebody who took the port. True also on systems without /proc.
 */
export function listensOn(pid: number, port: number): boolean {
  if (process.platform !== 'linux') return true;
  try {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    const listener = readFileSync('/proc/net/tcp', 'utf8')
      .split('\n')
      .map((line) => line.trim().split(/\s+/))
      .find(([, local, , state]) => local === `0100007F:${hex}` && state === LISTENING);
    const socket = `socket:[${listener?.[9]}]`;
    return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(`/proc/${pid}/fd/${fd}`) === socket);
  } catch {
    return false; // The process has ended.
  }
}

/** null for one that was closed meanwhile. */
function linkOf(path: string): string | null {
  try {
    return readlinkSync(path);
  } catch {
    return null;
  }
}
