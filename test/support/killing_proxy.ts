import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, request as requestTo, type ServerResponse } from 'node:http';
import { buffer } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { listenBefore } from './listen_before.ts';

/** The moment of the kill: before a statement reaches ClickHouse, while it runs there, or after it. */
export interface Death {
  when: 'before' | 'while' | 'after';
  statement: RegExp;
  /** Default: SIGKILL. SIGSTOP freezes it. */
  signal?: NodeJS.Signals;
  /** With `before`, the statement reaches ClickHouse when this resolves; without it, never. */
  held?: Promise<void>;
}

export interface KillingProxy {
  url: string;
  death: Death | null;
  victim: ChildProcess | null;
}

/** An HTTP proxy in front of ClickHouse that kills its client at one statement. */
export async function startKillingProxy(t: TestContext, url: string): Promise<KillingProxy> {
  const proxy: KillingProxy = { death: null, victim: null, url: '' };
  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request);
    const target = new URL(request.url!, url);
    const statement = target.searchParams.get('query') ?? body.toString();
    const { death, victim } = proxy;
    const kill = (when: Death['when']): boolean =>
      death?.when === when && death.statement.test(statement) && victim!.kill(death.signal ?? 'SIGKILL');
    if (kill('before')) {
      if (death!.held === undefined) return;
      await death!.held;
    }
    const onward = requestTo(target, { method: request.method, headers: request.headers }).end(body);
    const answering = once(onward, 'response') as Promise<[IncomingMessage]>;
    kill('while');
    const [answer] = await answering;
    const answered = await buffer(answer);
    if (kill('after')) return;
    delete answer.headers['transfer-encoding'];
    response.writeHead(answer.statusCode!, answer.headers).end(answered);
  }
  const server = createServer((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
  proxy.url = await listenBefore(t, server, url);
  return proxy;
}
