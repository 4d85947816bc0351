/** How a line came. Lines of another channel that come in between do not end an entry. */
export const ways = { raw: 0, tagged: 1, kernel: 2, program: 3 } as const;

/**
 * What a line's first bytes suggest: nothing, a headline of the kernel, or something else that `Marks` must
 * check.
 */
export const hints = { nothing: 0, crash: 1, note: 2 } as const;

/**
 * Facts about a line that its entry and its marks need. The parser has one object for all lines, and sets
 * every field before it is read.
 */
export interface Traits {
  /**
   * Id of the source. For the kernel's lines: the number of the task or processor that printed it, 0 if
   * unknown.
   */
  source: number;
  /** One of `ways`. */
  way: number;
  /**
   * The writer stamped the line itself, so a record begins. The stamp of the guest's agent does not count.
   */
  isStamped: boolean;
  /** The line is a record with a level of WARN or above. */
  isRecord: boolean;
  /** The writer continues this line in the next one. */
  isPiece: boolean;
  /** Seconds since boot. */
  uptime: number;
  /** The line begins like the headline of an exception. */
  isHeadline: boolean;
  /** Where the first word of the text ends. */
  wordEnd: number;
  /** The line begins like a headline of the kernel, without the kernel's stamp. */
  isRawReport: boolean;
  /** One of `hints`. */
  hint: number;
  /** The line belongs to a kernel report that has no stamps. `Entries` sets this. */
  isKernelReport: boolean;
  /** The entry's mode after the line. `Entries` sets this. */
  mode: number;
  /** The entry's mode before the line; `single` where the line begins an entry. `Entries` sets this. */
  modeBefore: number;
}

export const newTraits = (): Traits => ({
  source: 0,
  way: 0,
  isStamped: false,
  isRecord: false,
  isPiece: false,
  uptime: 0,
  isHeadline: false,
  wordEnd: 0,
  isRawReport: false,
  hint: 0,
  isKernelReport: false,
  mode: 0,
  modeBefore: 0,
});
