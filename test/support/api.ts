import type { TestContext } from 'node:test';
import type { ClickHouseClient } from '@clickhouse/client';
import { startServer } from '../../src/serve/server.ts';
import { migrate } from '../../src/store/care/migrate.ts';
import { clickhouse, clickhouseSettings } from './clickhouse.ts';
import { overrideLimits } from './limits.ts';
import { PATIENCE_MS } from './patience.ts';

// On a slow machine, a page of a search must be as full as elsewhere, and an erase must be complete.
overrideLimits({ search: { ms_max: PATIENCE_MS }, erase: { wait_ms: PATIENCE_MS } });

export interface Api {
  address: string;
  client: ClickHouseClient;
  database: string;
}

/** A server on a new migrated database. `flags` as in loadSettings. */
export async function startApi(t: TestContext, flags: Record<string, unknown> = {}): Promise<Api> {
  const settings = await clickhouseSettings(t, flags);
  const client = clickhouse(t);
  const { database } = settings.clickhouse;
  await migrate(client, database);
  const server = await startServer(settings);
  t.after(() => server.stop());
  return { address: server.address, client, database };
}

export interface ServerSentEvent {
  event: string;
  id: string;
  data: string;
}

/** The events of a response as they arrive, parsed like in a browser, without comments. */
export async function* eventsOf(response: Response): AsyncGenerator<ServerSentEvent> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop()!;
    for (const block of blocks) {
      const fields = new Map<string, string>();
      for (const line of block.split(/\r\n|\r|\n/)) {
        const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
        const before = fields.get(name);
        fields.set(name, before === undefined ? value : `${before}\n${value}`);
      }
      if (!fields.has('data')) continue;
      yield {
        event: fields.get('event') ?? 'message',
        id: fields.get('id') ?? '',
        data: fields.get('data')!,
      };
    }
  }
}

/** The next `count` events; the stream stays open. */
export async function take(
  events: AsyncGenerator<ServerSentEvent>,
  count: number,
): Promise<ServerSentEvent[]> {
  const taken: ServerSentEvent[] = [];
  while (taken.length < count) {
    const { value, done } = await events.next();
    if (done) break;
    taken.push(value);
  }
  return taken;
}
