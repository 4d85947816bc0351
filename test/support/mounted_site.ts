import { mkdirSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { AgentSite } from './agent_site.ts';
import { Mounts } from './mounts.ts';

/** The file systems that tests put a data dir on. */
const kinds = {
  'ext4 with small inodes': (mounts: Mounts, dir: string) => mounts.ext4(dir, { inode_bytes: 128 }),
  'a plain FUSE file system': (mounts: Mounts, dir: string) => mounts.plainFuse(mounts.folder('behind'), dir),
  bindfs: (mounts: Mounts, dir: string) => mounts.bindfs(mounts.folder('behind'), dir),
};

export type MountedKind = keyof typeof kinds;

/** A data dir on a file system of its own; the agent is not started. Null where the system refuses it. */
export async function mountedSite(t: TestContext, kind: MountedKind): Promise<AgentSite | null> {
  const site = new AgentSite({ vms: false });
  t.after(() => site.kill());
  const mounts = new Mounts(t);
  t.after(() => site.close());
  if (!(await kinds[kind](mounts, site.settings.data_dir))) return null;
  mkdirSync(site.vms);
  return site;
}
