/** A time: RFC 3339, so long ago (`15m`, `2h30m`), or a Date. */
export type Moment = string | Date;
export type Severity = 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR' | 'FATAL';
export type LogName = 'console' | 'events' | 'firecracker';

interface Placed {
  /** Its place in the log: where `after` and `cursor` go on. */
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
  /** Empty where it is unknown. */
  severity: string;
  event: string;
  title: string;
  entry_position: number;
  /** Its stamp and tag; with message and the line end the bytes of the file. */
  prefix: string;
  message: string;
  /** A piece of a line that is too long for one row. */
  goes_on?: true | undefined;
}

/** What could not be read. */
export interface LogGap extends Placed {
  record: 'gap';
  /** null: nobody knows how many. */
  bytes: number | null;
  reason: string;
}

/** The end of a stream, as the agent counted it. */
export interface LogSeal extends Placed {
  record: 'seal';
  bytes: number;
  lines: number;
  crc32: number;
  gaps: number;
  complete: boolean;
  reason: string;
}

export type LogRecord = LogLine | LogGap | LogSeal;

/** What a follower gets last: the sandbox was deleted. */
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

/** Which lines of a log. */
export interface LineOptions {
  log?: LogName | undefined;
  source?: string | string[] | undefined;
  /** This severe and worse. */
  severity?: Severity | undefined;
  since?: Moment | undefined;
  until?: Moment | undefined;
  /** Lines that hold this text as it is. */
  q?: string | undefined;
}

export interface LogsOptions extends LineOptions {
  /** The last lines that match; 1,000 by default, all with since or cursor. */
  tail?: number | undefined;
  /** The first lines that match, behind the cursor. */
  limit?: number | undefined;
  /** The id of a record: what comes behind it. */
  cursor?: string | undefined;
  signal?: AbortSignal | undefined;
}

export interface FollowOptions extends Omit<LineOptions, 'until'> {
  tail?: number | undefined;
  /** The id of a record: what comes behind it. */
  cursor?: string | undefined;
  /** Ends the iteration. */
  signal?: AbortSignal | undefined;
  /** The server does not answer, or answers again (null). It is tried until it does. */
  onTrouble?: ((error: Error | null) => void) | undefined;
}

export interface WaitOptions extends Omit<LineOptions, 'until' | 'q'> {
  /** Seconds; 30 by default. */
  timeout?: number | undefined;
  cursor?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** Of which sandboxes. */
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
  /** So many rows around each line. */
  context?: number | undefined;
}

/** What an erase came to. */
export interface Erasure {
  /** `removing`: ClickHouse has the order and is not done yet. */
  state: 'erased' | 'removing';
  /** That were there; none where all was erased before. */
  lines: number;
  bytes: number;
  /** The sandbox was not deleted yet: what it writes from now on is stored. */
  alive: boolean;
}
