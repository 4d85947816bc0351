import type { ClickHouseClient, ClickHouseSettings } from '@clickhouse/client';
import { AfterlogError, type ErrorCode, reasonOf } from '../base/errors.ts';
import type { Trouble } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import type { Settings } from '../config/settings.ts';
import { connect, resolveClickHouse, urlPartsOf } from './client.ts';
import { foreignFault } from './foreign_answer.ts';
import { describeRefusal, errorNumber, isSchemaFault, loggableRefusal } from './refusal.ts';

/** A ClickHouse database to read from; `url` is for messages. */
export interface Store {
  client: ClickHouseClient;
  database: string;
  url: string;
  /** Set by a server, which many ask: logs when ClickHouse stops and starts answering. */
  trouble?: Trouble;
}

export type Params = Record<string, unknown>;

/** @throws AfterlogError SETTING_INVALID the address is not a URL */
export function openStore(settings: Settings): Store {
  return {
    url: urlPartsOf(resolveClickHouse(settings).url).shown,
    client: connect(settings),
    database: settings.clickhouse.database,
  };
}

/** Settings of each query: it is bounded, and ends when its reader disconnects. */
export const readerSettings = () => ({
  max_execution_time: limits.read.query_ms_max / 1000,
  cancel_http_readonly_queries_on_client_close: 1 as const,
  // UInt64 as text, because a JSON number above 2^53 would be rounded.
  output_format_json_quote_64bit_integers: 1 as const,
});

/**
 * The rows of a query as objects; 64-bit numbers are text. Values from outside are passed only as
 * `query_params`.
 * @throws AfterlogError CLICKHOUSE_UNREACHABLE, SCHEMA_BEHIND, CLICKHOUSE_REFUSED
 */
export async function selectRows<Row>(
  store: Store,
  query: string,
  query_params: Params,
  settings: ClickHouseSettings = {},
): Promise<Row[]> {
  return asked(store, async () => {
    const result = await store.client.query({
      query,
      query_params,
      format: 'JSONEachRow',
      clickhouse_settings: { ...readerSettings(), ...settings },
    });
    return await result.json<Row>();
  });
}

/**
 * The whole body of a query that names a binary format. An answer that ClickHouse breaks off with an error
 * ends without its last chunk; the client throws then, so a part is never mistaken for the whole.
 * @throws AfterlogError as selectRows
 */
export async function selectBytes(
  store: Store,
  query: string,
  query_params: Params,
  settings: ClickHouseSettings = {},
): Promise<Buffer> {
  return asked(store, async () => {
    const result = await store.client.exec({
      query,
      query_params,
      clickhouse_settings: { ...readerSettings(), ...settings },
    });
    const chunks: Buffer[] = [];
    for await (const chunk of result.stream) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  });
}

async function asked<T>(store: Store, ask: () => Promise<T>): Promise<T> {
  try {
    const answer = await ask();
    store.trouble?.ends();
    return answer;
  } catch (thrown) {
    const error = readError(store, thrown);
    if (isLasting(error)) store.trouble?.begins(error);
    throw error;
  }
}

const lasting = new Set<ErrorCode>([
  ...(['CLICKHOUSE_UNREACHABLE', 'NOT_CLICKHOUSE', 'CLICKHOUSE_TLS', 'SCHEMA_BEHIND'] as const),
]);

/** True for an error that every query meets until its cause is repaired. */
export const isLasting = ({ code }: AfterlogError): boolean => lasting.has(code);

/** The error of a refused query for our log: without text of rows, which ClickHouse may quote. */
export const loggable = (error: AfterlogError): AfterlogError =>
  error.cause === undefined
    ? error
    : new AfterlogError(error.code, `A reader’s query was refused: ${loggableRefusal(error.cause)}`);

/** A thrown value of the ClickHouse client as one of our errors. */
export function readError(store: Store, error: unknown): AfterlogError {
  if (error instanceof AfterlogError) return error;
  const foreign = foreignFault(error);
  if (foreign !== null) return foreign;
  const number = errorNumber(error);
  if (number === null) {
    const text = `ClickHouse at ${store.url} does not answer: ${reasonOf(error)}`;
    return new AfterlogError('CLICKHOUSE_UNREACHABLE', `${text}.`, error);
  }
  if (isSchemaFault(error)) {
    const text = `Database '${store.database}' at ${store.url} has no usable schema: ${loggableRefusal(error)}`;
    return new AfterlogError('SCHEMA_BEHIND', text, error);
  }
  return new AfterlogError('CLICKHOUSE_REFUSED', `ClickHouse refused: ${describeRefusal(error)}`, error);
}

/** For `.catch()`. */
export const explaining =
  (store: Store) =>
  (error: unknown): never => {
    throw readError(store, error);
  };
