import type { ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { limits } from './config/limits.ts';

/** A port of 127.0.0.1 that is free now. Another process may take it before its user does: be ready to try again. */
export async function freePort(): Promise<number> {
  return await new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Reads all that a child prints, so that it never blocks on a full pipe, and keeps the last lines of it. */
export function keepLastLines(child: ChildProcess): () => string {
  let lines: string[] = [];
  let unfinished = '';
  const take = (text: string): void => {
    const parts = (unfinished + text).split('\n');
    unfinished = parts.pop()!.slice(-limits.child_line_chars_max);
    lines = [...lines, ...parts.map((line) => line.slice(0, limits.child_line_chars_max))].slice(
      -limits.child_lines_kept,
    );
  };
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', take);
  return () =>
    [...lines, unfinished]
      .map((line) => line.trimEnd())
      .filter(Boolean)
      .join('\n');
}

/** Resolves with the exit code, or null when a signal ended it or it could not start. Never rejects. */
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

/** True if a process with this pid exists, also one of another user. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
