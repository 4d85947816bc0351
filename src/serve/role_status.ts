import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { AfterlogError, httpStatusOf, reasonOf } from '../base/errors.ts';
import { report } from '../base/faults.ts';
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

/**
 * Serves `/healthz` (the status as JSON) and `/metrics` (its numbers, for Prometheus) of an agent or a
 * consumer, and an agent's `POST /flush/<id>`. A role works without it, so an address that it cannot listen
 * on is only a warning.
 */
export async function serveStatus(
  role: string,
  address: string,
  status: Status,
  agent: Flushes | null = null,
): Promise<() => void> {
  const metrics = metricsOf(role, status);
  const server = createServer((request, response) => {
    const { url = '' } = request;
    if (url === '/healthz') answerJson(response, 200, status());
    else if (url === '/metrics') {
      void metrics.text().then((text) => answer(response, 200, metrics.type, text));
    } else if (agent !== null && url.startsWith('/flush/')) void answerFlush(agent, request, response);
    else answerJson(response, 404, { error: `There is nothing at ${url}.`, code: 'NOT_FOUND' });
  });
  await listen(server, address).catch((error: unknown) => {
    if (!(error instanceof AfterlogError)) throw error;
    report(error, { role });
  });
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

async function answerFlush(
  agent: Flushes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (request.method !== 'POST') {
    response.setHeader('Allow', 'POST');
    answerJson(response, 405, { error: 'Use POST: a flush reads and writes.', code: 'USAGE' });
    return;
  }
  try {
    const sandbox = decodeURIComponent(request.url!.slice('/flush/'.length));
    answerJson(response, 200, { sandbox, logs: await agent.flush(sandbox) });
  } catch (error) {
    // Any other error comes from an id that cannot be decoded.
    const code = error instanceof AfterlogError ? error.code : 'PARAMETER_INVALID';
    answerJson(response, httpStatusOf(code), { error: reasonOf(error), code });
  }
}

const answerJson = (response: ServerResponse, status: number, body: object): void =>
  answer(response, status, 'application/json', `${JSON.stringify(body)}\n`);

function answer(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type }).end(body);
}

function metricsOf(role: string, status: Status): { type: string; text(): Promise<string> } {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const fields = status() as Record<string, unknown>;
  const gauges = Object.keys(fields)
    .filter((field) => field !== 'last_error' && !Array.isArray(fields[field]))
    .map((name) => {
      const help = name === 'paused' ? '1 while the role waits for something' : name.replaceAll('_', ' ');
      return { name, gauge: new Gauge({ name: `afterlog_${role}_${name}`, help, registers: [registry] }) };
    });
  if ('partitions' in fields) partitionLag(role, status as () => PartitionLags, registry);
  return {
    type: registry.contentType,
    text: () => {
      // Once for all gauges, because an agent counts over all of its logs.
      const now = status() as Record<string, unknown>;
      for (const { name, gauge } of gauges) {
        const value = now[name];
        gauge.set(name === 'paused' ? Number(value !== null) : Number(value ?? Number.NaN));
      }
      return registry.metrics();
    },
  };
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
