/** How an agent's file-system calls fail for a while. */
export interface Failing {
  /** For so many calls: those that match the rest of this. */
  calls: number;
  /** Of them, each fails by such a chance; 1: all. */
  chance: number;
  /** Draws the chances and the errors. */
  seed: number;
  /** Names of calls, such as `linkSync`; without it: any. */
  only?: readonly string[];
  /** A part of the path; without it: any path, and descriptors too. */
  path?: string;
  /** The error of each; without it: any that the call may have. */
  code?: string;
}

/** Errors of any call. */
const ANY = ['EIO', 'ENOTCONN', 'EACCES', 'EPERM', 'ESTALE', 'ENOMEM', 'EINVAL', 'ETIMEDOUT'];
/** More errors, of some calls. */
const MORE: Record<string, string[]> = {
  openSync: ['EMFILE', 'ENFILE', 'ENOSPC', 'EROFS', 'ELOOP', 'EBUSY'],
  readdirSync: ['EMFILE', 'ENFILE', 'ELOOP'],
  linkSync: ['ENOSPC', 'EDQUOT', 'EROFS', 'EMLINK', 'ELOOP'],
  renameSync: ['ENOSPC', 'EDQUOT', 'EROFS', 'EBUSY'],
  unlinkSync: ['EROFS', 'EBUSY'],
  mkdirSync: ['ENOSPC', 'EDQUOT', 'EROFS'],
  writeSync: ['ENOSPC', 'EDQUOT', 'EFBIG'],
  writeFileSync: ['ENOSPC', 'EDQUOT'],
  watch: ['EMFILE', 'ENOSPC'],
};

/**
 * Makes calls of an agent fail. A failing call has no effect, but `closeSync` still closes; `existsSync` has no
 * errors, and says no.
 */
export class CallFaults {
  private now: Failing | null = null;
  private left = 0;
  private random = 0;

  begin(failing: Failing): void {
    this.now = failing;
    this.left = failing.calls;
    this.random = failing.seed >>> 0;
  }

  end(): void {
    this.now = null;
  }

  get isOn(): boolean {
    return this.now !== null;
  }

  /** @returns the error of this call; null if it does not fail */
  of(call: string, args: unknown[]): Error | null {
    const { now } = this;
    if (now === null || now.only?.includes(call) === false) return null;
    if (now.path !== undefined && !args.some((arg) => typeof arg === 'string' && arg.includes(now.path!)))
      return null;
    if (this.left-- <= 0) {
      this.end();
      return null;
    }
    if (this.draw() >= now.chance) return null;
    const codes = [...ANY, ...(MORE[call] ?? [])];
    const code = now.code ?? codes[Math.floor(this.draw() * codes.length)]!;
    const syscall = call.replace('Sync', '');
    const path = typeof args[0] === 'string' ? args[0] : undefined;
    return Object.assign(new Error(`${code}: made up, ${syscall} '${path ?? args[0]}'`), {
      code,
      syscall,
      path,
    });
  }

  /** @returns a number from 0 to below 1 */
  private draw(): number {
    // mulberry32
    this.random = (this.random + 0x6d2b79f5) >>> 0;
    let mixed = this.random;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  }
}
