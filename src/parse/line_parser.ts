import { classOf, DIGIT, isDigit, skipEscape, startsWith } from './bytes.ts';
import { Clock, type ClockState, newClockState } from './clock.ts';
import { Entries } from './entries.ts';
import { asked, type Entry, ways } from './entry.ts';
import { findStamp } from './find_stamp.ts';
import { json, readJson } from './json_line.ts';
import { headlineSeverity, isRawHeadline } from './kernel_report.ts';
import { kind, type Line } from './line.ts';
import { nameId, nameText } from './names.ts';
import * as severities from './severity.ts';
import { severity } from './severity.ts';
import * as sources from './source.ts';
import { program, Sources, source } from './source.ts';
import { dates, findKernelClock, forms, kernelClock, rfc3339, stamp, timeOfDay } from './stamp.ts';
import { isHeadline } from './trace.ts';

/** What a stream's next line needs to know of the lines before it; kept in the spool across restarts. */
export interface ParserState {
  clock: ClockState;
  /** Where the next line begins; another position means that bytes in between are missing. */
  position: number;
  /** Open entries; channels by name, as ids are those of one process. */
  entries: (Omit<Entry, 'channel'> & { source: string; way: number })[];
  /** The last row has no line end: the next one goes on with its line, and is of its entry, source and severity. */
  piece: { start: number; source: string; severity: string } | null;
}

export interface ParserOptions {
  state?: ParserState | undefined;
  /** The lines were written at any time before they are read: no stamp is too old. */
  isRecorded?: boolean;
}

/**
 * Reads the lines of one stream, in order, into a `Line`. Only bytes are looked at: no input throws, and the cost is linear in the
 * line's length.
 */
export class LineParser {
  private readonly log: string;
  private readonly clock: Clock;
  private readonly entries: Entries;
  private readonly open: Entry[];
  private readonly sources = new Sources();
  private position: number;
  private isPiece = false;
  private pieceStart = 0;
  private pieceSource = 0;
  private pieceSeverity = 0;

  /** `started`: when the log's first file was made, seconds since 1970 and nanoseconds; 0 if unknown. */
  constructor(log: string, startedSeconds: number, startedNanos: number, options: ParserOptions = {}) {
    const { state, isRecorded } = options;
    this.log = log;
    const clock = state?.clock ?? newClockState();
    this.clock = new Clock(clock, startedSeconds, startedNanos, isRecorded ?? false);
    this.open = (state?.entries ?? []).map(({ source: name, way, ...entry }) => ({
      ...entry,
      channel: (way === ways.kernel ? Number(name) : nameId(name)) * 4 + way,
    }));
    this.entries = new Entries(this.open);
    this.position = state?.position ?? 0;
    if (!state?.piece) return;
    this.isPiece = true;
    this.pieceStart = state.piece.start;
    this.pieceSource = nameId(state.piece.source);
    this.pieceSeverity = nameId(state.piece.severity);
  }

  /** A copy, for the spool. */
  state(): ParserState {
    const entries = this.open.map(({ channel, ...entry }) => {
      const way = channel % 4;
      const id = (channel - way) / 4;
      return { ...entry, way, source: way === ways.kernel ? String(id) : nameText(id) };
    });
    const piece = this.isPiece
      ? { start: this.pieceStart, source: nameText(this.pieceSource), severity: nameText(this.pieceSeverity) }
      : null;
    return { clock: { ...this.clock.state }, position: this.position, entries, piece };
  }

  /** All that was written until now has been read; what comes was written after `seconds` (since 1970). */
  caughtUp(seconds: number): void {
    this.clock.caughtUp(seconds);
  }

