import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { agentTokenOf } from '../base/agent_token.ts';
import { bringsOneOf } from '../base/bearer.ts';
import { earlierFaults } from '../base/earlier_faults.ts';
import { AfterlogError, httpStatusOf, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { isOwnMachine } from './http/own_machine.ts';
import { listen } from './listen.ts';

/**
 * The status of a role: counts and sizes as numbers, `paused` as a sentence or null, and lags by partition.
 */
type Status = () => object;

interface PartitionLags {
  partitions: { topic: string; partition: number; lag: number | null }[];
}

/** The command that an agent accepts. */
export interface Flushes {
  /** @throws AfterlogError FLUSH_UNKNOWN, FLUSH_LATE */
  flush(sandbox: string): Promise<object>;
}

export interface RoleStatus {
  /** From now on, this is the token. */
  useToken(agent_token: string | undefined): void;
  close(): void;
}

/** How a role serves its status. Without `agent_token` only processes of this machine are served. */
export interface StatusOptions {
  address: string;
  agent_token: string | undefined;
  /** Its name is part of the token that a server sends for a flush. */
  host: string;
  /** Null for a consumer. */
  agent: Flushes | null;
}

/**
 * Serves `/healthz` (the status as JSON) and `/metrics` (its numbers, for Prometheus) of an agent or a
 * consumer, and an agent's `POST /flush/<id>`. Whoever may not see them learns from `/healthz` only whether
 * the role waits for something. A role works without all this, so an address that it cannot listen on is only
 * a warning.
 */
export async function serveStatus(
  role: string,
  figures: Status,
  { address, agent_token, host, agent }: StatusOptions,
): Promise<RoleStatus> {
  const status = (): object => ({ ...figures(), unforeseen_faults: earlierFaults().count });
  const metrics = metricsOf(role, status);
  let tokens = tokensFor(agent_token, host);
  const server = createServer((request, response) => {
    const { url = '' } = request;
    const refusal = tokens === null ? refuseOthers(request, role) : refuseWithoutToken(request, tokens);
    if (url === '/healthz') answerJson(response, 200, healthOf(status(), refusal === null));
    else if (refusal !== null) answerError(response, refusal);
    else if (url === '/metrics') {
      void metrics.text().then((text) => answer(response, 200, metrics.type, text));
    } else if (agent !== null && url.startsWith('/flush/')) void answerFlush(agent, request, response);
    else answerError(response, new AfterlogError('NOT_FOUND', `There is nothing at ${url}.`));
  });
  await listen(server, address).catch((error: unknown) => {
    if (!(error instanceof AfterlogError)) throw error;
    report(error, { role });
  });
  return {
    useToken: (next) => {
      tokens = tokensFor(next, host);
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** The tokens that are taken: the one of all roles, and the one of this host. */
const tokensFor = (agent_token: string | undefined, host: string): string[] | null =>
  agent_token === undefined ? null : [agent_token, agentTokenOf(agent_token, host)];

function refuseOthers(request: IncomingMessage, role: string): AfterlogError | null {
  if (isOwnMachine(request)) return null;
  const what = `This ${role} has no token and serves only its own machine; set AFTERLOG_AGENT_TOKEN to serve others.`;
  return new AfterlogError('LOOPBACK_ONLY', what);
}

function refuseWithoutToken({ headers }: IncomingMessage, tokens: string[]): AfterlogError | null {
  if (bringsOneOf(tokens, headers.authorization)) return null;
  return new AfterlogError(
    'AGENT_TOKEN_WRONG',
    'Send the token of AFTERLOG_AGENT_TOKEN: `Authorization: Bearer <token>`.',
  );
}

/** `status` is not `ok` while the role waits; the figures say for what. */
function healthOf(figures: object, isTrusted: boolean): object {
  const waits = 'paused' in figures && figures.paused !== null;
  return { status: waits ? 'waiting' : 'ok', ...(isTrusted && figures) };
}

async function answerFlush(
  agent: Flushes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    answerError(response, new AfterlogError('METHOD_UNKNOWN', 'Use POST: a flush reads and writes.'));
    return;
  }
  try {
    const sandbox = decodeURIComponent(request.url!.slice('/flush/'.length));
    answerJson(response, 200, { sandbox, logs: await agent.flush(sandbox) });
  } catch (error) {
    // Any other error comes from an id that cannot be decoded.
    const isOurs = error instanceof AfterlogError;
    answerError(response, isOurs ? error : new AfterlogError('PARAMETER_INVALID', reasonOf(error)));
  }
}

function answerError(response: ServerResponse, { code, message }: AfterlogError): void {
  const status = httpStatusOf(code);
  if (status === 401) response.setHeader('WWW-Authenticate', 'Bearer');
  answerJson(response, status, { error: message, code });
}

const answerJson = (response: ServerResponse, status: number, body: object): void =>
  answer(response, status, 'application/json', `${JSON.stringify(body)}\n`);

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response
    .writeHead(status, {
      'Content-Type': type,
      'X-Content-Type-Options': 'nosniff',
      'Cache-Control': 'no-store',
    })
    .end(body);
}

function metricsOf(role: string, status: Status): { type: string; text(): Promise<string> } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const gauges = new Map<string, Gauge>();
  const gaugeOf = (name: string): Gauge => {
    const help = name === 'paused' ? '1 while the role waits for something' : name.replaceAll('_', ' ');
    const made =
      gauges.get(name) ?? new Gauge({ name: `afterlog_${role}_${name}`, help, registers: [registry] });
    gauges.set(name, made);
    return made;
  };
  for (const [name] of numbersOf(status())) gaugeOf(name);
  if ('partitions' in status()) partitionLag(role, status as () => PartitionLags, registry);
  return {
    type: registry.contentType,
    text: () => {
      // Once for all gauges, because an agent counts over all of its logs. A reload may add figures.
      for (const [name, value] of numbersOf(status())) gaugeOf(name).set(value);
      return registry.metrics();
    },
  };
}

function numbersOf(figures: object): [string, number][] {
  return Object.entries(figures)
    .filter(([name, value]) => name !== 'last_error' && !Array.isArray(value))
    .map(([name, value]) => [name, name === 'paused' ? Number(value !== null) : Number(value ?? Number.NaN)]);
}

/** Only for the partitions that the role has now; other consumers report the others. */
function partitionLag(role: string, status: () => PartitionLags, registry: Registry): void {
  new Gauge({
    name: `afterlog_${role}_partition_lag`,
    help: 'messages behind the end of the partition',
    labelNames: ['topic', 'partition'],
    registers: [registry],
    collect() {
      this.reset();
      for (const { topic, partition, lag } of status().partitions) {
        this.set({ topic, partition: String(partition) }, lag ?? Number.NaN);
      }
    },
  });
}
