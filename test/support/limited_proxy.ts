import { createServer, request as requestTo } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { listenBefore } from './listen_before.ts';

export interface LimitedProxy {
  url: string;
  /** Bytes of the body of an INSERT that it passes on. */
  bytes_max: number;
  /** Whether it closes the connection right behind such an answer, while the body still comes. */
  isAbrupt: boolean;
  /** What it answers instead, to INSERTs only; null: nothing. */
  instead: { status: number; body: string } | null;
  /** The bodies of INSERTs that came. */
  inserts: { bytes: number; status: number }[];
}

/** An HTTP proxy in front of ClickHouse that refuses large bodies with a page, as nginx does. */
export async function startLimitedProxy(t: TestContext, url: string): Promise<LimitedProxy> {
  const proxy: LimitedProxy = {
    url: '',
    bytes_max: Number.POSITIVE_INFINITY,
    isAbrupt: false,
    instead: null,
    inserts: [],
  };
  const server = createServer((request, response) => {
    const target = new URL(request.url!, url);
    const isInsert = target.searchParams.get('query')?.startsWith('INSERT') ?? false;
    const bytes = Number(request.headers['content-length'] ?? 0);
    const answer = (status: number, body: string): void => {
      if (isInsert) proxy.inserts.push({ bytes, status });
      // nginx answers before the body has come, and reads it no further.
      response.writeHead(status, { 'Content-Type': 'text/html', Connection: 'close' });
      if (proxy.isAbrupt) response.end(body, () => request.socket.destroy());
      else {
        response.end(body);
        request.resume();
      }
    };
    if (isInsert && bytes > proxy.bytes_max) {
      answer(413, '<html><head><title>413 Request Entity Too Large</title></head></html>');
      return;
    }
    if (isInsert && proxy.instead !== null) {
      answer(proxy.instead.status, proxy.instead.body);
      return;
    }
    void (async () => {
      const body = await buffer(request);
      const onward = requestTo(target, { method: request.method, headers: request.headers }, (found) => {
        if (isInsert) proxy.inserts.push({ bytes, status: found.statusCode! });
        response.writeHead(found.statusCode!, found.headers);
        found.pipe(response);
      });
      onward.on('error', () => response.destroy());
      onward.end(body);
    })().catch(() => response.destroy());
  });
  proxy.url = await listenBefore(t, server, url);
  return proxy;
}
