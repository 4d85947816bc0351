import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { limits } from '../config/limits.ts';
import { endings, newLine, timestampKinds } from './line.ts';
import { LineParser } from './line_parser.ts';
import { nameText } from './names.ts';
import { lineEnd } from './split.ts';

/** A line as `afterlog parse` shows it; `timestamp` is RFC 3339 in UTC with nanoseconds. */
export interface ParsedRow {
  position: number;
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

/**
 * Reads a file as the agent would, line by line, in bounded memory. The file's own times stand for what the
 * agent would have observed: born when the sandbox started, last changed when the line was read.
 */
export function* parseFile(path: string, log: string): Generator<ParsedRow> {
  const fd = openSync(path, 'r');
  try {
    const { birthtimeMs, mtimeMs } = fstatSync(fd);
    const born = Math.min(birthtimeMs || mtimeMs, mtimeMs);
    const parser = new LineParser(log, Math.floor(born / 1000), Math.floor((born % 1000) * 1e6));
    const line = newLine();
    const buffer = Buffer.allocUnsafe(limits.read_chunk_bytes + limits.line_bytes_max);
    let kept = 0;
    for (let position = 0; ; ) {
      const read = readSync(fd, buffer, kept, buffer.length - kept, null);
      const bytes = buffer.subarray(0, kept + read);
      let at = 0;
      for (let next = 0; ; at = next) {
        next = lineEnd(bytes, at, read === 0);
        if (next < 0) break;
        parser.parse(bytes, at, next, Math.floor(mtimeMs / 1000), Math.floor((mtimeMs % 1000) * 1e6), line);
        yield {
          position,
          timestamp: timestampText(line.seconds, line.nanos),
          timestamp_kind: timestampKinds[line.kind]!,
          source: nameText(line.source),
          severity: nameText(line.severity),
          event: nameText(line.event),
          title: nameText(line.title),
          entry_position: position - line.entry_back,
          prefix: buffer.toString('utf8', line.start, line.message_start),
          message: buffer.toString('utf8', line.message_start, line.message_end),
          ending: endings[line.ending]!,
        };
        position += next - at;
      }
      if (read === 0) return;
      buffer.copyWithin(0, at, bytes.length);
      kept = bytes.length - at;
    }
  } finally {
    closeSync(fd);
  }
}

function timestampText(seconds: number, nanos: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;
}