  /**
   * Parses b[start, end), a whole line with its end or a piece of one, that stands at `position` in the stream.
   * `observedSeconds`, `observedNanos`: the host clock when the bytes were read.
   */
  parse(
    b: Uint8Array,
    start: number,
    end: number,
    position: number,
    observedSeconds: number,
    observedNanos: number,
    line: Line,
  ): void {
    line.start = start;
    line.end = end;
    line.event = 0;
    line.title = 0;
    splitEnding(b, start, end, line);
    line.message_start = start;
    this.clock.observe(observedSeconds, observedNanos);
    if (position !== this.position) {
      this.entries.close();
      this.isPiece = false;
    }
    this.position = position + end - start;
    if (this.isPiece) this.goOn(position, line);
    else this.whole(b, start, line.message_end, position, line);
    this.isPiece = line.ending === 0;
    if (!this.isPiece) return;
    this.pieceStart = position - line.entry_back;
    this.pieceSource = line.source;
    this.pieceSeverity = line.severity;
  }

  /** The rest of a line of which a piece is a row already. */
  private goOn(position: number, line: Line): void {
    this.clock.inherit(line);
    line.text_start = line.start;
    line.source = this.pieceSource;
    line.severity = this.pieceSeverity;
    line.entry_back = position - this.pieceStart;
  }

  private whole(b: Uint8Array, start: number, end: number, position: number, line: Line): void {
    line.severity = 0;
    line.text_start = start;
    asked.isStamped = false;
    asked.isPiece = false;
    asked.isRawReport = false;
    asked.way = ways.raw;
    asked.uptime = 0;
    if (this.log === 'console') this.console(b, start, end, line);
    else if (this.log === 'events') this.lifecycle(b, start, end, line);
    else this.machine(b, start, end, line);
    if (asked.way === ways.raw) asked.source = source.app;
    else if (asked.way !== ways.kernel) asked.source = line.source;
    const text = line.text_start;
    asked.isHeadline = false;
    if (asked.way !== ways.kernel && text < end) {
      const word = b[text] === 27 ? skipColours(b, text, end) : text;
      asked.wordEnd = wordEnd(b, word, end);
      asked.isHeadline = isHeadline(b, word, end);
    }
    if (asked.isHeadline && line.severity === 0) line.severity = severity.error;
    asked.isRecord = !asked.isHeadline && line.severity >= severity.warn && line.severity <= severity.fatal;
    if (line.ending !== 0 && b[text] !== 0 && (isWriterPiece(end - text) || isWriterPiece(end - start)))
      asked.isPiece = true;
    line.entry_back = position - this.entries.of(b, text, end, position);
    if (asked.isKernelReport) line.source = source.kernel;
  }

  private console(b: Uint8Array, start: number, end: number, line: Line): void {
    line.source = source.app;
    let at = start;
    let first = at < end ? b[at]! : 0;
    if (first === 27) {
      at = this.afterColours(b, at, end);
      first = at < end ? b[at]! : 0;
    }
    if (first === 60) {
      const after = this.priority(b, at, end, line);
      if (after > 0) {
        at = after;
        first = at < end ? b[at]! : 0;
      }
    }
    let isStamped = false;
    switch (first) {
      case 91: // [
        if (this.kernel(b, at, end, line)) return;
        isStamped = this.bracketed(b, at, end, line);
        if (isStamped) break;
        if (this.status(b, at, end, line)) return;
        isStamped = this.search(b, at, end, line);
        break;
      case 123: // {
        this.structured(b, at, end, line);
        if (b[end - 1] !== 125) this.midline(b, at, end, line);
        return;
      case 0: // nothing, or a NUL
      case 9:
      case 32:
        this.clock.inherit(line);
        if (first === 32 && sources.isSystemdJob(b, start, end)) line.source = source.systemd;
        break;
      default:
        isStamped = classOf[first] === DIGIT && this.rfc3339(b, at, end, line);
        isStamped ||= this.search(b, at, end, line);
    }
    if (this.midline(b, line.text_start, end, line)) return;
    this.level(b, end, line, isStamped);
  }

  /** The level, where nothing has told it yet. */
  private level(b: Uint8Array, end: number, line: Line, isStamped: boolean): void {
    const text = line.text_start;
    if (text < end && b[text] === 123) {
      readJson(b, text, end);
      if (line.severity === 0) line.severity = json.severity;
      return;
    }
    asked.isRawReport = asked.way === ways.raw && isRawHeadline(b, text, end);
    if (line.severity !== 0) return;
    if (asked.isRawReport) {
      line.severity = headlineSeverity(b, text, end);
      return;
    }
    if (isStamped) line.severity = this.besideStamp(b, end);
    if (line.severity === 0) {
      const isIndented = b[text] === 32 || b[text] === 9;
      if (!isIndented || isStamped)
        line.severity = severities.severityOfText(b, text, end, isStamped && asked.way !== ways.tagged);
    }
  }

