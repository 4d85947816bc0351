import { readFile } from 'node:fs/promises';
import { type Finding, reporter } from './finding.ts';

const say = reporter('limits', ['agent']);

/** For spool, sockets, inotify and sends. */
const BASE = 256;
/** Without hard links, a descriptor holds each log: three logs, each with up to three older generations. */
const PER_SANDBOX = 12;

/** @param agent pid of the running agent, whose limit is checked; null: the limit of this shell */
export async function openFileFindings(
  agent: number | null,
  sandboxes: number,
  canLink: boolean,
): Promise<Finding[]> {
  const own = await limitOf('self');
  const running = agent === null ? null : await limitOf(String(agent));
  const limit = running ?? own;
  if (limit === null) return [];
  const whose = running === null ? 'of this shell; a service has its own' : `of the agent, process ${agent}`;
  return [openFiles(limit, whose, sandboxes, canLink)];
}

export function openFiles(limit: number, whose: string, sandboxes: number, canLink: boolean): Finding {
  const needed = BASE + (canLink ? 0 : sandboxes * PER_SANDBOX);
  const found = `Open files: ${limit === Infinity ? 'unlimited' : limit} (${whose}), needed: about ${needed}`;
  if (limit >= needed) return say.ok('open_files', `${found}.`);
  const cure = `Increase the limit in the service’s unit (systemd: LimitNOFILE=${Math.max(65_536, needed * 2)}).`;
  return say.error('open_files', `${found}.`, { cure, command: `ulimit -n ${Math.max(65_536, needed * 2)}` });
}

/** The hard limit, because Node.js raises the soft limit to it at its start. null without /proc. */
async function limitOf(pid: string): Promise<number | null> {
  const text = await readFile(`/proc/${pid}/limits`, 'utf8').catch(() => '');
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(text)?.[1];
  if (hard === undefined) return null;
  return hard === 'unlimited' ? Infinity : Number(hard);
}
