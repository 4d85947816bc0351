import type {
  Boot,
  Bucket,
  Cause,
  Crash,
  Erasure,
  FollowOptions,
  HappenedOptions,
  LogEnd,
  LogGap,
  LogLine,
  LogNuls,
  LogRecord,
  LogsOptions,
  Match,
  Sandbox,
  SandboxesOptions,
  SearchOptions,
  WaitOptions,
} from './types.ts';

export type * from './types.ts';

/** A server sends something at least every 15 s. */
const SILENCE_MS = 45_000;
const PAUSE_FIRST_MS = 200;
const PAUSE_LONGEST_MS = 10_000;

/**
 * A client of the HTTP API, for Node.js and browsers, without dependencies. The build is one file, so a page
 * can load it without a bundler. Lists read all pages by themselves:
 * `for await (const match of afterlog.search('timeout')) …`.
 */
export class Afterlog {
  private readonly transport: Transport;

  /** @throws TypeError the address is not a URL */
  constructor(options: AfterlogOptions) {
    this.transport = new Transport(options);
  }

  /** The current lines, gaps and seals of a log. @throws AfterlogRefusal, and what fetch throws */
  async *logs(sandbox: string, options: LogsOptions = {}): AsyncGenerator<LogRecord, void, undefined> {
    const abort = new AbortController();
    const response = await this.transport.open(
      `${pathOf(sandbox)}/logs`,
      { ...options, format: 'ndjson' },
      abort,
      options.signal,
    );
    try {
      for await (const line of linesOf(response)) yield JSON.parse(line) as LogRecord;
    } finally {
      abort.abort();
    }
  }

  /** The same as text: the bytes of the file, or of the matching lines. */
  async text(sandbox: string, options: LogsOptions = {}): Promise<string> {
    const abort = new AbortController();
    const response = await this.transport.open(
      `${pathOf(sandbox)}/logs`,
      { ...options, format: 'text' },
      abort,
      options.signal,
    );
    return await response.text();
  }

  /**
   * The last lines, then the next ones as they arrive, until the sandbox is deleted; the last record is a
   * `LogEnd`. If the server goes away, it waits and then continues at the same place, without a gap and
   * without a repeat.
   * @throws AfterlogRefusal a request that the server will never accept; never for a server that is away
   */
  async *follow(
    sandbox: string,
    options: FollowOptions = {},
  ): AsyncGenerator<LogLine | LogGap | LogNuls | LogEnd, void, undefined> {
    const { signal, onTrouble, tail, ...which } = options;
    let { cursor } = options;
    let pause_ms = PAUSE_FIRST_MS;
    let isAway = false;
    while (!signal?.aborted) {
      const abort = new AbortController();
      try {
        const parameters = { ...which, cursor, tail: cursor === undefined ? tail : undefined };
        const response = await this.transport.open(
          `${pathOf(sandbox)}/logs`,
          { ...parameters, follow: 1, format: 'ndjson' },
          abort,
          signal,
        );
        // Where the answer begins, to continue there if the server goes away before the first line.
        cursor = response.headers.get('Afterlog-Cursor') ?? cursor;
        if (isAway) onTrouble?.(null);
        isAway = false;
        pause_ms = PAUSE_FIRST_MS;
        for await (const line of linesOf(response, SILENCE_MS)) {
          const record = JSON.parse(line) as LogLine | LogGap | LogNuls | LogEnd;
          cursor = record.id;
          yield record;
          if (record.record === 'end') return;
        }
        throw new Error('The server closed the stream.');
      } catch (error) {
        if (signal?.aborted) return;
        if (!isPassing(error)) throw error;
        if (!isAway) onTrouble?.(error as Error);
        isAway = true;
      } finally {
        abort.abort();
      }
      await pause(pause_ms * (0.5 + Math.random() / 2), signal);
      pause_ms = Math.min(pause_ms * 2, PAUSE_LONGEST_MS);
    }
  }

