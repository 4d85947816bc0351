import { readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { isAlive } from '../base/child_process.ts';
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
    const record = readRecord(path);
    if (record !== null && isAlive(record.pid)) return record;
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
      writeOwnText(path, `${JSON.stringify(record)}\n`);
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

function recordPaths(settings: Pick<Settings, 'state_dir'>): string[] {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), '.cache');
  return [join(settings.state_dir, 'up.json'), join(cache, 'afterlog', 'up.json')];
}

function readRecord(path: string): UpRecord | null {
  try {
    const { pid, ...texts } = JSON.parse(readFileSync(path, 'utf8')) as Partial<UpRecord>;
    // A record of version 0.1.0 has no user.
    const { url, listen, username = 'default', password = '' } = texts;
    if ([url, listen, username, password].some((text) => typeof text !== 'string')) return null;
    if (!Number.isSafeInteger(pid) || pid! <= 0) return null;
    return { url: url!, username, password, pid: pid!, listen: listen! };
  } catch {
    return null; // Missing, or cut by a crash while it was written.
  }
}
