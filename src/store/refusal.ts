import { ClickHouseError } from '@clickhouse/client';
import { reasonOf } from '../base/errors.ts';

/**
 * Why an INSERT failed, as far as its error says:
 * - `data`: this body can never be inserted, whoever tries; another body can
 * - `suspect`: usually the server's trouble, but a block with absurd counts in it also looks like this
 * - `server`: rights, schema, limits, a throwing view, a bug: wait until it is mended
 * - `unreachable`: no answer
 */
export type Fault = 'data' | 'suspect' | 'server' | 'unreachable';

/** Every code here was met by inserting a damaged block, or is the same check on another column type. */
const dataFaults = new Map<number, string>([
  [3, 'UNEXPECTED_END_OF_FILE: the block ends inside a number'],
  [6, 'CANNOT_PARSE_TEXT: a String column that does not convert to the table’s type'],
  [9, 'SIZES_OF_COLUMNS_DOESNT_MATCH: columns of unequal length'],
  [10, 'NOT_FOUND_COLUMN_IN_BLOCK'],
  [26, 'CANNOT_PARSE_QUOTED_STRING, on conversion'],
  [27, 'CANNOT_PARSE_INPUT_ASSERTION_FAILED, on conversion'],
  [32, 'ATTEMPT_TO_READ_AFTER_EOF: the block is cut'],
  [33, 'CANNOT_READ_ALL_DATA: the block is cut, or bytes follow it'],
  [38, 'CANNOT_PARSE_DATE, on conversion'],
  [41, 'CANNOT_PARSE_DATETIME, on conversion'],
  [43, 'ILLEGAL_TYPE_OF_ARGUMENT, on conversion'],
  [50, 'UNKNOWN_TYPE: a type name that does not exist'],
  [53, 'TYPE_MISMATCH: a type that does not convert'],
  [62, 'SYNTAX_ERROR: our INSERT is constant, so it is a type name in the block'],
  [69, 'ARGUMENT_OUT_OF_BOUND, on conversion'],
  [70, 'CANNOT_CONVERT_TYPE'],
  [72, 'CANNOT_PARSE_NUMBER, on conversion'],
  [117, 'INCORRECT_DATA: an unknown column, an index beyond its dictionary'],
  [128, 'TOO_LARGE_ARRAY_SIZE: a length that cannot be'],
  [131, 'TOO_LARGE_STRING_SIZE: a length that cannot be'],
  [246, 'CORRUPTED_DATA'],
  [271, 'CANNOT_DECOMPRESS'],
  [321, 'VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE'],
  [349, 'CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN'],
  [469, 'VIOLATED_CONSTRAINT: a constraint that someone put on the table'],
  [561, 'ZSTD_DECODER_FAILED: the frame is whole but its content is not zstd’s'],
]);

/** MEMORY_LIMIT_EXCEEDED, CANNOT_ALLOCATE_MEMORY, LOGICAL_ERROR. */
const suspects = new Set([241, 173, 49]);

/** The number of a ClickHouse error, or null for anything else (no answer, a proxy's page). */
export function errorNumber(error: unknown): number | null {
  return error instanceof ClickHouseError ? Number(error.code) : null;
}

export function faultOf(error: unknown): Fault {
  const number = errorNumber(error);
  if (number === null) return 'unreachable';
  // TOO_MANY_PARTS is back pressure, except where it says that one INSERT spans several days.
  if (number === 252 && /single INSERT block/.test(reasonOf(error))) return 'data';
  if (dataFaults.has(number)) return 'data';
  return suspects.has(number) ? 'suspect' : 'server';
}

/**
 * The same for our log. ClickHouse quotes rows and values in its reasons, so nothing from the first quote on, and
 * of an error about the data only its name.
 */
export function loggableRefusal(error: unknown): string {
  const told = describeRefusal(error);
  if (errorNumber(error) === null) return told;
  // A quote that opens, not the one of "it's".
  return faultOf(error) === 'data' ? loggableReason(told) : told.replace(/(?<!\w)['"`‘“].*$/s, '…');
}

/** The same for the reason why a batch was refused: ClickHouse's name of it, or our own words up to what a block says. */
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