  /** Levels of one letter or sign, that only the form of the stamp tells from text. */
  private besideStamp(b: Uint8Array, end: number): number {
    if (stamp.form === forms.plain) return 0;
    if (stamp.form === forms.access) return severities.severityOfAccess(b, stamp.end, end);
    if (stamp.form === forms.glog) return severities.severityOfLetter(b[stamp.start]!);
    if (stamp.form === forms.logcat) return severities.severityOfLogcat(b, Math.min(stamp.end, end), end);
    return severities.severityOfSign(b, stamp.end, end);
  }

  /** `[   12.345678] text`, also with `[ T123]` or `[ C0]` behind it. */
  private kernel(b: Uint8Array, at: number, end: number, line: Line): boolean {
    let after = kernelClock(b, at, end);
    if (after < 0) return false;
    this.clock.sinceBoot(line);
    after = this.kernelText(b, after, end, line);
    line.message_start = after;
    return true;
  }

  /** Behind the kernel's stamp: who prints, and the text. @returns where that begins */
  private kernelText(b: Uint8Array, at: number, end: number, line: Line): number {
    line.source = source.kernel;
    asked.way = ways.kernel;
    asked.source = 0;
    asked.uptime = stamp.seconds;
    if (at + 2 < end && b[at] === 91) {
      const close = callerEnd(b, at, end);
      if (close > 0) at = close;
    }
    if (at < end && b[at] === 32) at++;
    line.text_start = at;
    if (line.severity === 0) line.severity = headlineSeverity(b, at, end);
    return at;
  }

  /** Kernel text that landed in the middle of a program's line, or behind what a BIOS wrote. */
  private midline(b: Uint8Array, from: number, end: number, line: Line): boolean {
    for (let at = from; ; at++) {
      at = findKernelClock(b, at, end);
      if (at < 0) return false;
      const after = kernelClock(b, at, end);
      if (after < 0 || (b[after] !== 32 && b[after] !== 91)) continue;
      line.severity = 0;
      // The line's own stamp says when; a kernel's clock that is known says it better than a line before.
      if (line.kind === kind.line || line.kind === kind.time_of_day) this.clock.boot();
      else this.clock.sinceBoot(line);
      this.kernelText(b, after, end, line);
      return true;
    }
  }

  private rfc3339(b: Uint8Array, at: number, end: number, line: Line): boolean {
    const after = rfc3339(b, at, end);
    if (after < 0) return false;
    this.clock.stamped(line);
    this.tagged(b, after, end, line);
    return true;
  }

  /** `[12:04:31] [tag] text`, `[2026-06-01 15:30:18] text`, … */
  private bracketed(b: Uint8Array, at: number, end: number, line: Line): boolean {
    const after = timeOfDay(b, at, end);
    if (after > 0) {
      this.clock.stamped(line);
      this.tagged(b, after, end, line);
      return true;
    }
    return false;
  }

  /** A stamp in any of the other forms, anywhere where logs have theirs. */
  private search(b: Uint8Array, at: number, end: number, line: Line): boolean {
    if (sources.guestProgram(b, at, end)) {
      line.source = this.sources.idOf(b, program.start, program.end);
      line.message_start = program.text;
      line.text_start = program.text;
      this.clock.inherit(line);
      return false;
    }
    if (!findStamp(b, at, end)) {
      if (sources.programAt(b, at, end, false)) this.program(b, line);
      this.clock.inherit(line);
      return false;
    }
    this.clock.stamped(line);
    const opens = stamp.start === at + 1 ? closerOf(b[at]!) : 0;
    let after = stamp.end;
    if (stamp.start !== at && opens === 0) return this.stampedWithin(line);
    if (opens !== 0) {
      if (b[after] !== opens || after >= end) return this.stampedWithin(line);
      after++;
    }
    asked.isStamped = true;
    if (stamp.form === forms.glog) {
      line.text_start = after;
      return true;
    }
    line.message_start = after < end && b[after] === 32 ? after + 1 : after;
    line.text_start = line.message_start;
    if (
      stamp.dates === dates.yearless &&
      stamp.form === forms.plain &&
      sources.syslogProgram(b, after, end)
    ) {
      line.severity ||= severities.severityOfText(b, line.message_start, program.start, true);
      if (isKernel(b)) this.syslogKernel(b, end, line);
      else this.program(b, line);
    } else if (sources.programAt(b, line.message_start, end, false)) this.program(b, line);
    return true;
  }

