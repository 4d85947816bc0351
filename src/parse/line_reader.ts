import { headlineOf } from './kernel/headlines.ts';
import { json, readJson } from './level/json_line.ts';
import { eventOf } from './level/lifecycle.ts';
import { severity, severityOfSyslog, severityOfText } from './level/severity.ts';
import * as sources from './level/source.ts';
import { program, Sources, source } from './level/source.ts';
import { bytes, classOf, DIGIT, isDigit, skipEscape, startsWith } from './line/bytes.ts';
import { asked, marked, ways } from './line/entry.ts';
import { kind, type Line } from './line/line.ts';
import { readLevel } from './read_level.ts';
import type { Clock } from './time/clock.ts';
import { findStamp } from './time/find_stamp.ts';
import { dates, findKernelClock, forms, kernelClock, rfc3339, stamp, timeOfDay } from './time/stamp.ts';

const {
  COLON,
  DIGIT_0,
  DIGIT_1,
  DOT,
  ESCAPE,
  GREATER,
  LBRACE,
  LBRACKET,
  LESS,
  LOWER_S,
  LPAREN,
  MINUS,
  QUOTE,
  RBRACE,
  RBRACKET,
  RPAREN,
  SLASH,
  SPACE,
  TAB,
  UNDERSCORE,
  UPPER_C,
  UPPER_F,
  UPPER_P,
  UPPER_T,
} = bytes;

/**
 * Reads what a line says of itself: its time, source, level, and where its text begins. Fills the `Line`, and `asked` for its entry.
 */
export class LineReader {
  private readonly clock: Clock;
  private readonly sources = new Sources();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** console.log: whatever kernel, init and programs write. */
  console(b: Uint8Array, start: number, end: number, line: Line): void {
    line.source = source.app;
    let at = start;
    let first = at < end ? b[at]! : 0;
    if (first === ESCAPE) {
      at = this.afterColours(b, at, end);
      first = at < end ? b[at]! : 0;
    }
    if (first === LESS) {
      const after = this.priority(b, at, end, line);
      if (after > 0) {
        at = after;
        first = at < end ? b[at]! : 0;
      }
    }
    let isStamped = false;
    switch (first) {
      case LBRACKET:
        if (this.kernel(b, at, end, line)) return;
        isStamped = this.bracketed(b, at, end, line);
        if (isStamped) break;
        if (this.status(b, at, end, line)) return;
        isStamped = this.search(b, at, end, line);
        break;
      case LBRACE:
        this.structured(b, at, end, line);
        if (b[end - 1] !== RBRACE) this.midline(b, at, end, line);
        return;
      case 0: // nothing, or a NUL
      case TAB:
      case SPACE:
        this.clock.inherit(line);
        if (first === SPACE && sources.isSystemdJob(b, start, end)) line.source = source.systemd;
        break;
      default:
        isStamped = classOf[first] === DIGIT && this.rfc3339(b, at, end, line);
        isStamped ||= this.search(b, at, end, line);
    }
    if (this.midline(b, line.text_start, end, line)) return;
    readLevel(b, end, line, isStamped);
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
    if (at + 2 < end && b[at] === LBRACKET) {
      const close = callerEnd(b, at, end);
      if (close > 0) at = close;
    }
    if (at < end && b[at] === SPACE) at++;
    line.text_start = at;
    const headline = headlineOf(b, at, end);
    if (headline === undefined) return at;
    asked.marked = headline.severity === 0 ? marked.note : marked.crash;
    if (line.severity === 0) line.severity = headline.severity;
    return at;
  }

