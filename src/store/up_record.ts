import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isAlive } from '../base/child_process.ts';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import type { Settings } from '../config/settings.ts';

/** The file by which commands in another terminal find a running `afterlog up`. */
export interface UpRecord {
  /** The address of the embedded ClickHouse. */
  url: string;
  /** The process that holds it. */
  pid: number;
  /** host:port of the HTTP API. */
  listen: string;
}

/** The record of a running `afterlog up`: first of this state dir, then of this user. */
export function findUp(settings: Settings): UpRecord | null {
  for (const path of recordPaths(settings)) {
    const record = readRecord(path);
    if (record !== null && isAlive(record.pid)) return record;
  }
  return null;
}

/** Records a running `afterlog up`. The function returned removes the records, if they are still its own. */
export function recordUp(settings: Settings, record: UpRecord): () => void {
  const written: string[] = [];
  for (const path of recordPaths(settings)) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
      written.push(path);
    } catch (error) {
      // `up` also runs with a home that cannot be written; other commands then need --clickhouse-url.
      const what = `The address of this afterlog cannot be written to ${path}: ${reasonOf(error)}.`;
      report(new AfterlogError('UP_UNRECORDED', what), { path });
    }
  }
  return () => {
    for (const path of written) {
      if (readRecord(path)?.pid === record.pid) rmSync(path, { force: true });
    }
  };
}

function recordPaths(settings: Settings): string[] {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return [join(settings.state_dir, 'up.json'), join(cache, 'afterlog', 'up.json')];
}

function readRecord(path: string): UpRecord | null {
  try {
    const { url, pid, listen } = JSON.parse(readFileSync(path, 'utf8')) as Partial<UpRecord>;
    if (typeof url !== 'string' || typeof listen !== 'string') return null;
    return Number.isSafeInteger(pid) && pid! > 0 ? { url, pid: pid!, listen } : null;
  } catch {
    return null; // Missing, or cut by a crash while it was written.
  }
}
