import type { ServerResponse } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import { limits } from '../../base/limits.ts';
import { writeLine } from '../../base/log.ts';

/** What the routes know about a request when its answer begins. */
export interface Answered {
  /** The name of the token, or the first 8 digits of its hash; null if there was none that is known. */
  caller: string | null;
  workspace: string | null;
  /** The pattern, such as `/v1/sandboxes/:id/logs`. No line has a query: it may hold what was searched. */
  route: string;
  /** The id that the route took from the path or the query, also of a request that was refused. */
  sandbox: string | null;
}

/**
 * One JSON line a request, when its answer is over: for a followed log that is when it ends. The line is not
 * subject to the log's level.
 * @param answered resolves when the answer begins
 */
export async function logAccess(
  { incoming, outgoing }: HttpBindings,
  answered: Promise<Answered>,
): Promise<void> {
  const start_ms = performance.now();
  const peer = incoming.socket.remoteAddress ?? null;
  const { method } = incoming;
  const bytes = countBytes(outgoing);
  await new Promise((closed) => outgoing.once('close', closed));
  const ms = Math.round(performance.now() - start_ms);
  const { caller, workspace, route, sandbox } = await answered;
  writeLine(
    printable({
      time: new Date().toISOString(),
      log: 'access',
      token: caller,
      workspace,
      peer,
      method,
      route,
      sandbox: cut(sandbox),
      status: outgoing.headersSent ? outgoing.statusCode : null,
      bytes: bytes(),
      ms,
      ...(!outgoing.writableFinished && { aborted: true }),
    }),
  );
}

/** The probes of a load balancer come every few seconds, and read nothing. */
export const isProbe = (path: string): boolean => path === '/healthz' || path === '/readyz';

/** Counts the bytes of the body that are handed over to the connection. */
function countBytes(outgoing: ServerResponse): () => number {
  let bytes = 0;
  for (const name of ['write', 'end'] as const) {
    const original = outgoing[name];
    outgoing[name] = (...args: unknown[]) => {
      const [chunk] = args;
      if (typeof chunk === 'string' || chunk instanceof Uint8Array) bytes += Buffer.byteLength(chunk);
      return Reflect.apply(original, outgoing, args);
    };
  }
  return () => bytes;
}

/** Each id that there can be is whole; another text of the request must not fill the log. */
function cut(id: string | null): string | null {
  const chars_max = limits.tail.sandbox_id_bytes_max;
  return id !== null && id.length > chars_max ? `${id.slice(0, chars_max)}…` : id;
}

/** JSON in ASCII: whatever an id holds, it moves no cursor and turns no text of the one who reads the log. */
function printable(line: object): string {
  return JSON.stringify(line).replace(
    /[\x7f-\uffff]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
