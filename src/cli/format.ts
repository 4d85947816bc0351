import { harmless } from '../base/text.ts';

export interface TableStyle {
  /** Columns with right-aligned cells. */
  right?: string[];
  /** Greatest length of a line in characters; the last cell is cut to fit. */
  width?: number | undefined;
  /** Adds color to a cell; `row` is −1 for the header. */
  paint?: (cell: string, row: number, column: string) => string;
}

/** A table of text, with each column as wide as its widest cell. */
export function table(header: string[], rows: string[][], style: TableStyle = {}): string {
  const { right = [], width = Number.POSITIVE_INFINITY, paint = (cell: string) => cell } = style;
  const all = [header, ...rows.map((row) => row.map((cell) => harmless(cell)))];
  const widths = header.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + 2, 0);
  const room = Math.max(LAST_COLUMN_MIN, width - before);
  const cut = (cell: string): string => (cell.length <= room ? cell : `${cell.slice(0, room - 1)}…`);
  const line = (row: string[], index: number): string =>
    row
      .map((cell, column) => {
        const isLast = column === header.length - 1;
        const blank = ' '.repeat(Math.max(0, widths[column]! - cell.length));
        const shown = paint(isLast ? cut(cell) : cell, index - 1, header[column]!);
        if (right.includes(header[column]!)) return blank + shown;
        return isLast ? shown : shown + blank;
      })
      .join('  ')
      .trimEnd();
  return `${all.map(line).join('\n')}\n`;
}

/** In a very narrow terminal, lines wrap, so that the last column stays readable. */
const LAST_COLUMN_MIN = 20;

/** Milliseconds since 1970 → RFC 3339 in UTC. */
export const isoTime = (at_ms: number): string => new Date(at_ms).toISOString();

/** `2026-11-20T10:00:01.250000000Z` → `2026-11-20 10:00:01.250`. */
export const shortTime = (time: string): string => time.slice(0, 23).replace('T', ' ');

/** `1764000000000000000` (ns since 1970) → RFC 3339 in UTC. */
export function timeOf(stream: string): string {
  const ns = BigInt(stream);
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}
