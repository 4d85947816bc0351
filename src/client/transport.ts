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

export type Parameters = Record<string, string | number | boolean | Date | string[] | undefined | unknown>;

/** Sends the requests of a client to its server. */
export class Transport {
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
export const isPassing = (error: unknown): boolean =>
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
export async function* linesOf(
  response: Response,
  silence_ms?: number,
): AsyncGenerator<string, void, undefined> {
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
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
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
