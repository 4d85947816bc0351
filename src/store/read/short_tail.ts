import type { ClickHouseSettings } from '@clickhouse/client';
import { AfterlogError } from '../../base/errors.ts';
import { limits } from '../../base/limits.ts';
import { type Params, type Store, selectBytes } from '../query.ts';
import { parseGap } from '../record.ts';
import { KEY_DOWN, type LastRow, type LogId, logCondition, logParams } from './read_log.ts';

/** The last lines of a log, read by one query. */
export interface ShortTail {
  /** The file's bytes. */
  bytes: Buffer;
  /** The last row of the log, of any kind; null if it has none. */
  last: LastRow | null;
  /** The place of its last line; null if it has none. */
  until: { stream: string; position: string; record: 'line' } | null;
}

const NEWLINE = 10;
/** Room for gaps and seals between the lines, and for repeated rows. */
const SPARE_ROWS = 32;

/**
 * The last `lines` lines of a log with everything else that a snapshot needs, in one query. Null if one query
 * is not enough: very long lines, many gaps, repeated rows. `findTail` and `readBytes` then read the same.
 * @throws AfterlogError as selectRows
 */
export async function readShortTail(store: Store, id: LogId, lines: number): Promise<ShortTail | null> {
  if (lines > limits.read.short_tail_lines) return null;
  const most = lines + SPARE_ROWS;
  const rows = await readTailRows(
    store,
    `${logCondition(id)} ORDER BY ${KEY_DOWN} LIMIT ${most}`,
    logParams(id),
  );
  return rows === null ? null : rows.tailOf(rows.all, lines);
}

/**
 * The same for the same log of several sandboxes, by sandbox. Null if that is too much for one query: it
 * reads these logs whole, so it is cheaper only for logs that are not long.
 * @param id of any of these logs
 * @throws AfterlogError as selectRows
 */
export async function readShortTails(
  store: Store,
  id: LogId,
  sandboxes: string[],
  lines: number,
): Promise<Map<string, ShortTail | null> | null> {
  const most = lines + SPARE_ROWS;
  const { sandbox_id: _, ...params } = logParams(id);
  const rows = await readTailRows(
    store,
    `sandbox_id IN {sandboxes: Array(String)} AND log = {log: String}
     ${id.workspace === null ? '' : 'AND workspace = {workspace: String}'}
     ORDER BY ${KEY_DOWN} LIMIT ${most} BY sandbox_id`,
    { ...params, sandboxes },
    { max_bytes_to_read: String(sandboxes.length * limits.read.shared_tail_bytes) },
  );
  if (rows === null) return null;
  const of = Map.groupBy(rows.all, ({ sandbox_id }) => sandbox_id);
  return new Map(sandboxes.map((sandbox) => [sandbox, rows.tailOf(of.get(sandbox) ?? [], lines)]));
}

/** Null: ClickHouse refuses the query. */
async function readTailRows(
  store: Store,
  condition: string,
  params: Params,
  settings: ClickHouseSettings = {},
): Promise<TailRows | null> {
  try {
    const answer = await selectBytes(
      store,
      // Bare columns, a condition that is evaluated before other columns are read, and no second step that
      // fetches them: together these save a third of such a query, which is mostly planning.
      `SELECT sandbox_id, record, stream_started_at, position, host, observed_at, prefix, message, ending
       FROM ${store.database}.console_logs PREWHERE ${condition} FORMAT RowBinary`,
      params,
      {
        max_threads: 1,
        query_plan_optimize_lazy_materialization: false,
        max_result_bytes: String(limits.read.bytes_max),
        result_overflow_mode: 'throw',
        ...settings,
      },
    );
    return new TailRows(answer);
  } catch (error) {
    // Usually too much for one answer; any other refusal also stops the other way of reading.
    if (error instanceof AfterlogError && error.code === 'CLICKHOUSE_REFUSED') return null;
    throw error;
  }
}

interface TailRow {
  sandbox_id: string;
  record: string;
  stream: bigint;
  position: bigint;
  /** Whether it ends its line. */
  ends: boolean;
  /** The length of prefix, message and ending together. */
  length: number;
  /** The offsets of its host, and of these three texts, in the answer. */
  host_at: number;
  texts_at: number;
}

const isSame = (a: TailRow, b: TailRow): boolean =>
  a.position === b.position && a.record === b.record && a.stream === b.stream;

/** Rows in ClickHouse's RowBinary, the last first. Most of their texts are copied and never decoded. */
class TailRows {
  readonly all: TailRow[] = [];
  private readonly answer: Buffer;
  private at = 0;

  constructor(answer: Buffer) {
    this.answer = answer;
    while (this.at < answer.length) this.all.push(this.next());
  }

  /** The tail of the rows of one log. */
  tailOf(log: TailRow[], lines: number): ShortTail | null {
    const rows = log.filter((row, index) => index === 0 || !isSame(row, log[index - 1]!));
    const whole = log.length < lines + SPARE_ROWS;
    const last = rows[0] === undefined ? null : this.lastRow(rows[0]);
    const of_lines = rows.filter(({ record }) => record === 'line');
    const first = of_lines[0];
    if (first === undefined) return whole ? { bytes: Buffer.alloc(0), last, until: null } : null;
    const until = { stream: String(first.stream), position: String(first.position), record: 'line' } as const;
    if (lines === 0) return { bytes: Buffer.alloc(0), last, until };
    // An unfinished line at the end of the log counts as a line.
    let left = first.ends ? lines + 1 : lines;
    const before = of_lines.findIndex(({ ends }) => ends && --left === 0);
    if (before < 0 && !whole) return null;
    return { bytes: this.bytesOf(before < 0 ? of_lines : of_lines.slice(0, before)), last, until };
  }

  private lastRow({ record, stream, position, length, host_at, texts_at }: TailRow): LastRow {
    this.at = host_at;
    const host = this.text();
    const observed_ms = Number(this.answer.readBigInt64LE(this.at) / 1_000_000n);
    this.at = texts_at;
    this.skipText();
    const message = record === 'line' ? '' : this.text();
    const isCounted = record === 'gap' || record === 'nuls';
    const bytes = record === 'line' ? length : isCounted ? (parseGap(message).bytes ?? 0) : 0;
    const end = String(position + BigInt(bytes));
    return { record, stream: String(stream), position: String(position), message, host, observed_ms, end };
  }

  /** The bytes of these rows, which come the last first. A stream begins on a line of its own. */
  private bytesOf(rows: TailRow[]): Buffer {
    const parts = (index: number): boolean => {
      const [row, next] = [rows[index]!, rows[index - 1]];
      return next !== undefined && next.stream !== row.stream && !row.ends;
    };
    const parted = rows.filter((_, index) => parts(index)).length;
    const bytes = Buffer.allocUnsafe(rows.reduce((sum, { length }) => sum + length, parted));
    let end = bytes.length;
    for (const [index, { length, texts_at }] of rows.entries()) {
      if (parts(index)) bytes[--end] = NEWLINE;
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
    const sandbox_id = this.text();
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
    return {
      sandbox_id,
      record,
      stream,
      position,
      ends: ending > 0,
      length: text + ending,
      host_at,
      texts_at,
    };
  }

  private text(): string {
    const length = this.skipText();
    return this.answer.toString('utf8', this.at - length, this.at);
  }

  /** @returns its length in bytes */
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
