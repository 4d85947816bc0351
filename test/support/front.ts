import { createServer, type IncomingMessage, request as requestTo, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';

export interface Front {
  url: string;
  /** Paths that were asked for. */
  paths: string[];
}

/**
 * A server before ClickHouse: `answer` may answer a request by itself, or return the path that ClickHouse gets.
 * With `tls` it speaks HTTPS, as localhost.
 */
export async function startFront(
  t: TestContext,
  behind: string,
  answer: (request: IncomingMessage, response: ServerResponse) => string | null,
  tls?: ServerOptions,
): Promise<Front> {
  const front: Front = { url: '', paths: [] };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    front.paths.push(new URL(request.url!, behind).pathname);
    const path = answer(request, response);
    if (path === null) {
      request.resume();
      return;
    }
    void (async () => {
      const body = await buffer(request);
      const { method, headers } = request;
      const onward = requestTo(new URL(path, behind), { method, headers }, (found) => {
        response.writeHead(found.statusCode!, found.headers);
        found.pipe(response);
      });
      onward.on('error', () => response.destroy());
      onward.end(body);
    })().catch(() => response.destroy());
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const login = new URL(behind);
  const origin = new URL(tls === undefined ? 'http://127.0.0.1' : 'https://localhost');
  Object.assign(origin, { port, username: login.username, password: login.password });
  front.url = origin.href.replace(/\/$/, '');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return front;
}
