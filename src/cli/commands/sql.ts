import { text } from 'node:stream/consumers';
import { AfterlogError } from '../../base/errors.ts';
import type { Settings } from '../../config/settings.ts';
import { clickhouseErrors } from '../../store/clickhouse_errors.ts';
import { openStore, readError, type Store, selectRows } from '../../store/query.ts';
import { describeRefusal, errorNumber } from '../../store/refusal.ts';
import { printResult } from '../output.ts';
import { beginsReading } from '../sql_words.ts';

export interface SqlOptions {
  json?: boolean;
  /** Without it, a query may only read. */
  write?: boolean;
}

/**
 * `afterlog sql QUERY`: runs the query in the configured database, as the configured user. It prints a table,
 * unless the query has a FORMAT clause. Then a pipe gets the output unchanged, except for escapes in JSON.
 * @throws AfterlogError SQL_READ_ONLY, CLICKHOUSE_REFUSED, CLICKHOUSE_UNREACHABLE
 */
export async function sql(settings: Settings, given: string, options: SqlOptions): Promise<void> {
  const store = openStore(settings);
  let readonly: { readonly?: '1' } = {};
  try {
    const query = given === '-' ? await text(process.stdin) : given;
    if (!options.write) {
      if (!beginsReading(query)) throw readOnly('it does not begin as a query that reads');
      readonly = await readonlySetting(store);
    }
    const result = await store.client.exec({
      query,
      // The default for a query without a FORMAT clause.
      http_headers: { 'X-ClickHouse-Format': options.json ? 'JSONEachRow' : 'PrettyCompactMonoBlock' },
      clickhouse_settings: {
        ...readonly,
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
    if (number === clickhouseErrors.READONLY && readonly.readonly !== undefined) {
      throw readOnly(describeRefusal(error), error);
    }
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

/**
 * ClickHouse refuses then what changes anything, and what reads or writes outside of its tables. It also
 * refuses settings in the text of the query, so that the text cannot undo this.
 */
async function readonlySetting(store: Store): Promise<{ readonly?: '1' }> {
  const [row] = await selectRows<{ level: number }>(store, "SELECT getSetting('readonly') AS level", {});
  // A user whose profile is read-only may not change that, not even to a stricter value.
  return Number(row!.level) === 0 ? { readonly: '1' } : {};
}

const readOnly = (why: string, cause?: unknown): AfterlogError =>
  new AfterlogError(
    'SQL_READ_ONLY',
    `The query was not run, because \`afterlog sql\` only reads: ${why}.`,
    cause,
  );
