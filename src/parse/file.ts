import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { limits } from '../base/limits.ts';
import { endings, kind, type Line, newLine, timestampKinds } from './line/line.ts';
import { nameText } from './line/names.ts';
import { lineEnd } from './line/split.ts';
import { LineParser } from './line_parser.ts';

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
 * Reads a file as the agent would, line by line, in bounded memory. Only the clock differs, as the file may be of any age: its last
 * change stands for the moment of reading, and no stamp is too old or too new.
 */
export function* parseFile(path: string, log: string): Generator<ParsedRow> {
  const fd = openSync(path, 'r');
  try {
    const stats = fstatSync(fd);
    const { birthtimeMs, mtimeMs } = stats;
    // A pipe can be read once only.
    const isFile = stats.isFile();
    const observed = { seconds: Math.floor(mtimeMs / 1000), nanos: Math.floor((mtimeMs % 1000) * 1e6) };
    const anchored = isFile ? bootOf(fd, log, observed.seconds) : null;
    const booted = anchored ?? Math.min(birthtimeMs || mtimeMs, mtimeMs) / 1000;
    const parser = new LineParser(log, Math.floor(booted), Math.floor((booted % 1) * 1e9), {
      isRecorded: true,
    });
    for (const { bytes, at, end, position, line } of linesOf(fd, isFile, Number.POSITIVE_INFINITY)) {
      parser.parse(bytes, at, end, position, observed.seconds, observed.nanos, line);
      yield {
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
      };
    }
  } finally {
    closeSync(fd);
  }
}

/** Kernel seconds of a file are placed by the stamps behind them; they are looked for in so many bytes. */
const ANCHOR_BYTES_MAX = 8 * 1024 * 1024;

/** A clock that was set back says nothing of when the guest booted. */
const SET_BACK_S = 60;

/**
 * When the guest booted, seconds since 1970: no kernel line of its first boot is later than the stamps behind it, so the earliest boot that
 * one of them tells is the nearest. Null when there is none.
 */
function bootOf(fd: number, log: string, observed: number): number | null {
  const parser = new LineParser(log, observed, 0, { isRecorded: true });
  let uptime = -1;
  let before = 0;
  let boot: number | null = null;
  for (const { bytes, at, end, position, line } of linesOf(fd, true, ANCHOR_BYTES_MAX)) {
    parser.parse(bytes, at, end, position, observed, 0, line);
    if (line.kind === kind.kernel_clock) {
      const now = parser.uptime;
      if (now + 1 < uptime) break;
      uptime = now;
    } else if (line.kind === kind.line && uptime >= 0) {
      if (line.seconds < before - SET_BACK_S) break;
      before = line.seconds;
      // Stamps are mostly of whole seconds: half a second is the middle of what they leave out.
      const seconds = line.seconds + (line.nanos > 0 ? line.nanos / 1e9 : 0.5);
      boot = Math.min(boot ?? seconds, seconds - uptime);
    }
  }
  return boot;
}

interface Piece {
  bytes: Buffer;
  at: number;
  end: number;
  position: number;
  line: Line;
}

/** The physical lines of a file, from its start; the objects are the same for all of them. */
function* linesOf(fd: number, fromStart: boolean, bytes_max: number): Generator<Piece> {
  const buffer = Buffer.allocUnsafe(limits.tail.read_chunk_bytes + limits.parse.line_bytes_max);
  const piece: Piece = { bytes: buffer, at: 0, end: 0, position: 0, line: newLine() };
  let kept = 0;
  for (let from = 0; from < bytes_max; ) {
    const read = readSync(fd, buffer, kept, buffer.length - kept, fromStart ? from : null);
    from += read;
    const bytes = buffer.subarray(0, kept + read);
    piece.bytes = bytes;
    piece.at = 0;
    for (;;) {
      piece.end = lineEnd(bytes, piece.at, read === 0);
      if (piece.end < 0) break;
      yield piece;
      piece.position += piece.end - piece.at;
      piece.at = piece.end;
    }
    if (read === 0) return;
    buffer.copyWithin(0, piece.at, bytes.length);
    kept = bytes.length - piece.at;
  }
}

function timestampText(seconds: number, nanos: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${String(nanos).padStart(9, '0')}Z`;
}
