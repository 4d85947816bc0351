import { limits } from '../config/limits.ts';
import { AfterlogError } from '../errors.ts';
import { type Store, selectBytes } from './read.ts';
import { KEY_DOWN, type LastRow, LINE_END, type LogId, paramsOf, rowsOf, STREAM } from './read_log.ts';
import { parseGap } from './record.ts';

/** The last lines of a log, as one query finds them. */
export interface ShortTail {
  /** The file's bytes. */
  pieces: Buffer[];
  /** The last row of the log, of whatever kind; null: it has none. */
  last: LastRow | null;
  /** The place of its last line, null if it has none. */
  until: { stream: string; position: string; record: 'line' } | null;
}

/** Gaps and seals between the lines that are asked for, and rows that stand twice. */
const SPARE_ROWS = 32;

/**
 * The last `lines` lines of a log with all that a snapshot needs to know, in one query; null where that is not
 * enough: very long lines, many gaps, rows that stand twice. What is read then by `findTail` is the same.
 * @throws AfterlogError as selectRows
 */
export async function readShortTail(store: Store, id: LogId, lines: number): Promise<ShortTail | null> {
  const most = lines + SPARE_ROWS;
  if (lines > limits.short_tail_lines) return null;
  let answer: Buffer;
  try {
    answer = await selectBytes(
      store,
      `SELECT record, ${STREAM}, position, toUInt8(${LINE_END}), host, toUnixTimestamp64Milli(observed_at),
         concat(prefix, message, ending)
       FROM ${store.database}.console_logs WHERE ${rowsOf(id)} ORDER BY ${KEY_DOWN} LIMIT ${most} FORMAT RowBinary`,
      paramsOf(id),
      { max_threads: 1, max_result_bytes: String(limits.read_bytes_max), result_overflow_mode: 'throw' },
    );
  } catch (error) {
    // Too much for one answer, mostly; whatever it is, the other way meets it too.
    if (error instanceof AfterlogError && error.code === 'CLICKHOUSE_REFUSED') return null;
    throw error;
  }
  const rows = readRows(answer);
  const whole = rows.length < most;
  const shown = rows.filter((row, index) => index === 0 || !isSame(row, rows[index - 1]!));
  const last = shown[0] === undefined ? null : lastRowOf(shown[0]);
  const of_lines = shown.filter(({ record }) => record === 'line');
  const first = of_lines[0];
  if (first === undefined) return whole ? { pieces: [], last, until: null } : null;
  const until = { stream: String(first.stream), position: String(first.position), record: 'line' } as const;
  const pieces: Buffer[] = [];
  // A long line that goes on at the end is counted before its end comes.
  let left = first.ends ? lines + 1 : lines;
  for (const row of of_lines) {
    if (lines === 0) return { pieces, last, until };
    if (row.ends && --left === 0) return { pieces: pieces.reverse(), last, until };
    pieces.push(row.bytes);
  }
  return whole ? { pieces: pieces.reverse(), last, until } : null;
}

interface TailRow {
  record: string;
  stream: bigint;
  position: bigint;
  /** Whether it ends its line. */
  ends: boolean;
  host: string;
  observed_ms: number;
  bytes: Buffer;
}

const isSame = (a: TailRow, b: TailRow): boolean =>
  a.position === b.position && a.record === b.record && a.stream === b.stream;

function lastRowOf({ record, stream, position, host, observed_ms, bytes }: TailRow): LastRow {
  const message = record === 'line' ? '' : bytes.toString();
  const length = record === 'line' ? bytes.length : record === 'gap' ? (parseGap(message).bytes ?? 0) : 0;
  const end = String(position + BigInt(length));
  return { record, stream: String(stream), position: String(position), message, host, observed_ms, end };
}

/** Rows in ClickHouse's RowBinary. */
function readRows(bytes: Buffer): TailRow[] {
  let at = 0;
  const text = (): Buffer => {
    let length = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[at++]!;
      length += (byte & 127) * shift;
      if (byte < 128) break;
    }
    at += length;
    return bytes.subarray(at - length, at);
  };
  const rows: TailRow[] = [];
  while (at < bytes.length) {
    const record = text().toString('latin1');
    const stream = bytes.readBigInt64LE(at);
    const position = bytes.readBigUInt64LE(at + 8);
    const ends = bytes[at + 16] === 1;
    at += 17;
    const host = text().toString();
    const observed_ms = Number(bytes.readBigInt64LE(at));
    at += 8;
    rows.push({ record, stream, position, ends, host, observed_ms, bytes: text() });
  }
  return rows;
}
