import type { ChildProcess } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from './limits.ts';

/** Above the ports that have a meaning by convention; `fetch` refuses some of those. */
const FREE_PORT_MIN = 11_000;

/**
 * A port of 127.0.0.1 that is free now. Another process may take it before the caller does, so the caller has
 * to be ready for a retry. Where the range of ports for connections is known, the port is outside of it: a
 * connection could get such a port before a server that takes seconds to start binds it.
 */
export async function freePort(): Promise<number> {
  const end = firstOfConnections();
  for (let tries = 0; end > FREE_PORT_MIN && tries < limits.server.free_port_tries; tries++) {
    const port = await bound(randomInt(FREE_PORT_MIN, end)).catch(() => null);
    if (port !== null) return port;
  }
  return await bound(0);
}

/** True if nobody listens on this port of 127.0.0.1, and no connection uses it as its own end. */
export async function isPortFree(port: number): Promise<boolean> {
  return await bound(port).then(
    () => true,
    () => false,
  );
}

/** The lowest port that the system uses for connections; 0 if it is not known. */
function firstOfConnections(): number {
  try {
    return Number(/^\d+/.exec(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'))?.[0] ?? 0);
  } catch {
    return 0;
  }
}

/** Binds a port (0: any that is free) for a moment. @throws if it is in use */
async function bound(wanted: number): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(wanted, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Reads a child's whole output, so that the child never blocks on a full pipe, and keeps the last lines. */
export function keepLastLines(child: ChildProcess): () => string {
  let lines: string[] = [];
  let unfinished = '';
  const take = (text: string): void => {
    const parts = (unfinished + text).split('\n');
    unfinished = parts.pop()!.slice(-limits.server.child_line_chars_max);
    lines = [...lines, ...parts.map((line) => line.slice(0, limits.server.child_line_chars_max))].slice(
      -limits.server.child_lines_kept,
    );
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', take);
  return () =>
    [...lines, unfinished]
      .map((line) => line.trimEnd())
      .filter(Boolean)
      .join('\n');
}

/** Resolves with the exit code, or null if a signal ended the child or it could not start. Never rejects. */
export function exitOf(child: ChildProcess): Promise<number | null> {
  return new Promise((resolve) => {
    child.once('exit', (code) => resolve(code));
    child.once('error', () => resolve(null));
  });
}

/** True if `promise` settles within `bound_ms`. */
export async function settlesWithin(promise: Promise<unknown>, bound_ms: number): Promise<boolean> {
  const timer = new AbortController();
  try {
    return await Promise.race([
      promise.then(() => true),
      sleep(bound_ms, false, { signal: timer.signal }).catch(() => false),
    ]);
  } finally {
    timer.abort();
  }
}

/** True if a process with this pid exists, even one of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/**
 * Start time of a process in clock ticks since boot: field 22 of /proc/<pid>/stat (the name in parentheses is
 * field 2). '' if there is no such process, or it is a zombie or dead (state Z or X).
 */
export function startOf(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state = '', ...fields] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /^[ZX]/.test(state) ? '' : (fields[18] ?? '');
  } catch {
    return '';
  }
}
