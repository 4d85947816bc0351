import { createServer, type IncomingMessage } from 'node:http';
import type { TestContext } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import { startServer } from '../../src/serve/server.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, clickhouseSettings } from './clickhouse.ts';
import { PATIENCE_MS } from './patience.ts';

/** A server whose agent answers every flush with 12 bytes of the console of sandbox `s`. */
export async function startBesideAgent(
  t: TestContext,
  answered: (request: IncomingMessage) => void,
): Promise<{ address: string; client: ClickHouseClient; database: string }> {
  const agent = createServer((request, response) => {
    const log = { log: 'console', stream_started_at_ns: '1795168800000000001', bytes: 12, sealed: null };
    response.end(JSON.stringify({ sandbox: 's', logs: [log] }));
    answered(request);
  });
  await new Promise<void>((resolve) => agent.listen(0, '127.0.0.1', resolve));
  t.after(() => agent.close());
  const { port } = agent.address() as { port: number };
  const settings = await clickhouseSettings(t, { agentUrl: `http://127.0.0.1:${port}/` });
  const { database } = settings.clickhouse;
  const client = clickhouse(t);
  await migrate(client, database);
  const server = await startServer(settings, { last_bytes_ms: PATIENCE_MS });
  t.after(() => server.stop());
  return { address: server.address, client, database };
}
