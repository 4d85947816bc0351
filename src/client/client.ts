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
  LogRecord,
  LogsOptions,
  Match,
  Sandbox,
  SandboxesOptions,
  SearchOptions,
  WaitOptions,
} from './types.ts';

export type * from './types.ts';

export interface AfterlogOptions {
  /** Of a server, such as http://127.0.0.1:8600; in a browser also a path of the page's own origin, such as /afterlog. */
  url: string | URL;
  token?: string | undefined;
  /** In place of the global one. */
  fetch?: typeof globalThis.fetch | undefined;
}

/** What the server says no to. */
export class AfterlogRefusal extends Error {
  /** HTTP. */
  readonly status: number;
  /** Stays the same; docs/reference/errors.md explains each. */
  readonly code: string;

  constructor(status: number, code: string, message: string) {
    super(message);
    this.name = 'AfterlogRefusal';
    this.status = status;
    this.code = code;
  }
}

type Parameters = Record<string, string | number | boolean | Date | string[] | undefined | unknown>;

/** A server says at least each 15 s that it is there. */
const SILENCE_MS = 45_000;
const PAUSE_FIRST_MS = 200;
const PAUSE_LONGEST_MS = 10_000;

/**
 * A client of the HTTP API, for Node.js and browsers, without dependencies. Lists go through all pages by
 * themselves: `for await (const match of afterlog.search('timeout')) …`.
 */
export class Afterlog {
  private readonly url: string;
  private readonly headers: Record<string, string>;
  private readonly fetch: typeof globalThis.fetch;

  /** @throws TypeError the address is none */
  constructor({ url, token, fetch = globalThis.fetch }: AfterlogOptions) {
    const { location } = globalThis as { location?: { href: string } };
    this.url = new URL(url, location?.href).href.replace(/\/+$/, '');
    this.headers = token === undefined ? {} : { Authorization: `Bearer ${token}` };
    this.fetch = fetch.bind(globalThis);
  }

