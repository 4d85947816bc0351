import { newLine } from '../../src/parse/line/line.ts';
import { lineEnd } from '../../src/parse/line/split.ts';
import { LineParser, type ParserOptions, type ParserState } from '../../src/parse/line_parser.ts';
import { type ParsedRow, parsedRow } from '../../src/parse/parsed_row.ts';

/** A row as `afterlog parse` shows it, and its time with only as many decimals as it needs, without a Z. */
export interface ReadRow extends ParsedRow {
  time: string;
}

const seconds = (text: string): number => Math.floor(Date.parse(text) / 1000);
const nanos = (text: string): number => (Date.parse(text) % 1000) * 1e6;

/** Parses lines that tests write: one log from its start, in order, as the agent does. */
export class Reader {
  readonly parser: LineParser;
  position = 0;
  private readonly line = newLine();

  /** @param options `started`: when the file was created; empty if unknown */
  constructor(options: ParserOptions & { log?: string; started?: string } = {}) {
    const { log = 'console', started = '2026-06-01T15:30:00Z', ...rest } = options;
    this.parser = new LineParser(log, started === '' ? 0 : seconds(started), 0, rest);
  }

  /** @param observed when the bytes were read */
  read(text: string | Buffer, observed = '2026-06-01T16:00:00Z'): ReadRow[] {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    const rows: ReadRow[] = [];
    const { line } = this;
    for (let at = 0, end = lineEnd(bytes, 0, true); end >= 0; at = end, end = lineEnd(bytes, at, true)) {
      this.parser.parse(bytes, at, end, this.position, seconds(observed), nanos(observed), line);
      const row = parsedRow(bytes, this.position, line);
      rows.push({ ...row, time: row.timestamp.replace(/\.?0*Z$/, '') });
      this.position += end - at;
    }
    return rows;
  }
}

/** The state of the parser after it was saved in the spool and loaded again. */
export const restored = (parser: LineParser): ParserState => JSON.parse(JSON.stringify(parser.state()));

export const readLines = (
  lines: string[],
  options: ConstructorParameters<typeof Reader>[0] = {},
): ReadRow[] => new Reader(options).read(lines.map((line) => `${line}\n`).join(''));

/** The entries of the lines: one letter a line, the same letter for lines of the same entry. */
export function entriesOf(lines: string[]): string {
  const letters = new Map<number, string>();
  return readLines(lines)
    .map(({ entry_position }) => {
      if (!letters.has(entry_position)) letters.set(entry_position, String.fromCharCode(97 + letters.size));
      return letters.get(entry_position);
    })
    .join('');
}

/**
 * `event: title` of each line that marks something. A bar precedes lines that are not the first of their
 * entry.
 */
export const marksOf = (lines: string[], log = 'console'): string[] =>
  readLines(lines, { log })
    .filter(({ event, title }) => event !== '' || title !== '')
    .map(
      ({ event, title, position, entry_position }) =>
        `${position === entry_position ? '' : '│'}${event}: ${title}`,
    );
