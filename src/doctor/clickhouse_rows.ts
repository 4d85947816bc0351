import { text } from 'node:stream/consumers';
import type { Store } from '../store/query.ts';

/**
 * Rows of a statement that changes nothing and sets nothing, so that any user may ask it.
 * @throws what the client throws
 */
export async function askRows<Row>({ client }: Store, query: string): Promise<Row[]> {
  // CHECK GRANT takes no FORMAT clause, which the client's query() would add.
  const answer = await client.exec({ query, http_headers: { 'X-ClickHouse-Format': 'JSONEachRow' } });
  const lines = (await text(answer.stream)).split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Row);
}
