import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { limits } from '../base/limits.ts';
import { kind, type Line, newLine } from './line/line.ts';
import { lineEnd } from './line/split.ts';
import { LineParser } from './line_parser.ts';
import { type ParsedRow, parsedRow } from './parsed_row.ts';

/**
 * Reads a file as the agent does, line by line, in bounded memory, with its rules for stamps. The time of
 * the file's last change replaces the host clock. A file that was changed before it was made is a copy: its
 * lines, and those of a pipe, may have any age, so no stamp is too old or too new, and stamps show when the
 * guest booted.
 */
export function* parseFile(path: string, log: string): Generator<ParsedRow> {
  const fd = openSync(path, 'r');
  try {
    const stats = fstatSync(fd);
    const { birthtimeMs, mtimeMs } = stats;
    // A pipe can be read only once.
    const isFile = stats.isFile();
    const isRecorded = !isFile || birthtimeMs === 0 || mtimeMs < birthtimeMs;
    const observed = { seconds: Math.floor(mtimeMs / 1000), nanos: Math.floor((mtimeMs % 1000) * 1e6) };
    const anchored = isFile && isRecorded ? bootOf(fd, log, observed.seconds) : null;
    const booted = anchored ?? Math.min(birthtimeMs || mtimeMs, mtimeMs) / 1000;
    const parser = new LineParser(log, Math.floor(booted), Math.floor((booted % 1) * 1e9), { isRecorded });
    for (const { bytes, at, end, position, line } of linesOf(fd, isFile, Number.POSITIVE_INFINITY)) {
      parser.parse(bytes, at, end, position, observed.seconds, observed.nanos, line);
      yield parsedRow(bytes, position, line);
    }
  } finally {
    closeSync(fd);
  }
}

/** The stamps in so many bytes show when the guest booted. */
const ANCHOR_BYTES_MAX = 8 * 1024 * 1024;

/** After a clock was set back by this much, stamps do not show when the guest booted. */
const SET_BACK_S = 60;

/**
 * Finds when the guest first booted, in seconds since 1970. A kernel line is not later than the stamps after
 * it, so each stamp gives a latest possible time, and the earliest of these is the best. Null if no stamp
 * follows a kernel line.
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
      // Most stamps have whole seconds: half a second is the mean of the missing fraction.
      const seconds = line.seconds + (line.nanos > 0 ? line.nanos / 1e9 : 0.5);
      boot = Math.min(boot ?? seconds, seconds - uptime);
    }
  }
  return boot;
}

/** A physical line of the file, and the object that it is parsed into. */
interface PhysicalLine {
  bytes: Buffer;
  at: number;
  end: number;
  position: number;
  line: Line;
}

/** The physical lines of a file, from its start. All of them are the same object. */
function* linesOf(fd: number, fromStart: boolean, bytes_max: number): Generator<PhysicalLine> {
  const buffer = Buffer.allocUnsafe(limits.tail.read_chunk_bytes + limits.parse.line_bytes_max);
  const physical: PhysicalLine = { bytes: buffer, at: 0, end: 0, position: 0, line: newLine() };
  let kept = 0;
  for (let from = 0; from < bytes_max; ) {
    const read = readSync(fd, buffer, kept, buffer.length - kept, fromStart ? from : null);
    from += read;
    const bytes = buffer.subarray(0, kept + read);
    physical.bytes = bytes;
    physical.at = 0;
    for (;;) {
      physical.end = lineEnd(bytes, physical.at, read === 0);
      if (physical.end < 0) break;
      yield physical;
      physical.position += physical.end - physical.at;
      physical.at = physical.end;
    }
    if (read === 0) return;
    buffer.copyWithin(0, physical.at, bytes.length);
    kept = bytes.length - physical.at;
  }
}
