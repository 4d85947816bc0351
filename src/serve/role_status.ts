import { createServer, type ServerResponse } from 'node:http';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { splitAddress } from '../config/settings.ts';
import { reasonOf } from '../errors.ts';
import { log } from '../log.ts';

/** What a role tells of itself: counts and sizes as numbers, `paused` as a sentence or null. */
type Status = () => object;

/**
 * Serves `/healthz` (the status as JSON) and `/metrics` (its numbers, for Prometheus) of an agent or a consumer.
 * A role does its work without it: an address that cannot be listened on is a warning.
 */
export async function serveStatus(role: string, address: string, status: Status): Promise<() => void> {
  const registry = metricsOf(role, status);
  const server = createServer((request, response) => {
    if (request.url === '/healthz') answer(response, 'application/json', `${JSON.stringify(status())}\n`);
    else if (request.url === '/metrics') {
      void registry.metrics().then((text) => answer(response, registry.contentType, text));
    } else response.writeHead(404).end();
  });
  const { host, port } = splitAddress(address);
  await new Promise<void>((resolve) => {
    server.once('error', (error) => {
      log.warn(
        `${role}: no status on ${address}: ${reasonOf(error)}. Set AFTERLOG_${role.toUpperCase()}_LISTEN.`,
      );
      resolve();
    });
    server.listen(port, host, resolve);
  });
  return () => {
    server.close();
    server.closeAllConnections();
  };
}

function answer(response: ServerResponse, type: string, body: string): void {
  response.writeHead(200, { 'Content-Type': type }).end(body);
}

function metricsOf(role: string, status: Status): Registry {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  for (const name of Object.keys(status()).filter((field) => field !== 'last_error')) {
    new Gauge({
      name: `afterlog_${role}_${name}`,
      help: name === 'paused' ? '1 while something is waited for' : name.replaceAll('_', ' '),
      registers: [registry],
      collect() {
        const value = (status() as Record<string, unknown>)[name];
        this.set(name === 'paused' ? Number(value !== null) : Number(value ?? Number.NaN));
      },
    });
  }
  return registry;
}
