import type { CrashEvent } from '../line/events.ts';

/** What a crash's title still needs from the lines below its headline. A mask. */
export const seeks = {
  /** The instruction pointer, then the first frame of the call trace, that are no helpers. */
  pointer: 1,
  frame: 2,
  /** Where a lock was taken: `at: f+0x1/0x2`; who called: `caller is f+0x1/0x2`. */
  place: 4,
  /** Of a hang, where the innermost frame is chance: the outermost one below the syscall, the worker, the interrupt. */
  outermost: 8,
  /** `Read of size 8 at addr …` */
  access: 16,
  /** The function that sleeps, below those that all sleepers are in. */
  sleeper: 32,
  /** Of leaked memory, whoever asked for it. */
  owner: 64,
  /** The text of the next line. */
  message: 128,
} as const;

export interface CrashRule {
  /** On the text behind the stamp. */
  pattern: RegExp;
  event: CrashEvent;
  /** `$1` is the pattern's group, `%f` the function, `%a` the access, `%m` the message; without them ` in %f` and `: %m` are left out. */
  title: string;
  seeks?: number;
  /** The group that names the function, if the headline does. */
  function?: number;
  /** Only with the kernel's stamp: programs print the like. */
  stamped?: true;
}