  private stampedWithin(line: Line): boolean {
    asked.isStamped = true;
    line.text_start = line.start;
    return true;
  }

  private program(b: Uint8Array, line: Line): void {
    line.source = this.sources.idOf(b, program.start, program.end);
    line.text_start = program.text;
    asked.way = ways.program;
  }

  /** `kernel: [12.345] text` as a log daemon passes it on. */
  private syslogKernel(b: Uint8Array, end: number, line: Line): void {
    let at = program.text;
    asked.uptime = 0;
    const keptSeconds = stamp.seconds;
    const after = kernelClock(b, at, end);
    if (after > 0) at = after;
    this.kernelText(b, at, end, line);
    if (after < 0) asked.uptime = 0;
    stamp.seconds = keptSeconds;
  }

  /** Behind an RFC 3339 stamp: ` [tag] text` of the guest's agent, ` stdout F text` of a container runtime, or text. */
  private tagged(b: Uint8Array, at: number, end: number, line: Line): void {
    const after = at < end && b[at] === 32 ? at + 1 : at;
    line.message_start = after;
    line.text_start = after;
    const tag = this.sources.tagAt(b, after, end);
    if (tag > 0) {
      const close = sources.tag.end;
      line.source = tag;
      line.message_start = close + 1 < end && b[close + 1] === 32 ? close + 2 : close + 1;
      line.text_start = line.message_start;
      asked.way = ways.tagged;
      return;
    }
    asked.isStamped = true;
    if (b[after] === 115 && this.containerLine(b, after, end, line)) return;
    if (sources.programAt(b, after, end, false)) this.program(b, line);
    else if (classOf[b[after]!]! !== 0 && sources.syslogProgram(b, after, end) && isKernel(b))
      this.syslogKernel(b, end, line);
  }

  private containerLine(b: Uint8Array, at: number, end: number, line: Line): boolean {
    const isOut = startsWith(b, at, end, STDOUT);
    if (!isOut && !startsWith(b, at, end, STDERR)) return false;
    const flag = b[at + 7];
    if (at + 8 > end || (flag !== 80 && flag !== 70) || (at + 8 < end && b[at + 8] !== 32)) return false;
    line.source = isOut ? source.stdout : source.stderr;
    line.message_start = Math.min(end, at + 9);
    line.text_start = line.message_start;
    asked.way = ways.tagged;
    asked.isPiece = flag === 80;
    return true;
  }

  /** A JSON object: its time, level and source are fields. */
  private structured(b: Uint8Array, at: number, end: number, line: Line): void {
    readJson(b, at, end);
    line.severity = json.severity;
    if (json.hasTime) {
      this.clock.stamped(line);
      asked.isStamped = true;
    } else this.clock.inherit(line);
    if (json.source_end > 0 && isName(b, json.source_start, json.source_end)) {
      line.source = this.sources.idOf(b, json.source_start, json.source_end);
    }
  }

  private status(b: Uint8Array, at: number, end: number, line: Line): boolean {
    const means = sources.systemdStatus(b, at, end);
    if (means === null) return false;
    line.source = source.systemd;
    line.severity = severity[means];
    this.clock.inherit(line);
    return true;
  }

  /** Past the colours at the start; `ESC[32026-11-23T…` is one that the next stamp cut off. */
  private afterColours(b: Uint8Array, at: number, end: number): number {
    while (at < end && b[at] === 27) {
      for (let cut = at + 2; cut < at + 6; cut++) if (isDigit(b[cut]) && rfc3339(b, cut, end) > 0) return cut;
      at = skipEscape(b, at, end);
    }
    return at;
  }

