/**
 * What parsing finds in one physical line. One object of this shape lives for the whole process and is filled
 * again for every line: the hot path makes neither an object nor a string per line.
 * Offsets are into the buffer that was parsed.
 */
export interface Line {
  start: number;
  /** End of `prefix` (stamp and tag), start of `message`. */
  message_start: number;
  /** Where the text itself begins: behind what `prefix` is, a program's name, or what kernel text landed in. */
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
  /** Ids of `names`. */
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

/** Line ends that real consoles hold; further carriage returns stay in the message. */
export const endings = ['', '\n', '\r\n', '\r\r\n'] as const;

/** How a row's timestamp was found. */
export const timestampKinds = ['observed', 'inherited', 'line', 'kernel_clock', 'time_of_day'] as const;
export const kind = { observed: 0, inherited: 1, line: 2, kernel_clock: 3, time_of_day: 4 } as const;
