import { ClickHouseError } from '@clickhouse/client';
import { reasonOf } from '../base/errors.ts';
import { clickhouseErrors } from './clickhouse_errors.ts';

/**
 * The cause of a failed INSERT, as far as its error shows:
 * - `data`: this body can never be inserted by anybody; another body can
 * - `suspect`: usually a problem of the server, but a block with absurd counts causes it too
 * - `server`: rights, schema, limits, a view that throws, a bug: wait until it is repaired
 * - `unreachable`: no answer
 */
export type Fault = 'data' | 'suspect' | 'server' | 'unreachable';

/** Each of these was caused by inserting a damaged block, or is the same check on another column type. */
const dataFaults = new Set<number>([
  // The block is cut, or bytes follow it.
  clickhouseErrors.UNEXPECTED_END_OF_FILE,
  clickhouseErrors.ATTEMPT_TO_READ_AFTER_EOF,
  clickhouseErrors.CANNOT_READ_ALL_DATA,
  // Columns of unequal length, or not in the table; an index beyond its dictionary.
  clickhouseErrors.SIZES_OF_COLUMNS_DOESNT_MATCH,
  clickhouseErrors.NOT_FOUND_COLUMN_IN_BLOCK,
  clickhouseErrors.INCORRECT_DATA,
  // A type name that does not exist. Our INSERT is constant, so a syntax error is one in a type name too.
  clickhouseErrors.UNKNOWN_TYPE,
  clickhouseErrors.SYNTAX_ERROR,
  // A column that does not convert to the table's type.
  clickhouseErrors.CANNOT_PARSE_TEXT,
  clickhouseErrors.CANNOT_PARSE_QUOTED_STRING,
  clickhouseErrors.CANNOT_PARSE_INPUT_ASSERTION_FAILED,
  clickhouseErrors.CANNOT_PARSE_DATE,
  clickhouseErrors.CANNOT_PARSE_DATETIME,
  clickhouseErrors.CANNOT_PARSE_NUMBER,
  clickhouseErrors.ILLEGAL_TYPE_OF_ARGUMENT,
  clickhouseErrors.TYPE_MISMATCH,
  clickhouseErrors.ARGUMENT_OUT_OF_BOUND,
  clickhouseErrors.CANNOT_CONVERT_TYPE,
  clickhouseErrors.VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE,
  clickhouseErrors.CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN,
  // An impossible length.
  clickhouseErrors.TOO_LARGE_ARRAY_SIZE,
  clickhouseErrors.TOO_LARGE_STRING_SIZE,
  // A whole zstd frame whose content is not zstd's.
  clickhouseErrors.CORRUPTED_DATA,
  clickhouseErrors.CANNOT_DECOMPRESS,
  clickhouseErrors.ZSTD_DECODER_FAILED,
  // A constraint that somebody put on the table.
  clickhouseErrors.VIOLATED_CONSTRAINT,
]);

const suspects = new Set<number>([
  clickhouseErrors.MEMORY_LIMIT_EXCEEDED,
  clickhouseErrors.CANNOT_ALLOCATE_MEMORY,
  clickhouseErrors.LOGICAL_ERROR,
]);

/** The number of a ClickHouse error, or null for anything else (no answer, a proxy's page). */
export function errorNumber(error: unknown): number | null {
  return error instanceof ClickHouseError ? Number(error.code) : null;
}

/** The answers of a database with an older schema, or without one: a migration helps. */
const schemaFaults = new Set<number>([
  clickhouseErrors.UNKNOWN_IDENTIFIER,
  clickhouseErrors.UNKNOWN_TABLE,
  clickhouseErrors.UNKNOWN_DATABASE,
]);

export const isSchemaFault = (error: unknown): boolean => schemaFaults.has(errorNumber(error) ?? 0);

export function faultOf(error: unknown): Fault {
  const number = errorNumber(error);
  if (number === null) return 'unreachable';
  // TOO_MANY_PARTS means back pressure, except where the reason is that one INSERT spans several days.
  const spansDays = number === clickhouseErrors.TOO_MANY_PARTS && /single INSERT block/.test(reasonOf(error));
  if (spansDays || dataFaults.has(number)) return 'data';
  return suspects.has(number) ? 'suspect' : 'server';
}

/**
 * The reason of a refusal for our log. ClickHouse quotes rows and values in its reasons, so everything from
 * the first quote on is left out; of an error about the data only its name stays.
 */
export function loggableRefusal(error: unknown): string {
  const reason = describeRefusal(error);
  if (errorNumber(error) === null) return reason;
  // An opening quote, not the apostrophe of "it's".
  return faultOf(error) === 'data' ? loggableReason(reason) : reason.replace(/(?<!\w)['"`‘“].*$/s, '…');
}

/**
 * The reason of a refused batch as our log may hold it: ClickHouse's error name, or our own text up to the
 * first quote.
 */
export const loggableReason = (reason: string): string =>
  /^code \d+ \w+/.exec(reason)?.[0] ?? reason.replace(/".*$/s, '…').replace(/\.$/, '');

/** `code 117 INCORRECT_DATA: Unknown column …`, at most 300 characters. */
export function describeRefusal(error: unknown): string {
  if (!(error instanceof ClickHouseError)) return reasonOf(error).slice(0, 300);
  return `code ${error.code} ${error.type}: ${reasonOf(error)}`
    .replace(/\s+/g, ' ')
    .replace(/(: While executing \w+)?\. $/, '')
    .slice(0, 300);
}
