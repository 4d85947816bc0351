import { limits } from '../../base/limits.ts';
import { goesOn, type LogPlace, type LogRow } from './read_log.ts';

/** A physical line, or an unchanged gap or seal row. */
export interface ShownLine extends LogRow {
  /** The line continues the one before. */
  went_on: boolean;
  /** The line is incomplete: longer than `limits.read.joined_bytes_max`, or its rest is missing (yet). */
  goes_on: boolean;
}

export interface WholeLine extends ShownLine {
  /** The place of its last row. */
  until: LogPlace;
}

/** Joins the rows of a line that has several: it is long, or came in pieces. */
export class LineJoiner {
  /** Rows of one line, in order. */
  private parts: LogRow[] = [];
  private bytes = 0;
  private went_on = false;
  /** The row before, if its line continues after it. */
  private before: LogRow | null = null;

  take(rows: LogRow[]): WholeLine[] {
    const lines: WholeLine[] = [];
    for (const row of rows) {
      const isRest = this.before !== null && follows(this.before, row);
      // Another line may follow: the rest is lost in a gap, or a filter excludes it.
      if (!isRest) lines.push(...this.end(row));
      if (this.parts.length === 0) this.went_on = isRest;
      this.parts.push(row);
      this.bytes += row.bytes;
      this.before = goesOn(row) ? row : null;
      const isFull = this.bytes >= limits.read.joined_bytes_max;
      if (this.before === null || isFull) lines.push(...this.flush());
    }
    return lines;
  }

  /** Returns the rows of a line whose end is missing, before another row. */
  private end(next: LogRow): WholeLine[] {
    // A stream may end without a line end.
    if (next.record === 'seal' || (this.before !== null && next.stream !== this.before.stream))
      this.before = null;
    return this.flush();
  }

  /** Returns the rows of a line whose end is missing. */
  flush(): WholeLine[] {
    const [first, ...rest] = this.parts;
    if (first === undefined) return [];
    const all = this.parts;
    this.parts = [];
    this.bytes = 0;
    return [{ ...joined(first, rest, all.at(-1)!), went_on: this.went_on, goes_on: this.before !== null }];
  }
}

/** The last row of a line has the source and severity of the whole line; its event may be on any row. */
function joined(first: LogRow, rest: LogRow[], last: LogRow): Omit<WholeLine, 'went_on' | 'goes_on'> {
  const until = { stream: last.stream, position: last.position, record: last.record };
  if (rest.length === 0) return { ...first, until };
  const message = first.message + rest.map((row) => row.prefix + row.message).join('');
  const bytes = rest.reduce((sum, row) => sum + row.bytes, first.bytes);
  const { source, severity, ending } = last;
  const mark = [...rest].reverse().find(({ event }) => event !== '') ?? first;
  const { title } = [...rest].reverse().find((row) => row.title !== '') ?? first;
  return { ...first, message, bytes, source, severity, ending, event: mark.event, title, until };
}

export const follows = (before: LogRow, row: LogRow): boolean =>
  row.record === 'line' &&
  row.stream === before.stream &&
  BigInt(row.position) === BigInt(before.position) + BigInt(before.bytes);
