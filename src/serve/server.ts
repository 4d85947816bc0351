import { readFileSync } from 'node:fs';
import { type Server, STATUS_CODES } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { createSecureContext } from 'node:tls';
import { createAdaptorServer } from '@hono/node-server';
import { catalogue } from '../base/catalogue.ts';
import { AfterlogError, httpStatusOf, reasonOf } from '../base/errors.ts';
import { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { version } from '../base/version.ts';
import { refuseExposed } from '../config/exposed.ts';
import { type Settings, splitAddress } from '../config/settings.ts';
import { openStore } from '../store/query.ts';
import { LogHub } from '../store/read/log_hub.ts';
import { SharedTails } from '../store/read/shared_tails.ts';
import { Agents } from './agents/agents.ts';
import { createApp } from './app.ts';
import { Tokens } from './http/auth.ts';
import { createMetrics } from './http/metrics.ts';
import { listen } from './listen.ts';

/** Answers bytes that Node.js cannot parse as a request, in the form of every other error. */
function answerUnreadable(error: NodeJS.ErrnoException, socket: Duplex): void {
  if (error.code === 'ECONNRESET' || !socket.writable) return void socket.destroy();
  const code = error.code === 'HPE_HEADER_OVERFLOW' ? 'HEADERS_TOO_LARGE' : 'REQUEST_UNREADABLE';
  const body = JSON.stringify({ error: catalogue[code].means, code });
  const status = httpStatusOf(code);
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
      'Content-Type: application/json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
      '',
      body,
    ].join('\r\n'),
  );
}

/** @throws AfterlogError SETTING_INVALID */
function readTls({ tls_cert_file, tls_key_file }: Settings): { cert: Buffer; key: Buffer } | null {
  if (tls_cert_file === undefined && tls_key_file === undefined) return null;
  if (tls_cert_file === undefined || tls_key_file === undefined) {
    throw new AfterlogError('SETTING_INVALID', 'Settings tls_cert_file and tls_key_file go together.');
  }
  try {
    const files = { cert: readFileSync(tls_cert_file), key: readFileSync(tls_key_file) };
    createSecureContext(files);
    return files;
  } catch (error) {
    const what = `The certificate of tls_cert_file and tls_key_file cannot be used: ${reasonOf(error)}.`;
    throw new AfterlogError('SETTING_INVALID', what, error);
  }
}

export interface RunningServer {
  /** http://host:port */
  address: string;
  /**
   * Takes new tokens and the switch of the access log. Answers to a token that is gone are cut.
   * @throws AfterlogError SETTING_INVALID if no token is left
   */
  reload(next: Settings): object;
  readonly reloads: readonly string[];
  stop(): Promise<void>;
}

/** By default, where there are tokens: without them, all requests come from this machine. */
const logsAccess = ({ access_log, tokens }: Settings): boolean => access_log ?? tokens.length > 0;

/**
 * The HTTP API on `settings.listen` (port 0: a free one). It starts even if ClickHouse does not answer;
 * /readyz reports that.
 * @param options for tests; the defaults are the limits
 * @throws AfterlogError PORT_IN_USE, SETTING_INVALID (an address that cannot be listened on, or that others
 * reach although there are no tokens)
 */
export async function startServer(
  settings: Settings,
  options: { last_bytes_ms?: number } = {},
): Promise<RunningServer> {
  refuseExposed(settings, 'listen');
  const tls = readTls(settings);
  const store = { ...openStore(settings), trouble: new Trouble('ClickHouse answers readers again.') };
  const looking = { ...openStore(settings), trouble: store.trouble };
  const stopping = new AbortController();
  const agents = new Agents(settings, options.last_bytes_ms);
  const tokens = new Tokens(settings.tokens);
  let logs = logsAccess(settings);
  const app = createApp({
    store,
    hub: new LogHub(store, limits.follow.hub_poll_ms, looking),
    tails: new SharedTails(store),
    agents,
    tokens,
    logs: () => logs,
    version,
    metrics: createMetrics(),
    stopping: stopping.signal,
  });
  const server = createAdaptorServer({
    fetch: app.fetch,
    ...(tls !== null && { createServer, serverOptions: tls }),
  }) as Server;
  server.on('clientError', answerUnreadable);
  try {
    await listen(server, settings.listen);
  } catch (error) {
    await Promise.all([store.client.close(), looking.client.close()]);
    throw error;
  }
  const bound = server.address() as { port: number };
  const { host } = splitAddress(settings.listen);
  return {
    address: `${tls === null ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${bound.port}`,
    reload(next) {
      if (settings.tokens.length > 0 && next.tokens.length === 0) {
        const what =
          'No token is left. This would open the API to all of this machine, so the old tokens stay.';
        throw new AfterlogError('SETTING_INVALID', what);
      }
      logs = logsAccess(next);
      agents.useToken(next.agent_token);
      return { tokens: next.tokens.length, answers_cut: tokens.replace(next.tokens) };
    },
    reloads: ['tokens', 'access_log', 'agent_token'],
    async stop() {
      stopping.abort();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      // Repeated, because a connection is idle only after its last answer was sent.
      const idle = setInterval(() => server.closeIdleConnections(), 20);
      const late = setTimeout(() => server.closeAllConnections(), limits.server.stop_ms);
      await closed;
      clearInterval(idle);
      clearTimeout(late);
      await Promise.all([store.client.close(), looking.client.close()]);
    },
  };
}
