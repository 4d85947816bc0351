import { newLine, timestampKinds } from '../../src/parse/line/line.ts';
import { nameText } from '../../src/parse/line/names.ts';
import { lineEnd } from '../../src/parse/line/split.ts';
import { LineParser, type ParserOptions, type ParserState } from '../../src/parse/line_parser.ts';

export interface Parsed {
  position: number;
  /** ISO in UTC, as many decimals as needed. */
  time: string;
  kind: string;
  source: string;
  severity: string;
  event: string;
  title: string;
  entry_position: number;
  prefix: string;
  message: string;
}

const seconds = (text: string): number => Math.floor(Date.parse(text) / 1000);

/** A parser for lines of a test: one console from its start, in order. */
export class Reader {
  readonly parser: LineParser;
  position = 0;
  private readonly line = newLine();

  constructor(options: ParserOptions & { log?: string; started?: string } = {}) {
    const { log = 'console', started = '2026-06-01T15:30:00Z', ...rest } = options;
    this.parser = new LineParser(log, seconds(started), 0, rest);
  }

  /** @param observed when the bytes were read */
  read(text: string | Buffer, observed = '2026-06-01T16:00:00Z'): Parsed[] {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    const rows: Parsed[] = [];
    const { line } = this;
    for (let at = 0, end = lineEnd(bytes, 0, true); end >= 0; at = end, end = lineEnd(bytes, at, true)) {
      this.parser.parse(bytes, at, end, this.position, seconds(observed), 0, line);
      const fraction = String(line.nanos).padStart(9, '0').replace(/0+$/, '');
      rows.push({
        position: this.position,
        time: `${new Date(line.seconds * 1000).toISOString().slice(0, 19)}${fraction && `.${fraction}`}`,
        kind: timestampKinds[line.kind]!,
        source: nameText(line.source),
        severity: nameText(line.severity),
        event: nameText(line.event),
        title: nameText(line.title),
        entry_position: this.position - line.entry_back,
        prefix: bytes.toString('utf8', line.start, line.message_start),
        message: bytes.toString('utf8', line.message_start, line.message_end),
      });
      this.position += end - at;
    }
    return rows;
  }
}

/** The parser's state after a round trip through the spool's format. */
export const restored = (parser: LineParser): ParserState => JSON.parse(JSON.stringify(parser.state()));

export const readLines = (lines: string[], options: ConstructorParameters<typeof Reader>[0] = {}): Parsed[] =>
  new Reader(options).read(lines.map((line) => `${line}\n`).join(''));

/** The entries of lines, as a text with one letter per line: lines of the same entry have the same letter. */
export function entriesOf(lines: string[]): string {
  const letters = new Map<number, string>();
  return readLines(lines)
    .map(({ entry_position }) => {
      if (!letters.has(entry_position)) letters.set(entry_position, String.fromCharCode(97 + letters.size));
      return letters.get(entry_position);
    })
    .join('');
}

/** The marks of lines as `event: title`, with a bar if the line is not the first of its entry. */
export const marksOf = (lines: string[], log = 'console'): string[] =>
  readLines(lines, { log })
    .filter(({ event, title }) => event !== '' || title !== '')
    .map(
      ({ event, title, position, entry_position }) =>
        `${position === entry_position ? '' : '│'}${event}: ${title}`,
    );
