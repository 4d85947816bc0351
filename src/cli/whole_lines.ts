import { limits } from '../base/limits.ts';
import { goesOn, type LogRow } from '../store/read/read_log.ts';

/** A physical line, or an unchanged gap or seal row. */
export interface WholeLine extends LogRow {
  /** The line continues the one before. */
  went_on: boolean;
  /** The line is incomplete: longer than `limits.read.joined_bytes_max`, or its rest is missing (yet). */
  goes_on: boolean;
}

/** Joins the rows of a line that is too long for one row. */
export class LineJoiner {
  /** Rows of one line, in order. */
  private parts: LogRow[] = [];
  private went_on = false;
  /** The row before, if its line continues after it. */
  private before: LogRow | null = null;

  take(rows: LogRow[]): WholeLine[] {
    const lines: WholeLine[] = [];
    for (const row of rows) {
      const isRest = this.before !== null && follows(this.before, row);
      // Another line may follow: the rest is lost in a gap, or a filter excludes it.
      if (!isRest) lines.push(...this.flush());
      if (this.parts.length === 0) this.went_on = isRest;
      this.parts.push(row);
      this.before = goesOn(row) ? row : null;
      const isFull = this.parts.length * limits.parse.line_bytes_max >= limits.read.joined_bytes_max;
      if (this.before === null || isFull) lines.push(...this.flush());
    }
    return lines;
  }

  /** Returns the rows of a line whose end is missing. */
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
