import type { CrashEvent } from '../line/events.ts';

/** What the title of a crash still needs from the lines below its headline. A bit mask. */
export const seeks = {
  /** The function at the instruction pointer, unless many causes share it. */
  pointer: 1,
  /** The first frame of the call trace that is not shared by many causes. */
  frame: 2,
  /** The function that took a lock (`at: f+0x1/0x2`), or the caller (`caller is f+0x1/0x2`). */
  place: 4,
  /** For hangs: the outermost frame below the syscall, worker or interrupt, for the innermost is random. */
  outermost: 8,
  /** `Read of size 8 at addr …` */
  access: 16,
  /** The function that sleeps, below the functions that every sleeper is in. */
  sleeper: 32,
  /** Of leaked memory: the function that requested it. */
  owner: 64,
  /** The text of the next line. */
  message: 128,
} as const;

/** How to recognize one kind of crash by its headline, and how to title it. */
export interface CrashRule {
  /** Applied to the text after the stamp. */
  pattern: RegExp;
  event: CrashEvent;
  /**
   * `$1` is a group of the pattern, `%f` the function, `%a` the access, `%m` the message. ` in %f` and `: %m`
   * are removed if they are not known.
   */
  title: string;
  seeks?: number;
  /** The group that names the function, if the headline names it. */
  function?: number;
  /** Applied only to lines with the kernel's stamp, because programs print similar lines. */
  stamped?: true;
}
