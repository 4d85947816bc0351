import type { Block, ColumnValue } from './decode.ts';

/** Consecutive rows of one stream in a batch: where they start, and the number of the log's bytes in them. */
export interface Run {
  sandbox_id: string;
  log: string;
  /** Nanoseconds since 1970. */
  stream_started_at: bigint;
  position: bigint;
  bytes: number;
  /** Of its first row, in ns since 1970; null if the batch has no such column, or one of another type. */
  timestamp: bigint | null;
  observed_at: bigint | null;
}

/** @throws TypeError if a column of the key is missing or of another type */
export function runsOf({ rows, columns }: Block): Run[] {
  const at = (name: string, row: number): ColumnValue | undefined => columns.get(name)?.values[row];
  const moment = (name: string, row: number): bigint | null => {
    const value = at(name, row);
    return typeof value === 'bigint' ? value : null;
  };
  const length = (name: string, row: number): number => bufferOf(at(name, row) ?? Buffer.alloc(0)).length;
  const runs: Run[] = [];
  for (let row = 0; row < rows; row++) {
    const sandbox_id = bufferOf(at('sandbox_id', row)).toString();
    const log = bufferOf(at('log', row)).toString();
    const stream_started_at = bigintOf(at('stream_started_at', row));
    const record = bufferOf(at('record', row)).toString();
    const text = (): number => length('prefix', row) + length('message', row) + length('ending', row);
    const bytes = record === 'line' ? text() : record === 'nuls' ? nulsOf(bufferOf(at('message', row))) : 0;
    const run = runs.at(-1);
    if (run?.sandbox_id === sandbox_id && run.log === log && run.stream_started_at === stream_started_at) {
      run.bytes += bytes;
    } else {
      const position = bigintOf(at('position', row));
      const times = { timestamp: moment('timestamp', row), observed_at: moment('observed_at', row) };
      runs.push({ sandbox_id, log, stream_started_at, position, bytes, ...times });
    }
  }
  return runs;
}

/** @throws SyntaxError for what is no JSON */
const nulsOf = (message: Buffer): number =>
  Number((JSON.parse(message.toString()) as { bytes: unknown }).bytes);

function bufferOf(value: ColumnValue | undefined): Buffer {
  if (Buffer.isBuffer(value)) return value;
  throw new TypeError('not a String');
}

function bigintOf(value: ColumnValue | undefined): bigint {
  if (typeof value === 'bigint') return value;
  throw new TypeError('not a 64-bit number');
}
