import { newLine, timestampKinds } from '../src/parse/line/line.ts';
import { nameText } from '../src/parse/line/names.ts';
import { lineEnd } from '../src/parse/line/split.ts';
import { LineParser } from '../src/parse/line_parser.ts';

/** What the parser says of one physical line. */
export interface Row {
  position: number;
  /** Milliseconds since 1970. */
  time_ms: number;
  kind: string;
  source: string;
  severity: string;
  event: string;
  title: string;
  entry_position: number;
  text: string;
}

/** Reads bytes as `afterlog parse` does; `recorded_ms`: when they were written, for stamps without a year. */
export function rowsOf(bytes: Buffer, recorded_ms: number): Row[] {
  const seconds = Math.floor(recorded_ms / 1000);
  return rows(bytes, new LineParser('console', seconds, 0, { isRecorded: true }), seconds);
}

/** Reads bytes as an agent does that comes to a console when it is over. */
export function rowsOfConsole(bytes: Buffer, started_ms: number, observed_ms: number): Row[] {
  const parser = new LineParser('console', Math.floor(started_ms / 1000), (started_ms % 1000) * 1e6);
  return rows(bytes, parser, Math.floor(observed_ms / 1000));
}

function rows(bytes: Buffer, parser: LineParser, seconds: number): Row[] {
  const line = newLine();
  const found: Row[] = [];
  for (let at = 0, end = lineEnd(bytes, 0, true); end >= 0; at = end, end = lineEnd(bytes, at, true)) {
    parser.parse(bytes, at, end, at, seconds, 0, line);
    found.push({
      position: at,
      time_ms: line.seconds * 1000 + line.nanos / 1e6,
      kind: timestampKinds[line.kind]!,
      source: nameText(line.source),
      severity: nameText(line.severity),
      event: nameText(line.event),
      title: nameText(line.title),
      entry_position: at - line.entry_back,
      text: bytes.toString('utf8', at, line.message_end),
    });
  }
  return found;
}

/** Lines as a console writes them. A line that holds a newline stays one record: its parts are rows of their own. */
export function rowsOfLines(lines: string[], recorded_ms: number): Row[] {
  return rowsOf(Buffer.from(lines.map((line) => `${line}\n`).join('')), recorded_ms);
}
