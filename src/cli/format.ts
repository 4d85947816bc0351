/** Text from a guest, made fit for a terminal: nothing in it may move the cursor, set a title or hide text. */

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
const escapes = /\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?|[ -/]*[0-~])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are meant
const controls = /[\x00-\x08\x0a-\x1f\x7f-\x9f]/g;
/** Marks that turn the direction of text round. */
const turns = /[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g;

/** One line: escape sequences are dropped, other control characters shown as their pictures (␀, ␍), tabs kept. */
export function harmless(text: string): string {
  return text.replace(escapes, '').replace(controls, pictureOf).replace(turns, '\u{fffd}');
}

function pictureOf(character: string): string {
  const code = character.charCodeAt(0);
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  return code === 0x7f ? '␡' : '\u{fffd}';
}

/** 1536 → `1.5 KiB`. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];
  let unit = 0;
  let value = bytes;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

export interface TableStyle {
  /** Columns that are set to the right. */
  right?: string[];
  /** A line that is longer than so many columns is cut, which takes from its last column. */
  width?: number | undefined;
  /** Adds colour to a cell of a row; `row` −1 is the header. */
  paint?: (cell: string, row: number, column: string) => string;
}

/** Columns side by side, as wide as their widest cell. */
export function table(header: string[], rows: string[][], style: TableStyle = {}): string {
  const { right = [], width = Number.POSITIVE_INFINITY, paint = (cell: string) => cell } = style;
  const all = [header, ...rows.map((row) => row.map(harmless))];
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

/** Where a terminal is very narrow, lines wrap rather than say nothing. */
const LAST_COLUMN_MIN = 20;

/** `2026-11-20T10:00:01.250000000Z` → `2026-11-20 10:00:01.250`. */
export const shortTime = (time: string): string => time.slice(0, 23).replace('T', ' ');

/** A count of ns since 1970 as RFC 3339, UTC. */
export function timeOf(stream: string): string {
  const ns = BigInt(stream);
  const seconds = new Date(Number(ns / 1_000_000_000n) * 1_000).toISOString().slice(0, 19);
  return `${seconds}.${String(ns % 1_000_000_000n).padStart(9, '0')}Z`;
}
