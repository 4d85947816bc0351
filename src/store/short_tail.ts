import { limits } from '../config/limits.ts';
import { AfterlogError } from '../errors.ts';
import { type Store, selectBytes } from './read.ts';
import { KEY_DOWN, type LastRow, type LogId, paramsOf, rowsOf } from './read_log.ts';
import { parseGap } from './record.ts';

/** The last lines of a log, as one query finds them. */
export interface ShortTail {
  /** The file's bytes. */
  bytes: Buffer;
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
      // Bare columns, the condition before all others are read, and no second step that fetches them: each of these
      // is a fifth of what such a query takes, which is mostly its planning.
      `SELECT record, stream_started_at, position, host, observed_at, prefix, message, ending
       FROM ${store.database}.console_logs PREWHERE ${rowsOf(id)} ORDER BY ${KEY_DOWN} LIMIT ${most} FORMAT RowBinary`,
      paramsOf(id),
      {
        max_threads: 1,
        query_plan_optimize_lazy_materialization: false,
        max_result_bytes: String(limits.read_bytes_max),
        result_overflow_mode: 'throw',
      },
    );
  } catch (error) {
    // Too much for one answer, mostly; whatever it is, the other way meets it too.
    if (error instanceof AfterlogError && error.code === 'CLICKHOUSE_REFUSED') return null;
    throw error;
  }
  const rows = new TailRows(answer);
  const shown = rows.all.filter((row, index) => index === 0 || !isSame(row, rows.all[index - 1]!));
  const last = shown[0] === undefined ? null : rows.lastRow(shown[0]);
  const whole = rows.all.length < most;
  const of_lines = shown.filter(({ record }) => record === 'line');
  const first = of_lines[0];
  if (first === undefined) return whole ? { bytes: Buffer.alloc(0), last, until: null } : null;
  const until = { stream: String(first.stream), position: String(first.position), record: 'line' } as const;
  if (lines === 0) return { bytes: Buffer.alloc(0), last, until };
  // A long line that goes on at the end is counted before its end comes.
  let left = first.ends ? lines + 1 : lines;
  const before = of_lines.findIndex(({ ends }) => ends && --left === 0);
  if (before < 0 && !whole) return null;
  return { bytes: rows.bytesOf(before < 0 ? of_lines : of_lines.slice(0, before)), last, until };
}

interface TailRow {
  record: string;
  stream: bigint;
  position: bigint;
  /** Whether it ends its line. */
  ends: boolean;
  /** Of prefix, message and ending together. */
  length: number;
  /** Where its host, and these three, stand in the answer. */
  host_at: number;
  texts_at: number;
}

const isSame = (a: TailRow, b: TailRow): boolean =>
  a.position === b.position && a.record === b.record && a.stream === b.stream;

/** Rows in ClickHouse's RowBinary, the last first. Most of their texts are only copied. */
class TailRows {
  readonly all: TailRow[] = [];
  private readonly answer: Buffer;
  private at = 0;

  constructor(answer: Buffer) {
    this.answer = answer;
    while (this.at < answer.length) this.all.push(this.next());
  }

  lastRow({ record, stream, position, length, host_at, texts_at }: TailRow): LastRow {
    this.at = host_at;
    const host = this.text();
    const observed_ms = Number(this.answer.readBigInt64LE(this.at) / 1_000_000n);
    this.at = texts_at;
    this.skipText();
    const message = record === 'line' ? '' : this.text();
    const bytes = record === 'line' ? length : record === 'gap' ? (parseGap(message).bytes ?? 0) : 0;
    const end = String(position + BigInt(bytes));
    return { record, stream: String(stream), position: String(position), message, host, observed_ms, end };
  }

  /** What these rows hold, the last row's first. */
  bytesOf(rows: TailRow[]): Buffer {
    const bytes = Buffer.allocUnsafe(rows.reduce((sum, { length }) => sum + length, 0));
    let end = bytes.length;
    for (const { length, texts_at } of rows) {
      end -= length;
      this.at = texts_at;
      for (let to = end, texts = 0; texts < 3; texts++) {
        const size = this.skipText();
        to += this.answer.copy(bytes, to, this.at - size, this.at);
      }
    }
    return bytes;
  }

  private next(): TailRow {
    const record = this.text();
    const stream = this.answer.readBigInt64LE(this.at);
    const position = this.answer.readBigUInt64LE(this.at + 8);
    this.at += 16;
    const host_at = this.at;
    this.skipText();
    this.at += 8;
    const texts_at = this.at;
    const text = this.skipText() + this.skipText();
    const ending = this.skipText();
    const ends = ending > 0 || text < limits.line_bytes_max;
    return { record, stream, position, ends, length: text + ending, host_at, texts_at };
  }

  private text(): string {
    const length = this.skipText();
    return this.answer.toString('utf8', this.at - length, this.at);
  }

  /** @returns how many bytes it has */
  private skipText(): number {
    let length = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = this.answer[this.at++]!;
      length += (byte & 127) * shift;
      if (byte < 128) break;
    }
    this.at += length;
    return length;
  }
}
