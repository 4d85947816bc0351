import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { earlierFaults } from '../../base/earlier_faults.ts';

export interface ServerMetrics {
  registry: Registry;
  requests: Counter<'route' | 'method' | 'status'>;
  followers: Gauge;
}

/** Each server has a registry of its own, so that several can run in one process. */
export function createMetrics(): ServerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  new Gauge({
    name: 'afterlog_server_unforeseen_faults',
    help: 'Faults after which this process started anew',
    registers: [registry],
  }).set(earlierFaults().count);
  return {
    registry,
    requests: new Counter({
      name: 'afterlog_http_requests_total',
      help: 'Requests answered, by route pattern',
      labelNames: ['route', 'method', 'status'],
      registers: [registry],
    }),
    followers: new Gauge({
      name: 'afterlog_http_followers',
      help: 'Open event streams',
      registers: [registry],
    }),
  };
}
