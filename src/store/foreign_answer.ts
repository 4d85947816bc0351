import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe } from 'node:diagnostics_channel';
import { type ClientRequest, type IncomingHttpHeaders, STATUS_CODES } from 'node:http';
import { type ClickHouseClient, ClickHouseError } from '@clickhouse/client';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { harmless } from '../base/text.ts';
import { tlsFault } from './client_tls.ts';

/** Of a proxy whose server does not answer it, or that wants fewer requests. */
const BUSY = new Set([408, 425, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524]);

/** An answer that is not ClickHouse's: of a proxy before it, or of something else at its address. */
export class ForeignAnswer extends Error {
  readonly status: number;
  /** The address that was asked, without a login. */
  readonly url: string;
  /** The kind of the answer, for the cure in the catalogue. */
  readonly code: string;

  constructor(url: string, status: number, message: string) {
    super(message);
    this.code = kindOf(status);
    this.url = url;
    this.status = status;
  }
}

function kindOf(status: number): string {
  if (status < 300) return 'HTTP_PAGE';
  if (status < 400) return 'HTTP_REDIRECT';
  if (status === 401 || status === 403 || status === 407) return 'HTTP_LOGIN';
  return BUSY.has(status) ? 'HTTP_BUSY' : 'HTTP_ERROR';
}

/** Whether a proxy found the body of a request too large. */
export const isBodyRefused = (error: unknown): error is ForeignAnswer =>
  error instanceof ForeignAnswer && error.status === 413;

/** One of our errors for a foreign answer or a failed handshake; null for any other thrown value. */
export function foreignFault(error: unknown): AfterlogError | null {
  if (error instanceof AfterlogError) return error;
  if (!(error instanceof ForeignAnswer)) return null;
  const { status, url, message } = error;
  if (BUSY.has(status)) {
    return new AfterlogError('CLICKHOUSE_UNREACHABLE', `A proxy at ${url} ${message}`, error);
  }
  if (status === 413) return new AfterlogError('BODY_REFUSED', `A proxy at ${url} ${message}`, error);
  return new AfterlogError(
    'NOT_CLICKHOUSE',
    `What answers at ${url} is not ClickHouse: it ${message}`,
    error,
  );
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
}
interface Asked {
  answer: Answer | null;
}
const asking = new AsyncLocalStorage<Asked>();
let listens = false;

/** The client passes on neither status nor headers of a failed request, so Node.js is asked for them. */
function listen(): void {
  if (listens) return;
  listens = true;
  subscribe('http.client.request.created', (message) => {
    const asked = asking.getStore();
    if (asked === undefined) return;
    const { request } = message as { request: ClientRequest };
    request.once('response', ({ statusCode = 0, headers }) => {
      asked.answer = { status: statusCode, headers };
    });
  });
}

/**
 * Makes each request of a client throw a ForeignAnswer for an answer that is not ClickHouse's, and an
 * AfterlogError CLICKHOUSE_TLS for a failed handshake.
 */
export function nameForeignAnswers(client: ClickHouseClient, url: string): ClickHouseClient {
  listen();
  for (const name of ['query', 'exec', 'command', 'insert'] as const) {
    const ask = client[name].bind(client) as (params: unknown) => Promise<unknown>;
    Object.assign(client, { [name]: (params: unknown) => watched(url, () => ask(params)) });
  }
  return client;
}

async function watched<T>(url: string, ask: () => Promise<T>): Promise<T> {
  const asked: Asked = { answer: null };
  try {
    const result = await asking.run(asked, ask);
    if (!isPage(asked.answer)) return result;
    close(result);
    throw new ForeignAnswer(url, asked.answer!.status, 'answers with a web page.');
  } catch (error) {
    const { answer } = asked;
    const failed = answer === null ? tlsFault(error, url) : null;
    if (failed !== null) throw failed;
    if (answer === null || error instanceof ClickHouseError || error instanceof ForeignAnswer) throw error;
    if (answer.status >= 200 && answer.status < 300) throw error;
    throw new ForeignAnswer(url, answer.status, `${textOf(answer)}${titleOf(error)}.`);
  }
}

/** ClickHouse's own answers have a header of its own, in any format. */
const isPage = (answer: Answer | null): boolean =>
  answer !== null &&
  /^text\/html/i.test(answer.headers['content-type'] ?? '') &&
  !Object.keys(answer.headers).some((name) => name.startsWith('x-clickhouse-'));

function textOf({ status, headers: { location } }: Answer): string {
  const known = STATUS_CODES[status] === undefined ? '' : ` ${STATUS_CODES[status]}`;
  if (status >= 300 && status < 400) {
    return `redirects (${status}${known})${location === undefined ? '' : ` to ${shown(location)}`}`;
  }
  if (status === 407) return `asks for a login of its own (${status}${known})`;
  return `answers ${status}${known}`;
}

/** The title of a page, if it says more than the status does. */
function titleOf(error: unknown): string {
  const [, title] = /<title>\s*([^<]*?)\s*<\/title>/i.exec((error as Error).message ?? '') ?? [];
  return title === undefined || /^\d{3}\b/.test(title) ? '' : `, with the page “${shown(title)}”`;
}

const shown = (text: string): string => harmless(text).slice(0, limits.log.shown_chars_max);

/** A query or an exec has a body that nobody will read. */
function close(result: unknown): void {
  const { close: end, stream } = result as { close?: () => void; stream?: { destroy(): void } };
  if (typeof end === 'function') end.call(result);
  else if (typeof stream === 'object') stream.destroy();
}
