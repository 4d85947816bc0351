import { readFileSync } from 'node:fs';
import { AfterlogError } from '../base/errors.ts';
import { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';

/** Like the system's error if a process has too many open files. */
export class NoDescriptor extends Error {
  readonly code = 'EMFILE';
  readonly syscall = 'open';
}

/**
 * The descriptors that may hold files. The rest of what the system allows this process is for the spool,
 * for sockets and for looks at folders: without them, nothing that was read is delivered.
 */
export class Descriptors {
  /** Files that a descriptor holds now. */
  held = 0;
  readonly max: number;
  private readonly trouble = new Trouble('There are descriptors for all logs again.');

  /** @param open_max how many files this process may have open */
  constructor(open_max: number = openFilesMax()) {
    this.max = Math.max(Math.floor(open_max / 4), open_max - limits.tail.descriptors_reserved);
  }

  /** @throws NoDescriptor if all are taken */
  take(): void {
    if (this.held < this.max) {
      this.held++;
      return;
    }
    const what = `${this.held} logs are held by open descriptors, as many as this process can spare; further logs wait. If they are deleted first, a gap row tells of each.`;
    this.trouble.begins(new AfterlogError('DESCRIPTORS_SHORT', what));
    throw new NoDescriptor(`all ${this.max} descriptors for logs are taken`);
  }

  give(): void {
    this.held--;
    if (this.held < this.max / 2) this.trouble.ends();
  }
}

/** The soft limit, which Node.js raises to the hard one at its start. */
function openFilesMax(): number {
  try {
    const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return found === null ? Number.POSITIVE_INFINITY : Number(found[1]);
  } catch {
    return Number.POSITIVE_INFINITY; // Not Linux.
  }
}
