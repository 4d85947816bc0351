import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { isAlive } from '../base/child_process.ts';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';

/** What a running `afterlog up` records, so that commands in another terminal find its servers. */
export interface UpRecord {
  /** Of the embedded ClickHouse. */
  url: string;
  /** Of the process that holds it. */
  pid: number;
  /** host:port of the HTTP API. */
  listen: string;
}

const DEFAULT_URL = 'http://127.0.0.1:8123';

/** A client of the settings' ClickHouse. Making one connects to nothing and never fails. */
export function connect(settings: Settings): ClickHouseClient {
  return createClient({
    url: resolveClickHouseUrl(settings),
    username: settings.clickhouse.username,
    password: settings.clickhouse.password,
    application: 'afterlog',
    request_timeout: limits.insert.timeout_ms,
    // Its own lines would go to stderr beside ours; errors reach us as rejections.
    log: { level: ClickHouseLogLevel.OFF },
    // The client sends nothing on a connection that the server is about to close: ClickHouse keeps an idle one
    // for at least 3 s. Where this process was kept waiting, its timer for that may be late.
    keep_alive: { enabled: true, idle_socket_ttl: 2_000, eagerly_destroy_stale_sockets: true },
  });
}

/** The setting, else what a running `afterlog up` has recorded, else ClickHouse's own default address. */
export function resolveClickHouseUrl(settings: Settings): string {
  return settings.clickhouse.url ?? findUp(settings)?.url ?? DEFAULT_URL;
}

/** The record of a running `afterlog up`: first of this state dir, then of this user. */
export function findUp(settings: Settings): UpRecord | null {
  for (const path of recordPaths(settings)) {
    const record = readRecord(path);
    if (record !== null && isAlive(record.pid)) return record;
  }
  return null;
}

/** Records a running `afterlog up`; the function returned takes the records away again, if they are still its own. */
export function recordUp(settings: Settings, record: UpRecord): () => void {
  const written: string[] = [];
  for (const path of recordPaths(settings)) {
    try {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${JSON.stringify(record)}\n`, { mode: 0o600 });
      written.push(path);
    } catch (error) {
      // A home that cannot be written is no reason not to run; commands then need --clickhouse-url.
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
    return null; // Missing, or cut by a crash while it was written: as if there were none.
  }
}
