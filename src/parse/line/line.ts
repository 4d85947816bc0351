/**
 * The result of parsing one physical line. A caller creates one object and reuses it for every line, so that
 * the hot path creates neither an object nor a string per line. Offsets are relative to the parsed buffer.
 */
export interface Line {
  start: number;
  /** End of `prefix` (stamp and tag), start of `message`. */
  message_start: number;
  /**
   * Start of the text itself: after the prefix, after the name of a program, or where kernel text begins in
   * the middle of another line.
   */
  text_start: number;
  /** End of `message`, start of `ending`. */
  message_end: number;
  end: number;
  /** Index into `endings`. */
  ending: number;
  /** Event time: seconds since 1970 and nanoseconds of the second, UTC. */
  seconds: number;
  nanos: number;
  /** Index into `timestampKinds`. */
  kind: number;
  /** Ids of names; 0 is the empty name. */
  source: number;
  severity: number;
  event: number;
  title: number;
  /** Bytes from this line's position back to the first line of its entry. */
  entry_back: number;
}

export const newLine = (): Line => ({
  start: 0,
  message_start: 0,
  text_start: 0,
  message_end: 0,
  end: 0,
  ending: 0,
  seconds: 0,
  nanos: 0,
  kind: 0,
  source: 0,
  severity: 0,
  event: 0,
  title: 0,
  entry_back: 0,
});

/** The line ends that occur on real consoles. Further carriage returns stay in the message. */
export const endings = ['', '\n', '\r\n', '\r\r\n'] as const;

/** How a row's timestamp was found. */
export const timestampKinds = ['observed', 'inherited', 'line', 'kernel_clock', 'time_of_day'] as const;
export const kind = { observed: 0, inherited: 1, line: 2, kernel_clock: 3, time_of_day: 4 } as const;