  /**
   * The first line that contains the text, now or later; null if it did not arrive in time. The sandbox may
   * also start later.
   * @throws AfterlogRefusal LOG_ENDED if the sandbox was deleted before
   */
  async wait(sandbox: string, text: string, options: WaitOptions = {}): Promise<LogLine | null> {
    const { timeout = 30, signal, ...which } = options;
    const end_ms = Date.now() + timeout * 1_000;
    for (let pause_ms = PAUSE_FIRST_MS; ; pause_ms = Math.min(pause_ms * 2, PAUSE_LONGEST_MS)) {
      const left_s = Math.max(Math.ceil((end_ms - Date.now()) / 1_000), 0);
      try {
        return await this.transport.get<LogLine>(
          `${pathOf(sandbox)}/logs/wait`,
          { ...which, for: text, timeout: Math.min(left_s, 600) },
          signal,
        );
      } catch (error) {
        const isLate = error instanceof AfterlogRefusal && error.status === 408;
        if (isLate && Date.now() >= end_ms) return null;
        if (!isLate && (signal?.aborted || !isPassing(error) || Date.now() >= end_ms)) throw error;
        if (!isLate) await pause(pause_ms, signal);
      }
    }
  }

  /** All matching sandboxes, the newest first. */
  sandboxes(options: SandboxesOptions = {}): AsyncGenerator<Sandbox, void, undefined> {
    return this.pages<Sandbox>('/v1/sandboxes', 'sandboxes', { limit: 1_000, ...options });
  }

  /** Null: it was never seen. */
  async sandbox(id: string): Promise<Sandbox | null> {
    try {
      return await this.transport.get<Sandbox>(pathOf(id), {});
    } catch (error) {
      if (error instanceof AfterlogRefusal && error.code === 'SANDBOX_UNKNOWN') return null;
      throw error;
    }
  }

  /**
   * Erases the stored logs of a sandbox for good; the token needs the scope `erase`. It can be repeated:
   * while `state` is `removing`, ClickHouse is not done yet. Null: the sandbox was never seen.
   * @throws AfterlogRefusal, and what fetch throws
   */
  async erase(id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Erasure | null> {
    try {
      const response = await this.transport.open(
        `${pathOf(id)}/logs`,
        {},
        new AbortController(),
        signal,
        'DELETE',
      );
      return (await response.json()) as Erasure;
    } catch (error) {
      if (error instanceof AfterlogRefusal && error.code === 'SANDBOX_UNKNOWN') return null;
      throw error;
    }
  }

  /** The latest first; by default of the last 24 hours. */
  boots(
    options: HappenedOptions & { failed?: boolean | undefined } = {},
  ): AsyncGenerator<Boot, void, undefined> {
    return this.pages<Boot>('/v1/boots', 'boots', { limit: 200, ...options });
  }

  /** One by one, the latest first; by default of the last 24 hours. */
  crashes(
    options: HappenedOptions & { title?: string | undefined } = {},
  ): AsyncGenerator<Crash, void, undefined> {
    return this.pages<Crash>('/v1/crashes', 'crashes', { limit: 200, ...options, each: true });
  }

  /** Crashes by title, the most frequent first. */
  async causes(
    options: HappenedOptions & { title?: string | undefined; limit?: number | undefined } = {},
  ): Promise<Cause[]> {
    const { signal, ...which } = options;
    return (await this.transport.get<{ causes: Cause[] }>('/v1/crashes', which, signal)).causes;
  }

  /** Lines of all sandboxes that contain the text, the latest arrival first. */
  search(text: string, options: SearchOptions = {}): AsyncGenerator<Match, void, undefined> {
    return this.pages<Match>('/v1/search', 'matches', { ...options, q: text });
  }

  /** The number of lines in each of equal parts of a time span. */
  async histogram(
    options: SearchOptions & {
      q?: string | undefined;
      buckets?: number | undefined;
      by?: 'severity' | 'source' | undefined;
    } = {},
  ): Promise<Bucket[]> {
    const { signal, context: _, ...which } = options;
    return (await this.transport.get<{ buckets: Bucket[] }>('/v1/histogram', which, signal)).buckets;
  }

  private async *pages<Item>(
    path: string,
    name: string,
    { signal, ...parameters }: Parameters & { signal?: AbortSignal | undefined },
  ): AsyncGenerator<Item, void, undefined> {
    for (let cursor: string | undefined; ; ) {
      const page = await this.transport.get<{ next: string | null } & Record<string, Item[]>>(
        path,
        { ...parameters, cursor },
        signal,
      );
      yield* page[name] as Item[];
      if (page.next === null) return;
      cursor = page.next;
    }
  }
}

/** @throws TypeError for a text that URLs read as a step to another path; it is no sandbox's id */
function pathOf(sandbox: string): string {
  if (['', '.', '..'].includes(sandbox)) throw new TypeError(`'${sandbox}' is not the id of a sandbox.`);
  return `/v1/sandboxes/${encodeURIComponent(sandbox)}`;
}

export interface AfterlogOptions {
  /**
   * Of a server, such as http://127.0.0.1:8600; in a browser also a path of the page's origin, such as
   * /afterlog.
   */
  url: string | URL;
  token?: string | undefined;
  /** Replaces the global `fetch`. */
  fetch?: typeof globalThis.fetch | undefined;
}

/** A request that the server refuses. */
export class AfterlogRefusal extends Error {
  /** The HTTP status. */
  readonly status: number;
  /** Never changes its meaning; docs/reference/errors.md explains each. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'AfterlogRefusal';
    this.status = status;
    this.code = code;
  }
}

type Parameters = Record<string, string | number | boolean | Date | string[] | undefined | unknown>;

/** Sends the requests of a client to its server. */
class Transport {
  private readonly url: string;
  private readonly headers: Record<string, string>;
  private readonly fetch: typeof globalThis.fetch;

