import { endings, type Line, timestampKinds } from './line/line.ts';
import { nameText } from './line/names.ts';

/** A parsed line with texts instead of ids and offsets, as `afterlog parse` shows it. */
export interface ParsedRow {
  position: number;
  /** RFC 3339 in UTC, with nanoseconds. */
  timestamp: string;
  timestamp_kind: string;
  source: string;
  severity: string;
  event: string;
  title: string;
  entry_position: number;
  prefix: string;
  message: string;
  ending: string;
}

/** The row of the line at `position`, which was parsed in `bytes`. */
export const parsedRow = (bytes: Buffer, position: number, line: Line): ParsedRow => ({
  position,
  timestamp: timestampText(line.seconds, line.nanos),
  timestamp_kind: timestampKinds[line.kind]!,
  source: nameText(line.source),
  severity: nameText(line.severity),
  event: nameText(line.event),
  title: nameText(line.title),
  entry_position: position - line.entry_back,
  prefix: bytes.toString('utf8', line.start, line.message_start),
  message: bytes.toString('utf8', line.message_start, line.message_end),
  ending: endings[line.ending]!,
});

function timestampText(seconds: number, nanos: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;
}
