import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** Bit numbers of the capabilities for reading and linking other users' files. */
const numbers = { CAP_DAC_OVERRIDE: 1, CAP_DAC_READ_SEARCH: 2, CAP_FOWNER: 3 } as const;
export type Capability = keyof typeof numbers;

export interface User {
  uid: number;
  name: string;
  /** Those of the above that this process has. */
  capabilities: Set<Capability>;
}

/** The effective user of this process and its capabilities. Root in a container may lack capabilities. */
export function currentUser(): User {
  const uid = process.geteuid?.() ?? -1;
  return { uid, name: nameOf(uid), capabilities: capabilitiesOf(processStatusOf('self'), uid) };
}

/** @param status the text of /proc/<pid>/status; '' if there is none */
export function capabilitiesOf(status: string, uid: number): Set<Capability> {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const bits = effective === undefined ? (uid === 0 ? ~0n : 0n) : BigInt(`0x${effective}`);
  const names = Object.keys(numbers) as Capability[];
  return new Set(names.filter((name) => (bits >> BigInt(numbers[name])) & 1n));
}

function processStatusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

/** The name of a user id; the number itself if it has no name. */
export function nameOf(uid: number): string {
  try {
    const known = userInfo();
    if (known.uid === uid) return known.username;
    const line = readFileSync('/etc/passwd', 'utf8')
      .split('\n')
      .find((entry) => entry.split(':')[2] === String(uid));
    return line?.split(':')[0] ?? String(uid);
  } catch {
    return String(uid);
  }
}

/** Advice to grant capabilities to the agent, as the end of a sentence. */
export const grantText = (...wanted: Capability[]): string =>
  `give it ${wanted.join(' and ')} (systemd: AmbientCapabilities=${wanted.join(' ')})`;