  /** @throws TypeError the address is not a URL */
  constructor({ url, token, fetch = globalThis.fetch }: AfterlogOptions) {
    const { location } = globalThis as { location?: { href: string } };
    this.url = new URL(url, location?.href).href.replace(/\/+$/, '');
    this.headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    this.fetch = fetch.bind(globalThis);
  }

  /** The JSON answer of a GET. @throws AfterlogRefusal, and what fetch throws */
  async get<Answer>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<Answer> {
    const response = await this.open(path, parameters, new AbortController(), signal);
    return (await response.json()) as Answer;
  }

  /** An answer whose body is not read yet. @throws AfterlogRefusal, and what fetch throws */
  async open(
    path: string,
    { signal: _, ...parameters }: Parameters,
    abort: AbortController,
    signal: AbortSignal | undefined,
    method = 'GET',
  ): Promise<Response> {
    const { fetch, headers } = this;
    const query = queryOf(parameters);
    const response = await fetch(`${this.url}${path}${query === '' ? '' : `?${query}`}`, {
      method,
      headers,
      signal: signal === undefined ? abort.signal : AbortSignal.any([abort.signal, signal]),
    });
    if (response.ok) return response;
    const text = await response.text();
    throw refusalOf(response.status, text);
  }
}

function refusalOf(status: number, text: string): AfterlogRefusal {
  try {
    const { error, code } = JSON.parse(text) as { error: string; code: string };
    return new AfterlogRefusal(status, code, error);
  } catch {
    // The answer of something in between, such as a proxy.
    return new AfterlogRefusal(status, 'UNKNOWN', `HTTP status ${status}: ${text.slice(0, 200)}`);
  }
}

/** Whether a retry may succeed: there is no connection, or the server or a proxy is in trouble. */
const isPassing = (error: unknown): boolean =>
  !(error instanceof AfterlogRefusal) || error.status >= 500 || error.status === 429;

function queryOf(parameters: Parameters): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (value === undefined) continue;
    if (value instanceof Date) query.set(name, value.toISOString());
    else if (typeof value === 'boolean') query.set(name, value ? '1' : '0');
    else query.set(name, String(value));
  }
  return String(query);
}

/**
 * The whole lines of a body, without the empty ones, which only show that the server lives.
 * @throws the error that ends the connection, or one after `silence_ms` without any bytes
 */
async function* linesOf(response: Response, silence_ms?: number): AsyncGenerator<string, void, undefined> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = await within(reader.read(), silence_ms);
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const lines = text.split('\n');
    // A line that a killed server has begun is dropped; it comes again whole.
    text = lines.pop()!;
    for (const line of lines) if (line !== '') yield line;
  }
}

async function within<T>(promise: Promise<T>, ms: number | undefined): Promise<T> {
  if (ms === undefined) return await promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The server has sent nothing for ${ms / 1_000} s.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Resolves after this time, or when `signal` aborts. */
function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(end, ms);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve();
    }
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