  /** Kernel text that landed in the middle of a program's line, or behind what a BIOS wrote. */
  private midline(b: Uint8Array, from: number, end: number, line: Line): boolean {
    for (let at = from; ; at++) {
      at = findKernelClock(b, at, end);
      if (at < 0) return false;
      const after = kernelClock(b, at, end);
      if (after < 0 || (b[after] !== SPACE && b[after] !== LBRACKET)) continue;
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
    const isOpened = stamp.start === at + 1 || (b[at] === LBRACKET && stamp.start - at <= 5);
    const opens = isOpened ? closerOf(b[at]!) : 0;
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
    line.message_start = after < end && b[after] === SPACE ? after + 1 : after;
    line.text_start = line.message_start;
    if (
      stamp.dates === dates.yearless &&
      stamp.form === forms.plain &&
      sources.syslogProgram(b, after, end)
    ) {
      line.severity ||= severityOfText(b, line.message_start, program.start, true);
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
    const after = at < end && b[at] === SPACE ? at + 1 : at;
    line.message_start = after;
    line.text_start = after;
    const tag = this.sources.tagAt(b, after, end);
    if (tag > 0) {
      const close = sources.tag.end;
      line.source = tag;
      line.message_start = close + 1 < end && b[close + 1] === SPACE ? close + 2 : close + 1;
      line.text_start = line.message_start;
      asked.way = ways.tagged;
      return;
    }
    asked.isStamped = true;
    if (b[after] === LOWER_S && this.containerLine(b, after, end, line)) return;
    if (sources.programAt(b, after, end, false)) this.program(b, line);
    else if (classOf[b[after]!]! !== 0 && sources.syslogProgram(b, after, end) && isKernel(b))
      this.syslogKernel(b, end, line);
  }

  private containerLine(b: Uint8Array, at: number, end: number, line: Line): boolean {
    const isOut = startsWith(b, at, end, STDOUT);
    if (!isOut && !startsWith(b, at, end, STDERR)) return false;
    const flag = b[at + 7];
    if (at + 8 > end || (flag !== UPPER_P && flag !== UPPER_F) || (at + 8 < end && b[at + 8] !== SPACE))
      return false;
    line.source = isOut ? source.stdout : source.stderr;
    line.message_start = Math.min(end, at + 9);
    line.text_start = line.message_start;
    asked.way = ways.tagged;
    asked.isPiece = flag === UPPER_P;
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
    while (at < end && b[at] === ESCAPE) {
      for (let cut = at + 2; cut < at + 6; cut++) if (isDigit(b[cut]) && rfc3339(b, cut, end) > 0) return cut;
      at = skipEscape(b, at, end);
    }
    return at;
  }

  /** `<3>` of the kernel, `<30>1 ` of syslog: the level. @returns the offset after it, or -1 */
  private priority(b: Uint8Array, at: number, end: number, line: Line): number {
    let digits = at + 1;
    let number = 0;
    while (digits < end && digits - at < 4 && isDigit(b[digits]))
      number = number * 10 + b[digits++]! - DIGIT_0;
    if (digits === at + 1 || b[digits] !== GREATER || digits >= end || number > 191) return -1;
    line.severity = severityOfSyslog(number);
    digits++;
    return b[digits] === DIGIT_1 && b[digits + 1] === SPACE && digits + 1 < end ? digits + 2 : digits;
  }

  /** events.jsonl: the runtime's own words. */
  lifecycle(b: Uint8Array, start: number, end: number, line: Line): void {
    this.structured(b, start, end, line);
    line.source = source.runtime;
    line.event = eventOf(b, start, end);
  }

  /** firecracker.log: `2026-06-01T15:30:18.123456789 [id:thread:LEVEL:file] text`. */
  machine(b: Uint8Array, start: number, end: number, line: Line): void {
    line.source = source.firecracker;
    const at = rfc3339(b, start, end);
    if (at < 0) {
      this.clock.inherit(line);
      return;
    }
    this.clock.stamped(line);
    asked.isStamped = true;
    line.message_start = at < end && b[at] === SPACE ? at + 1 : at;
    line.text_start = line.message_start;
    line.severity = severityOfText(b, line.message_start, end, true);
  }
}

const STDOUT = Buffer.from('stdout ');
const STDERR = Buffer.from('stderr ');
const KERNEL = Buffer.from('kernel');
const isKernel = (b: Uint8Array): boolean =>
  program.end - program.start === KERNEL.length && startsWith(b, program.start, program.end, KERNEL);

const closerOf = (opener: number): number =>
  opener === LBRACKET ? RBRACKET : opener === LPAREN ? RPAREN : opener === QUOTE ? QUOTE : 0;

/** A source named by a JSON field: a name, not a text. */
function isName(b: Uint8Array, at: number, end: number): boolean {
  if (end - at > 48) return false;
  for (; at < end; at++) {
    const byte = b[at]!;
    if (
      classOf[byte] === 0 &&
      byte !== MINUS &&
      byte !== DOT &&
      byte !== SLASH &&
      byte !== UNDERSCORE &&
      byte !== COLON
    )
      return false;
  }
  return true;
}

/** `[    T6]`, `[   C0]`: the printing task or processor, where the kernel is built to say so; a channel of its own. */
function callerEnd(b: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  while (i < end && b[i] === SPACE) i++;
  if (b[i] !== UPPER_T && b[i] !== UPPER_C) return -1;
  const isProcessor = b[i] === UPPER_C;
  let number = 0;
  for (i++; i < end && isDigit(b[i]) && number < 1e8; i++) number = number * 10 + b[i]! - DIGIT_0;
  if (i >= end || b[i] !== RBRACKET) return -1;
  asked.source = number * 2 + (isProcessor ? 2 : 1);
  return i + 1;
}
