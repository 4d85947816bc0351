import { type Line, newLine } from '../src/parse/line/line.ts';
import { lineEnd } from '../src/parse/line/split.ts';
import { LineParser } from '../src/parse/line_parser.ts';
import { type ParsedRow, parsedRow } from '../src/parse/parsed_row.ts';

/** A parsed line, and what measuring needs besides. */
export interface EvalRow extends ParsedRow {
  /** Milliseconds since 1970. */
  time_ms: number;
  /** The line without its line end. */
  text: string;
}

/**
 * Parses bytes as `afterlog parse` does. `recorded_ms`: when they were written, for stamps without a year.
 */
export function rowsOf(bytes: Buffer, recorded_ms: number): EvalRow[] {
  const seconds = Math.floor(recorded_ms / 1000);
  return rows(bytes, new LineParser('console', seconds, 0, { isRecorded: true }), seconds);
}

/** Parses bytes like an agent that finds a console after it has ended. */
export function rowsOfConsole(bytes: Buffer, started_ms: number, observed_ms: number): EvalRow[] {
  const parser = new LineParser('console', Math.floor(started_ms / 1000), (started_ms % 1000) * 1e6);
  return rows(bytes, parser, Math.floor(observed_ms / 1000));
}

function rows(bytes: Buffer, parser: LineParser, seconds: number): EvalRow[] {
  const line = newLine();
  const found: EvalRow[] = [];
  for (let at = 0, end = lineEnd(bytes, 0, true); end >= 0; at = end, end = lineEnd(bytes, at, true)) {
    parser.parse(bytes, at, end, at, seconds, 0, line);
    found.push({
      ...parsedRow(bytes, at, line),
      time_ms: milliseconds(line),
      text: bytes.toString('utf8', at, line.message_end),
    });
  }
  return found;
}

const milliseconds = (line: Line): number => line.seconds * 1000 + line.nanos / 1e6;

/** Parses lines as a console writes them. A line that contains a newline has several rows. */
export function rowsOfLines(lines: string[], recorded_ms: number): EvalRow[] {
  return rowsOf(Buffer.from(lines.map((line) => `${line}\n`).join('')), recorded_ms);
}
