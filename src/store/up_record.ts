import { readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isAlive, startOf } from '../base/child_process.ts';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { makeOwnFolder, makeStateDir } from '../base/own_files.ts';
import { writeOwnText } from '../base/own_text.ts';
import type { Settings } from '../config/settings.ts';

/** The file by which commands of the same user find a running `afterlog up`, and may use its ClickHouse. */
export interface UpRecord {
  /** The address of the embedded ClickHouse. */
  url: string;
  username: string;
  password: string;
  /** The process that holds it. */
  pid: number;
  /** host:port of the HTTP API. */
  listen: string;
}

/** The record of a running `afterlog up`: first of this state dir, then of this user. */
export function findUp(settings: Pick<Settings, 'state_dir'>): UpRecord | null {
  for (const path of recordPaths(settings)) {
    const found = readRecord(path);
    if (found !== null && isHeld(found)) return found.record;
  }
  return null;
}

/** Records a running `afterlog up`. The function returned removes the records, if they are still its own. */
export function recordUp(settings: Pick<Settings, 'state_dir'>, record: UpRecord): () => void {
  const written: string[] = [];
  for (const path of recordPaths(settings)) {
    try {
      // A setting may name a state dir that holds other things.
      const make = dirname(path) === settings.state_dir ? makeStateDir : makeOwnFolder;
      make(dirname(path));
      writeOwnText(path, `${JSON.stringify({ ...record, started: startOf(record.pid) })}\n`);
      written.push(path);
    } catch (error) {
      // `up` also runs with a home that cannot be written; other commands then need --clickhouse-url.
      const what = `The address of this afterlog cannot be written to ${path}: ${reasonOf(error)}.`;
      report(new AfterlogError('UP_UNRECORDED', what), { path });
    }
  }
  return () => {
    for (const path of written) {
      if (readRecord(path)?.record.pid === record.pid) rmSync(path, { force: true });
    }
  };
}

function recordPaths(settings: Pick<Settings, 'state_dir'>): string[] {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return [join(settings.state_dir, 'up.json'), join(cache, 'afterlog', 'up.json')];
}

interface Found {
  record: UpRecord;
  /** Start of the process in clock ticks; '' where the system does not tell. */
  started: string;
}

/**
 * Whether the process that wrote the record still lives. If `up` was killed, another process may have its
 * pid, and another user its port, who must not get the password.
 */
const isHeld = ({ record: { pid }, started }: Found): boolean => isAlive(pid) && startOf(pid) === started;

function readRecord(path: string): Found | null {
  try {
    const { pid, started, ...texts } = JSON.parse(readFileSync(path, 'utf8')) as Partial<UpRecord & Found>;
    // A record of version 0.1.0 has no user and no start.
    const { url, listen, username = 'default', password = '' } = texts;
    if ([url, listen, username, password].some((text) => typeof text !== 'string')) return null;
    if (!Number.isSafeInteger(pid) || pid! <= 0) return null;
    const record = { url: url!, username, password, pid: pid!, listen: listen! };
    return { record, started: started ?? startOf(pid!) };
  } catch {
    return null; // Missing, or cut by a crash while it was written.
  }
}
