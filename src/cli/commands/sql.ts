import { text } from 'node:stream/consumers';
import { AfterlogError } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import { clickhouseErrors } from '../../store/clickhouse_errors.ts';
import { openStore, readError } from '../../store/query.ts';
import { describeRefusal, errorNumber } from '../../store/refusal.ts';
import { printResult } from '../output.ts';

/**
 * `afterlog sql QUERY`: runs the query in the configured database, as the configured user. It prints a table,
 * unless the query has a FORMAT clause. Then a pipe gets the output unchanged, except for escapes in JSON.
 */
export async function sql(settings: Settings, query: string, options: { json?: boolean }): Promise<void> {
  const store = openStore(settings);
  try {
    const result = await store.client.exec({
      query: query === '-' ? await text(process.stdin) : query,
      // The default for a query without a FORMAT clause.
      http_headers: { 'X-ClickHouse-Format': options.json ? 'JSONEachRow' : 'PrettyCompactMonoBlock' },
      clickhouse_settings: {
        database: store.database,
        output_format_json_quote_64bit_integers: 0,
        // Progress headers keep the connection of a long query from an idle timeout.
        send_progress_in_http_headers: 1,
        http_headers_progress_interval_ms: '60000',
      },
    });
    await printResult(result.stream, String(result.response_headers['x-clickhouse-format'] ?? ''));
  } catch (error) {
    // An unknown name in the query does not mean that the schema is old; a missing database does.
    const number = errorNumber(error);
    if (number === null || number === clickhouseErrors.UNKNOWN_DATABASE) throw readError(store, error);
    throw new AfterlogError(
      'CLICKHOUSE_REFUSED',
      `ClickHouse refused the query: ${describeRefusal(error)}`,
      error,
    );
  } finally {
    await store.client.close();
  }
}
