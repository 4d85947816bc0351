import { watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { limits } from '../base/limits.ts';
import { type Finding, many, reporter } from './finding.ts';
import { codeOf } from './folder.ts';

const say = reporter('inotify', ['agent']);
const FOLDER = '/proc/sys/fs/inotify';

/** Linux' limits of inotify. */
export interface InotifyLimits {
  max_user_watches: number;
  max_user_instances: number;
  max_queued_events: number;
}

export async function inotifyFindings(dir: string, sandboxes: number): Promise<Finding[]> {
  const found = await readLimits();
  if (found === null) {
    const message =
      'This system has no inotify: the agent polls folders, and may miss a sandbox that lives for less than a second.';
    return [say.warning('limits', message, { cure: 'Run the agent on Linux.' })];
  }
  return [...watchTrial(dir), ...limitFindings(found, sandboxes)];
}

async function readLimits(): Promise<InotifyLimits | null> {
  const read = async (name: string): Promise<number> => Number(await readFile(`${FOLDER}/${name}`, 'utf8'));
  try {
    const names = ['max_user_watches', 'max_user_instances', 'max_queued_events'] as const;
    const [max_user_watches, max_user_instances, max_queued_events] = await Promise.all(names.map(read));
    return {
      max_user_watches: max_user_watches!,
      max_user_instances: max_user_instances!,
      max_queued_events: max_queued_events!,
    };
  } catch {
    return null;
  }
}

/** All processes of a user share the limits, and their use is not known, so this tries to add a watch. */
function watchTrial(dir: string): Finding[] {
  try {
    watch(dir, { persistent: false }).close();
    return [];
  } catch (error) {
    const code = codeOf(error);
    // EMFILE: no instance is left; ENOSPC: no watch.
    const name = code === 'EMFILE' ? 'max_user_instances' : 'max_user_watches';
    if (code !== 'EMFILE' && code !== 'ENOSPC') return [];
    const message = `Other processes of this user have used up fs.inotify.${name}: the agent polls folders, and may miss a sandbox that lives for less than ${limits.tail.poll_ms} ms.`;
    return [say.error('trial', message, raise(name, name === 'max_user_instances' ? 1_024 : 1_048_576))];
  }
}

/**
 * The agent needs one watch per sandbox and one for the root; it leaves half of the limit to other processes.
 */
export function limitFindings(found: InotifyLimits, sandboxes: number): Finding[] {
  const { max_user_watches, max_user_instances, max_queued_events } = found;
  const needed = sandboxes + 1;
  const findings: Finding[] = [];
  if (needed * 2 > max_user_watches) {
    const message =
      `${many(sandboxes, 'sandbox', 'sandboxes')} need ${many(needed, 'watch', 'watches')}; fs.inotify.max_user_watches is ${max_user_watches} for all ` +
      'processes of the user. The agent polls folders without a watch.';
    const level = needed > max_user_watches ? 'error' : 'warning';
    findings.push(say[level]('watches', message, raise('max_user_watches', powerAbove(needed * 8))));
  }
  if (max_user_instances < 2) {
    const message = `fs.inotify.max_user_instances is ${max_user_instances}; the agent needs one instance.`;
    findings.push(say.error('instances', message, raise('max_user_instances', 128)));
  }
  // A boot causes bursts of events. The kernel drops those that exceed the queue; the scan each second makes
  // up for it.
  if (max_queued_events < Math.max(4_096, sandboxes * 4)) {
    const message =
      `fs.inotify.max_queued_events is ${max_queued_events} for ${many(sandboxes, 'sandbox', 'sandboxes')}: in a burst the ` +
      'kernel drops events, and the agent may miss a sandbox that lives for less than a second.';
    findings.push(
      say.warning('queue', message, raise('max_queued_events', powerAbove(Math.max(16_384, sandboxes * 8)))),
    );
  }
  if (findings.length > 0) return findings;
  const shown = `max_user_watches ${max_user_watches}, max_user_instances ${max_user_instances}, max_queued_events ${max_queued_events}`;
  return [
    say.ok(
      'limits',
      `${shown}; ${many(sandboxes, 'sandbox', 'sandboxes')} and their root need ${many(needed, 'watch', 'watches')} and 1 instance.`,
    ),
  ];
}

const raise = (name: string, value: number): { cure: string; command: string } => ({
  cure: 'Increase the limit, also for the next boot.',
  command: `echo fs.inotify.${name}=${value} | sudo tee -a /etc/sysctl.d/60-afterlog.conf && sudo sysctl --system`,
});

const powerAbove = (value: number): number => 2 ** Math.ceil(Math.log2(value));
