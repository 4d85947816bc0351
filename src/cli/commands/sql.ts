import { text } from 'node:stream/consumers';
import { StringDecoder } from 'node:string_decoder';
import { AfterlogError } from '../../base/errors.ts';
import { harmless } from '../../base/text.ts';
import type { Settings } from '../../config/settings.ts';
import { clickhouseErrors } from '../../store/clickhouse_errors.ts';
import { openStore, readError } from '../../store/query.ts';
import { describeRefusal, errorNumber } from '../../store/refusal.ts';
import { print } from '../output.ts';

/**
 * `afterlog sql QUERY`: in the settings' database, with the settings' rights. A table for people unless the query
 * names a FORMAT, whose bytes then come out as they are.
 */
export async function sql(settings: Settings, query: string, options: { json?: boolean }): Promise<void> {
  const store = openStore(settings);
  try {
    const result = await store.client.exec({
      query: query === '-' ? await text(process.stdin) : query,
      // For a query that names no format itself.
      http_headers: { 'X-ClickHouse-Format': options.json ? 'JSONEachRow' : 'PrettyCompactMonoBlock' },
      clickhouse_settings: {
        database: store.database,
        output_format_json_quote_64bit_integers: 0,
        // Headers that arrive meanwhile keep a long query's connection from being taken for dead.
        send_progress_in_http_headers: 1,
        http_headers_progress_interval_ms: '60000',
      },
    });
    const pretty = String(result.response_headers['x-clickhouse-format'] ?? '').startsWith('Pretty');
    const decoder = new StringDecoder();
    for await (const chunk of result.stream) {
      await print(pretty ? harmlessLines(decoder.write(chunk as Buffer)) : (chunk as Buffer));
    }
  } catch (error) {
    // A name that the query gets wrong is no sign of an old schema; a missing database is.
    const number = errorNumber(error);
    if (number === null || number === clickhouseErrors.UNKNOWN_DATABASE) throw readError(store, error);
    throw new AfterlogError('CLICKHOUSE_REFUSED', `ClickHouse refused: ${describeRefusal(error)}`, error);
  } finally {
    await store.client.close();
  }
}

// An escape sequence cut in two by a chunk's end loses its ESC all the same, and with it its power.
const harmlessLines = (part: string): string =>
  part
    .split('\n')
    .map((line) => harmless(line))
    .join('\n');
