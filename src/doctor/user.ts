import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';

/** Numbers of the capabilities that reading and linking other users' files take. */
const numbers = { CAP_DAC_OVERRIDE: 1, CAP_DAC_READ_SEARCH: 2, CAP_FOWNER: 3 } as const;
export type Capability = keyof typeof numbers;

export interface User {
  uid: number;
  name: string;
  /** Of those above, what this process has. */
  capabilities: Set<Capability>;
}

/** Who this process is, and what it may do beyond its files. Root in a container may lack capabilities. */
export function currentUser(): User {
  const uid = process.geteuid?.() ?? -1;
  return { uid, name: nameOf(uid), capabilities: capabilitiesOf(statusOf('self'), uid) };
}

/** @param status the text of /proc/<pid>/status, '' where there is none */
export function capabilitiesOf(status: string, uid: number): Set<Capability> {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1];
  const bits = effective === undefined ? (uid === 0 ? ~0n : 0n) : BigInt(`0x${effective}`);
  const names = Object.keys(numbers) as Capability[];
  return new Set(names.filter((name) => (bits >> BigInt(numbers[name])) & 1n));
}

function statusOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/status`, 'utf8');
  } catch {
    return '';
  }
}

/** The name of a user id, or the number itself where no name is known. */
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

/** How a service gets capabilities, in words that fit a sentence's end. */
export const grantText = (...wanted: Capability[]): string =>
  `give it ${wanted.join(' and ')} (systemd: AmbientCapabilities=${wanted.join(' ')})`;
