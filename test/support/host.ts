import { appendFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { startAgent } from '../../src/agent/agent.ts';
import { freePort } from '../../src/base/child_process.ts';
import { withStatus } from '../../src/cli/role.ts';
import { startServer } from '../../src/serve/server.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, clickhouseSettings } from './clickhouse.ts';
import { PATIENCE_MS } from './patience.ts';
import { sha256 } from './sha256.ts';

export interface Host {
  /** URL of the server. */
  address: string;
  /** Creates a sandbox with an empty console. */
  start(id: string): void;
  write(id: string, lines: string[]): void;
  /** Writes no line end. */
  prompt(id: string, text: string): void;
  remove(id: string): void;
}

/** A host with an agent without Kafka, and a server with the token `key`. */
export async function startHost(t: TestContext): Promise<Host> {
  const settings = await clickhouseSettings(t, {
    agentListen: `127.0.0.1:${await freePort()}`,
    tokens: sha256('key'),
  });
  await migrate(clickhouse(t), settings.clickhouse.database);
  const vms = join(settings.data_dir, 'vms');
  mkdirSync(vms);
  const agent = await withStatus('agent', settings, () => startAgent(settings));
  t.after(() => agent.stop());
  const server = await startServer(settings, { last_bytes_ms: PATIENCE_MS });
  t.after(() => server.stop());
  return {
    address: server.address,
    start(id) {
      mkdirSync(join(vms, id));
      writeFileSync(join(vms, id, 'console.log'), '');
    },
    write: (id, lines) =>
      appendFileSync(join(vms, id, 'console.log'), lines.map((line) => `${line}\n`).join('')),
    prompt: (id, text) => appendFileSync(join(vms, id, 'console.log'), text),
    remove: (id) => rmSync(join(vms, id), { recursive: true }),
  };
}
