/** A time: RFC 3339, a time ago (`15m`, `2h30m`), or a Date. */
export type Moment = string | Date;
export type Severity = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';
export type LogName = 'console' | 'events' | 'firecracker';

interface Placed {
  /** Its place in the log, to continue with `cursor`. */
  id: string;
  stream_started_at_ns: string;
  /** Offset of its first byte since the stream started. */
  position: number;
  /** RFC 3339, UTC, nanoseconds. */
  timestamp: string;
}

export interface LogLine extends Placed {
  record: 'line';
  /** How the time was found: line, kernel_clock, time_of_day, inherited, observed. */
  timestamp_kind: string;
  source: string;
  /** Empty if it is unknown. */
  severity: string;
  event: string;
  title: string;
  entry_position: number;
  /** Its stamp and tag; with message and the line end the bytes of the file. */
  prefix: string;
  message: string;
  /** The line has no end here: its rest, if there is one, is the next record. */
  goes_on?: true | undefined;
}

/** Bytes that are missing. */
export interface LogGap extends Placed {
  record: 'gap';
  /** null: their number is not known. */
  bytes: number | null;
  reason: string;
}

/** NUL bytes of the log, too many to be a part of a line. */
export interface LogNuls extends Placed {
  record: 'nuls';
  bytes: number;
}

/** The end of a stream, with the agent's sums. */
export interface LogSeal extends Placed {
  record: 'seal';
  bytes: number;
  lines: number;
  crc32: number;
  gaps: number;
  complete: boolean;
  reason: string;
}

export type LogRecord = LogLine | LogGap | LogNuls | LogSeal;

/** The last record for a follower: the sandbox was deleted. */
export interface LogEnd extends Omit<LogSeal, 'record' | keyof Placed> {
  record: 'end';
  id: string;
}

export interface Sandbox {
  id: string;
  state: 'alive' | 'deleted';
  host: string;
  workspace: string;
  template: string;
  first_seen: string;
  last_seen: string;
  deleted_at: string | null;
  bytes: number;
  gaps: number;
}

export interface Match {
  sandbox_id: string;
  log: string;
  host: string;
  workspace: string;
  template: string;
  line: LogLine;
  before: LogRecord[];
  after: LogRecord[];
}

interface Happened {
  sandbox_id: string;
  title: string;
  workspace: string;
  template: string;
  host: string;
  /** When its console started, in ns since 1970. */
  stream: string;
  position: string;
}

export interface Boot extends Happened {
  started_at: string;
  ready_at: string | null;
  ready_seconds: number | null;
  outcome:
    | 'ready'
    | 'booting'
    | 'panicked'
    | 'no_init'
    | 'no_rootfs'
    | 'oom'
    | 'hung'
    | 'vm_died'
    | 'not_ready';
}

export interface Crash extends Happened {
  event: string;
  first_seen: string;
  last_seen: string;
  occurrences: number;
  log: string;
}

/** Crashes with the same title. */
export interface Cause {
  title: string;
  event: string;
  crashes: number;
  sandboxes: number;
  first_seen: string;
  last_seen: string;
  first_ever: string;
  is_new: boolean;
  last_sandbox: string;
  templates: string[];
  hosts: string[];
}

export interface Bucket {
  from: string;
  counts: Record<string, number>;
}

/** The wanted lines of a log. */
export interface LineOptions {
  log?: LogName | undefined;
  source?: string | string[] | undefined;
  /** Lines of this severity and worse. */
  severity?: Severity | undefined;
  since?: Moment | undefined;
  until?: Moment | undefined;
  /** Lines that contain exactly this text. */
  q?: string | undefined;
}

export interface LogsOptions extends LineOptions {
  /** The last matching lines: 1,000 by default, all with since or cursor. */
  tail?: number | undefined;
  /** The first matching lines behind the cursor. */
  limit?: number | undefined;
  /** The id of a record; the answer starts behind it. */
  cursor?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface FollowOptions extends Omit<LineOptions, 'until'> {
  tail?: number | undefined;
  /** The id of a record; the answer starts behind it. */
  cursor?: string | undefined;
  /** Ends the iteration. */
  signal?: AbortSignal | undefined;
  /** The server does not answer, or answers again (null). The client retries until it does. */
  onTrouble?: ((error: Error | null) => void) | undefined;
}

export interface WaitOptions extends Omit<LineOptions, 'until' | 'q'> {
  /** Seconds; 30 by default. */
  timeout?: number | undefined;
  cursor?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** The wanted sandboxes. */
export interface WhichOptions {
  workspace?: string | undefined;
  template?: string | undefined;
  host?: string | undefined;
  since?: Moment | undefined;
  until?: Moment | undefined;
  signal?: AbortSignal | undefined;
}

export interface SandboxesOptions extends WhichOptions {
  state?: 'alive' | 'deleted' | undefined;
  /** Part of the id. */
  q?: string | undefined;
}

export interface HappenedOptions extends WhichOptions {
  sandbox?: string | undefined;
}

export interface SearchOptions extends WhichOptions, Omit<LineOptions, 'q'> {
  sandbox?: string | undefined;
  /** Rows before and behind each line. */
  context?: number | undefined;
}

/** The result of an erase. */
export interface Erasure {
  /** `removing`: ClickHouse has the order and is not done yet. */
  state: 'erased' | 'removing';
  /** Erased lines and bytes; 0 if everything was erased before. */
  lines: number;
  bytes: number;
  /** The sandbox was not deleted yet, so its further lines are stored. */
  alive: boolean;
}
