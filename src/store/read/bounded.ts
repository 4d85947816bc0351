import type { ClickHouseSettings } from '@clickhouse/client';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { clickhouseErrors } from '../clickhouse_errors.ts';
import { type Params, type Store, selectRows } from '../query.ts';
import { errorNumber } from '../refusal.ts';

/** The answers of ClickHouse to a query that reaches a bound. */
const bounds = new Set<number>([
  clickhouseErrors.TOO_MANY_ROWS,
  clickhouseErrors.TIMEOUT_EXCEEDED,
  clickhouseErrors.TOO_SLOW,
  clickhouseErrors.MEMORY_LIMIT_EXCEEDED,
  clickhouseErrors.TOO_MANY_BYTES,
  clickhouseErrors.TOO_MANY_ROWS_OR_BYTES,
]);

/**
 * Like selectRows, for queries whose cost depends on the request: bounded in time, memory and size of the
 * answer.
 * @throws AfterlogError QUERY_TOO_BROAD at a bound, and as selectRows
 */
export async function askBounded<Row>(
  store: Store,
  query: string,
  params: Params,
  time_ms: number = limits.question.ms_max,
): Promise<Row[]> {
  const settings: ClickHouseSettings = {
    max_execution_time: Math.max(time_ms, 1) / 1_000,
    timeout_overflow_mode: 'throw',
    max_memory_usage: String(limits.question.memory_bytes_max),
    max_result_bytes: String(limits.question.answer_bytes_max),
    result_overflow_mode: 'throw',
    max_threads: limits.question.threads,
  };
  try {
    return await selectRows<Row>(store, query, params, settings);
  } catch (error) {
    if (!(error instanceof AfterlogError) || !bounds.has(errorNumber(error.cause) ?? 0)) throw error;
    const what = `This would take more than ${time_ms / 1_000} s, or more memory than one query may use.`;
    throw new AfterlogError('QUERY_TOO_BROAD', what, error.cause);
  }
}