  /** A log's lines, gaps and seals as they are now. @throws AfterlogRefusal, and what fetch throws */
  async *logs(sandbox: string, options: LogsOptions = {}): AsyncGenerator<LogRecord, void, undefined> {
    const abort = new AbortController();
    const response = await this.open(
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

  /** The same as the bytes of the file, or of the lines that match. */
  async text(sandbox: string, options: LogsOptions = {}): Promise<string> {
    const abort = new AbortController();
    const response = await this.open(
      `${pathOf(sandbox)}/logs`,
      { ...options, format: 'text' },
      abort,
      options.signal,
    );
    return await response.text();
  }

  /**
   * The last lines, then the next ones as they come, until the sandbox is deleted: then comes a `LogEnd`. A server
   * that goes away is waited for, and what follows goes on where it was, without a gap and without a repeat.
   * @throws AfterlogRefusal a request that will not be granted; never for a server that is away
   */
  async *follow(
    sandbox: string,
    options: FollowOptions = {},
  ): AsyncGenerator<LogLine | LogGap | LogEnd, void, undefined> {
    const { signal, onTrouble, tail, ...which } = options;
    let { cursor } = options;
    let pause_ms = PAUSE_FIRST_MS;
    let isAway = false;
    while (!signal?.aborted) {
      const abort = new AbortController();
      try {
        const parameters = { ...which, cursor, tail: cursor === undefined ? tail : undefined };
        const response = await this.open(
          `${pathOf(sandbox)}/logs`,
          { ...parameters, follow: 1, format: 'ndjson' },
          abort,
          signal,
        );
        // Where it begins: to go on there if the server goes away before the first line.
        cursor = response.headers.get('Afterlog-Cursor') ?? cursor;
        if (isAway) onTrouble?.(null);
        isAway = false;
        pause_ms = PAUSE_FIRST_MS;
        for await (const line of linesOf(response, SILENCE_MS)) {
          const record = JSON.parse(line) as LogLine | LogGap | LogEnd;
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
   * The first line that holds the text, there already or to come; null if it did not come in time. The sandbox may
   * be yet to come too.
   * @throws AfterlogRefusal LOG_ENDED: the sandbox was deleted before
   */
  async wait(sandbox: string, text: string, options: WaitOptions = {}): Promise<LogLine | null> {
    const { timeout = 30, signal, ...which } = options;
    const end_ms = Date.now() + timeout * 1_000;
    for (let pause_ms = PAUSE_FIRST_MS; ; pause_ms = Math.min(pause_ms * 2, PAUSE_LONGEST_MS)) {
      const left_s = Math.max(Math.ceil((end_ms - Date.now()) / 1_000), 0);
      try {
        return await this.get<LogLine>(
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

  /** All that fit, the newest first. */
  sandboxes(options: SandboxesOptions = {}): AsyncGenerator<Sandbox, void, undefined> {
    return this.pages<Sandbox>('/v1/sandboxes', 'sandboxes', { limit: 1_000, ...options });
  }

  /** Null: nothing was ever seen of it. */
  async sandbox(id: string): Promise<Sandbox | null> {
    try {
      return await this.get<Sandbox>(pathOf(id), {});
    } catch (error) {
      if (error instanceof AfterlogRefusal && error.code === 'SANDBOX_UNKNOWN') return null;
      throw error;
    }
  }

  /**
   * Erases what is stored of its logs, for good; the token needs the scope `erase`. Can be repeated: while `state` is
   * `removing`, ClickHouse is not done yet. Null: nothing was ever seen of it.
   * @throws AfterlogRefusal, and what fetch throws
   */
  async erase(id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Erasure | null> {
    try {
      const response = await this.open(`${pathOf(id)}/logs`, {}, new AbortController(), signal, 'DELETE');
      return (await response.json()) as Erasure;
    } catch (error) {
      if (error instanceof AfterlogRefusal && error.code === 'SANDBOX_UNKNOWN') return null;
      throw error;
    }
  }

  /** The last one first; of the last 24 hours if `since` is not given. */
  boots(
    options: HappenedOptions & { failed?: boolean | undefined } = {},
  ): AsyncGenerator<Boot, void, undefined> {
    return this.pages<Boot>('/v1/boots', 'boots', { limit: 200, ...options });
  }

  /** One by one, the last one first; of the last 24 hours if `since` is not given. */
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
    return (await this.get<{ causes: Cause[] }>('/v1/crashes', which, signal)).causes;
  }

  /** Lines of all sandboxes that hold the text, those that came last first. */
  search(text: string, options: SearchOptions = {}): AsyncGenerator<Match, void, undefined> {
    return this.pages<Match>('/v1/search', 'matches', { ...options, q: text });
  }

  /** How many lines there were in each of equal parts of a time. */
  async histogram(
    options: SearchOptions & {
      q?: string | undefined;
      buckets?: number | undefined;
      by?: 'severity' | 'source' | undefined;
    } = {},
  ): Promise<Bucket[]> {
    const { signal, context: _, ...which } = options;
    return (await this.get<{ buckets: Bucket[] }>('/v1/histogram', which, signal)).buckets;
  }

  private async *pages<Item>(
    path: string,
    name: string,
    { signal, ...parameters }: Parameters & { signal?: AbortSignal | undefined },
  ): AsyncGenerator<Item, void, undefined> {
    for (let cursor: string | undefined; ; ) {
      const page = await this.get<{ next: string | null } & Record<string, Item[]>>(
        path,
        { ...parameters, cursor },
        signal,
      );
      yield* page[name] as Item[];
      if (page.next === null) return;
      cursor = page.next;
    }
  }

  private async get<Answer>(path: string, parameters: Parameters, signal?: AbortSignal): Promise<Answer> {
    const response = await this.open(path, parameters, new AbortController(), signal);
    return (await response.json()) as Answer;
  }

  private async open(
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
    // Something between, such as a proxy.
    return new AfterlogRefusal(status, 'UNKNOWN', `HTTP status ${status}: ${text.slice(0, 200)}`);
  }
}

/** What may be otherwise in a moment: no connection, and a server or proxy that is not well. */
const isPassing = (error: unknown): boolean =>
  !(error instanceof AfterlogRefusal) || error.status >= 500 || error.status === 429;

const pathOf = (sandbox: string): string => `/v1/sandboxes/${encodeURIComponent(sandbox)}`;

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

/** Whole lines of a body; empty ones are signs of life. @throws what the connection ends with */
async function* linesOf(response: Response, silence_ms?: number): AsyncGenerator<string, void, undefined> {
  const reader = response.body!.getReader();
  const decoder = new TextDecoder();
  let text = '';
  for (;;) {
    const { value, done } = await within(reader.read(), silence_ms);
    if (done) return;
    text += decoder.decode(value, { stream: true });
    const lines = text.split('\n');
    // What a server that was killed has begun comes again whole.
    text = lines.pop()!;
    for (const line of lines) if (line !== '') yield line;
  }
}

async function within<T>(promise: Promise<T>, ms: number | undefined): Promise<T> {
  if (ms === undefined) return await promise;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`The server has said nothing for ${ms / 1_000} s.`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

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
