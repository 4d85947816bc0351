/** How a line came: what may speak in between does not end the entry of another channel. */
export const ways = { raw: 0, tagged: 1, kernel: 2, program: 3 } as const;

/** What a line's first bytes promise: nothing; a headline of the kernel's; something else. `Marks` looks closer. */
export const hints = { nothing: 0, crash: 1, note: 2 } as const;

/** What has been found out about a line, for its entry and its marks. The parser has one object for all lines. */
export interface Traits {
  /** Id of the source, and one of `ways`; for the kernel the task or processor that prints instead of the source. */
  source: number;
  way: number;
  /** It has a stamp that no agent put before it: a record begins. */
  isStamped: boolean;
  /** It says a level from WARN on. */
  isRecord: boolean;
  /** The writer says that the line goes on in the next one. */
  isPiece: boolean;
  /** Seconds since boot. */
  uptime: number;
  /** It begins like an exception's headline; like one of the kernel's, without its stamp. */
  isHeadline: boolean;
  /** Where its first word ends. */
  wordEnd: number;
  isRawReport: boolean;
  /** One of `hints`. */
  hint: number;
  /** The answer: the line is of a kernel report that has no stamps. */
  isKernelReport: boolean;
  /** The entry's mode behind the line; before it, `single` where the line begins an entry. */
  mode: number;
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