  /** `<3>` of the kernel, `<30>1 ` of syslog: the level. @returns the offset after it, or -1 */
  private priority(b: Uint8Array, at: number, end: number, line: Line): number {
    let digits = at + 1;
    let number = 0;
    while (digits < end && digits - at < 4 && isDigit(b[digits])) number = number * 10 + b[digits++]! - 48;
    if (digits === at + 1 || b[digits] !== 62 || digits >= end || number > 191) return -1;
    line.severity = severities.severityOfSyslog(number);
    digits++;
    return b[digits] === 49 && b[digits + 1] === 32 && digits + 1 < end ? digits + 2 : digits;
  }

  /** events.jsonl: the runtime's own words. */
  private lifecycle(b: Uint8Array, start: number, end: number, line: Line): void {
    this.structured(b, start, end, line);
    line.source = source.runtime;
  }

  /** firecracker.log: `2026-06-01T15:30:18.123456789 [id:thread:LEVEL:file] text`. */
  private machine(b: Uint8Array, start: number, end: number, line: Line): void {
    line.source = source.firecracker;
    const at = rfc3339(b, start, end);
    if (at < 0) {
      this.clock.inherit(line);
      return;
    }
    this.clock.stamped(line);
    asked.isStamped = true;
    line.message_start = at < end && b[at] === 32 ? at + 1 : at;
    line.text_start = line.message_start;
    line.severity = severities.severityOfText(b, line.message_start, end, true);
  }
}

const STDOUT = Buffer.from('stdout ');
const STDERR = Buffer.from('stderr ');
const KERNEL = Buffer.from('kernel');
const isKernel = (b: Uint8Array): boolean =>
  program.end - program.start === KERNEL.length && startsWith(b, program.start, program.end, KERNEL);

const closerOf = (opener: number): number =>
  opener === 91 ? 93 : opener === 40 ? 41 : opener === 34 ? 34 : 0;

/** A word that is longer is none. */
const WORD_BYTES_MAX = 160;
function wordEnd(b: Uint8Array, at: number, end: number): number {
  const last = end - at > WORD_BYTES_MAX ? at + WORD_BYTES_MAX : end;
  while (at < last && b[at] !== 32) at++;
  return at;
}

function skipColours(b: Uint8Array, at: number, end: number): number {
  while (at < end && b[at] === 27) at = skipEscape(b, at, end);
  return at;
}

/** Writers cut long lines at powers of two; a line of just that length by chance joins the next one. */
const isWriterPiece = (length: number): boolean =>
  length >= 4096 && length <= 65_536 && (length & (length - 1)) === 0;

/** A source named by a JSON field: a name, not a text. */
function isName(b: Uint8Array, at: number, end: number): boolean {
  if (end - at > 48) return false;
  for (; at < end; at++) {
    const byte = b[at]!;
    if (classOf[byte] === 0 && byte !== 45 && byte !== 46 && byte !== 47 && byte !== 95 && byte !== 58)
      return false;
  }
  return true;
}

function splitEnding(b: Uint8Array, start: number, end: number, line: Line): void {
  let at = end;
  line.ending = 0;
  if (at > start && b[at - 1] === 10) {
    at--;
    line.ending = 1;
    while (line.ending < 3 && at > start && b[at - 1] === 13) {
      at--;
      line.ending++;
    }
  }
  line.message_end = at;
}

/** `[    T6]`, `[   C0]`: the printing task or processor, where the kernel is built to say so; a channel of its own. */
function callerEnd(b: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  while (i < end && b[i] === 32) i++;
  if (b[i] !== 84 && b[i] !== 67) return -1;
  const isProcessor = b[i] === 67;
  let number = 0;
  for (i++; i < end && isDigit(b[i]) && number < 1e8; i++) number = number * 10 + b[i]! - 48;
  if (i >= end || b[i] !== 93) return -1;
  asked.source = number * 2 + (isProcessor ? 2 : 1);
  return i + 1;
}
