import { text } from 'node:stream/consumers';
import type { Store } from '../store/query.ts';

/**
 * The rows of a read-only statement. It sets no settings, so that a user with readonly=1 may run it, too.
 * @throws the client's errors
 */
export async function askRows<Row>({ client }: Store, query: string): Promise<Row[]> {
  // The client's query() adds a FORMAT clause, which CHECK GRANT does not accept.
  const answer = await client.exec({ query, http_headers: { 'X-ClickHouse-Format': 'JSONEachRow' } });
  const lines = (await text(answer.stream)).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Row);
}
