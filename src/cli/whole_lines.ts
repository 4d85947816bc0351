import { limits } from '../base/limits.ts';
import { goesOn, type LogRow } from '../store/read/read_log.ts';

/** A physical line, or a gap or seal row as it is. */
export interface WholeLine extends LogRow {
  /** The line began in the one before. */
  went_on: boolean;
  /** There is more of the line: it is longer than `limits.read.joined_bytes_max`, or the rest is not there (yet). */
  goes_on: boolean;
}

/** Puts lines that are too long for one row together again. */
export class LineJoiner {
  /** Rows of one line, in order. */
  private parts: LogRow[] = [];
  private went_on = false;
  /** The row before, if its line goes on after it. */
  private before: LogRow | null = null;

  take(rows: LogRow[]): WholeLine[] {
    const lines: WholeLine[] = [];
    for (const row of rows) {
      const isRest = this.before !== null && follows(this.before, row);
      // Another line can come instead: the rest is lost in a gap, or a filter does not want it.
      if (!isRest) lines.push(...this.flush());
      if (this.parts.length === 0) this.went_on = isRest;
      this.parts.push(row);
      this.before = goesOn(row) ? row : null;
      const isFull = this.parts.length * limits.parse.line_bytes_max >= limits.read.joined_bytes_max;
      if (this.before === null || isFull) lines.push(...this.flush());
    }
    return lines;
  }

  /** What there is of a line whose end has not come. */
  flush(): WholeLine[] {
    const [first, ...rest] = this.parts;
    if (first === undefined) return [];
    this.parts = [];
    const message = first.message + rest.map((row) => row.prefix + row.message).join('');
    return [{ ...first, message, went_on: this.went_on, goes_on: this.before !== null }];
  }
}

const follows = (before: LogRow, row: LogRow): boolean =>
  row.record === 'line' &&
  row.stream === before.stream &&
  BigInt(row.position) === BigInt(before.position) + BigInt(before.bytes);
