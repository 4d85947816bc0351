import { stat, statfs } from 'node:fs/promises';
import { limits } from '../base/limits.ts';
import { humanBytes } from '../base/text.ts';
import type { Settings } from '../config/settings.ts';
import { type Finding, reporter } from './finding.ts';
import { nearestFolder } from './folder.ts';

const say = reporter('disk', ['agent']);

/** File systems that are not suitable for the state dir or the data dir; by the magic number of statfs(2). */
const kinds = new Map<number, { name: string; state?: string; data?: string }>([
  [0x01021994, { name: 'tmpfs', state: 'a restart of the machine loses undelivered batches' }],
  [0x858458f6, { name: 'ramfs', state: 'a restart of the machine loses undelivered batches' }],
  [0x794c7630, { name: 'overlay', state: 'undelivered batches are lost with the container; mount a volume' }],
  [0x6969, { name: 'NFS', data: 'inotify does not report writes of other machines' }],
  [0xfe534d42, { name: 'SMB', data: 'inotify does not report writes of other machines' }],
  [0x65735546, { name: 'FUSE', data: 'inotify events and hard links depend on its driver' }],
]);

export interface Space {
  dir: string;
  free: number;
  total: number;
  /** Number of files that can still be created; null if the file system does not count them. */
  inodes: number | null;
  kind: number;
}

/**
 * Checks the disks of the state dir, where the spool grows, and of the data dir, where pins keep deleted
 * logs.
 */
export async function diskFindings(settings: Settings): Promise<Finding[]> {
  const [state, data] = await Promise.all([settings.state_dir, settings.data_dir].map(nearestFolder));
  const isOne = (await stat(state!)).dev === (await stat(data!)).dev;
  const [spool, logs] = await Promise.all([spaceOf(state!), spaceOf(data!)]);
  return [
    ...spaceFindings(isOne ? 'State and data dir' : 'State dir', spool),
    ...kindFindings('state', spool),
    ...(isOne ? [] : spaceFindings('Data dir', logs)),
    ...kindFindings('data', logs),
  ];
}

async function spaceOf(dir: string): Promise<Space> {
  const { bavail, blocks, bsize, files, ffree, type } = await statfs(dir);
  return { dir, free: bavail * bsize, total: blocks * bsize, inodes: files > 0 ? ffree : null, kind: type };
}

/** The largest spool must fit; without room for one segment the agent cannot write at all. */
export function spaceFindings(name: string, { dir, free, total, inodes }: Space): Finding[] {
  const found = `${name} ${dir}: ${humanBytes(free)} of ${humanBytes(total)} free`;
  const most = humanBytes(limits.spool.bytes_max);
  const cure = `Free some space, or use a larger disk (AFTERLOG_STATE_DIR, AFTERLOG_DATA_DIR).`;
  if (inodes !== null && inodes < 100) {
    return [say.error('free', `${found}, but only ${inodes} more files can be created.`, { cure })];
  }
  if (free < limits.spool.segment_bytes_max) {
    const message = `${found}: less than one segment of the spool (${humanBytes(limits.spool.segment_bytes_max)}); the agent will soon pause reading.`;
    return [say.error('free', message, { cure })];
  }
  if (free < limits.spool.bytes_max) {
    const message = `${found}. In an outage the spool grows to ${most}, and deleted logs stay until they are read.`;
    return [say.warning('free', message, { cure })];
  }
  return [say.ok('free', `${found}; the spool needs at most ${most}.`)];
}

function kindFindings(use: 'state' | 'data', { dir, kind }: Space): Finding[] {
  const known = kinds.get(kind);
  const why = known?.[use];
  if (known === undefined || why === undefined) return [];
  const cure = `Put the ${use} dir on a local disk (AFTERLOG_${use.toUpperCase()}_DIR).`;
  return [say.warning(`${use}_file_system`, `${dir} is on ${known.name}: ${why}.`, { cure })];
}
