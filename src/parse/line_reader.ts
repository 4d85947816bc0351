import { readCaller } from './kernel/caller.ts';
import { headlineOf } from './kernel/headlines.ts';
import { severityOfText } from './level/find_level.ts';
import { readJson } from './level/json_line.ts';
import { eventOf } from './level/lifecycle.ts';
import { readPriority } from './level/priority.ts';
import { guestProgram, type ProgramName, programAt, syslogProgram } from './level/program.ts';
import { severity } from './level/severity.ts';
import { isSourceValue, Sources, source, tagEnd } from './level/source.ts';
import { isSystemdJob, systemdStatus } from './level/systemd.ts';
import { byteClass, byteClasses, bytes, isDigit, skipEscape, startsWith } from './line/bytes.ts';
import { kind, type Line } from './line/line.ts';
import { hints, type Traits, ways } from './line/traits.ts';
import { readLevel } from './read_level.ts';
import type { Scratch } from './scratch.ts';
import type { Clock } from './time/clock.ts';
import { findStamp } from './time/find_stamp.ts';
import { dates, forms, type Stamp } from './time/stamp.ts';
import { findKernelClock, readKernelClock, readRfc3339, readTimeOfDay } from './time/stamp_fixed.ts';

const {
  ESCAPE,
  LBRACE,
  LBRACKET,
  LESS,
  LOWER_S,
  LPAREN,
  QUOTE,
  RBRACE,
  RBRACKET,
  RPAREN,
  SPACE,
  TAB,
  UPPER_F,
  UPPER_P,
} = bytes;
const { DIGIT } = byteClasses;

/**
 * Reads the time, source and level that a line names, and where its text begins. Fills the `Line`, and the
 * traits for its entry.
 */
export class LineReader {
  private readonly clock: Clock;
  private readonly sources = new Sources();

  constructor(clock: Clock) {
    this.clock = clock;
  }

  /** The source of an unfinished line, which the rest of the line will have. */
  hold(source: number): void {
    this.sources.held = source;
  }

  /** The id of a source in a saved state. */
  savedSource(name: string): number {
    const bytes = Buffer.from(name);
    return name === '' ? 0 : this.sources.idOf(bytes, 0, bytes.length);
  }

  /** A line of console.log, where kernel, init and programs write. */
  console(b: Uint8Array, start: number, end: number, line: Line, scratch: Scratch): void {
    line.source = source.app;
    let at = start;
    let first = at < end ? b[at]! : 0;
    if (first === ESCAPE) {
      at = this.afterColors(b, at, end, scratch.stamp);
      first = at < end ? b[at]! : 0;
    }
    if (first === LESS) {
      const after = readPriority(b, at, end, line);
      if (after > 0) {
        at = after;
        first = at < end ? b[at]! : 0;
      }
    }
    let isStamped = false;
    switch (first) {
      case LBRACKET:
        if (this.kernel(b, at, end, line, scratch)) return;
        isStamped = this.bracketed(b, at, end, line, scratch);
        if (isStamped) break;
        if (this.status(b, at, end, line)) return;
        isStamped = this.search(b, at, end, line, scratch);
        break;
      case LBRACE:
        this.structured(b, at, end, line, scratch);
        if (b[end - 1] !== RBRACE) this.midline(b, at, end, line, scratch);
        return;
      case 0: // An empty line, or a NUL.
      case TAB:
      case SPACE:
        this.clock.inherit(line);
        if (first === SPACE && isSystemdJob(b, start, end)) line.source = source.systemd;
        break;
      default:
        isStamped = byteClass[first] === DIGIT && this.dated(b, at, end, line, scratch);
        isStamped ||= this.search(b, at, end, line, scratch);
    }
    if (this.midline(b, line.text_start, end, line, scratch)) return;
    readLevel(b, end, line, isStamped, scratch);
  }

  /** `[   12.345678] text`, also with `[ T123]` or `[ C0]` after the stamp. */
  private kernel(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): boolean {
    const { stamp } = scratch;
    let after = readKernelClock(b, at, end, stamp);
    if (after < 0) return false;
    this.clock.sinceBoot(line, stamp);
    after = this.kernelText(b, after, end, line, scratch);
    line.message_start = after;
    return true;
  }

  /** Reads the caller and the text after the kernel's stamp. @returns where the text begins */
  private kernelText(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): number {
    const { traits } = scratch;
    line.source = source.kernel;
    traits.way = ways.kernel;
    traits.source = 0;
    traits.uptime = scratch.stamp.seconds;
    if (at + 2 < end && b[at] === LBRACKET) {
      const close = readCaller(b, at, end, traits);
      if (close > 0) at = close;
    }
    if (at < end && b[at] === SPACE) at++;
    line.text_start = at;
    const headline = headlineOf(b, at, end);
    if (headline === undefined) return at;
    traits.hint = headline.severity === 0 ? hints.note : hints.crash;
    if (line.severity === 0) line.severity = headline.severity;
    return at;
  }

  /**
   * Finds kernel text in the middle of a program's line or after text of the BIOS.
   * @returns whether there is some
   */
  private midline(b: Uint8Array, from: number, end: number, line: Line, scratch: Scratch): boolean {
    const { stamp } = scratch;
    for (let at = from; ; at++) {
      at = findKernelClock(b, at, end);
      if (at < 0) return false;
      const after = readKernelClock(b, at, end, stamp);
      if (after < 0 || (b[after] !== SPACE && b[after] !== LBRACKET)) continue;
      line.severity = 0;
      // A stamp of the line is best. Without one, the kernel's clock is better than the time of the line
      // before.
      if (line.kind === kind.line || line.kind === kind.time_of_day) this.clock.boot(stamp);
      else this.clock.sinceBoot(line, stamp);
      this.kernelText(b, after, end, line, scratch);
      return true;
    }
  }

  /** `2026-06-01T15:30:18.123Z text` */
  private dated(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): boolean {
    const { stamp } = scratch;
    const after = readRfc3339(b, at, end, stamp);
    if (after < 0) return false;
    this.clock.stamped(line, stamp);
    this.tagged(b, after, end, line, scratch);
    return true;
  }

  /** `[12:04:31] [tag] text` */
  private bracketed(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): boolean {
    const { stamp } = scratch;
    const after = readTimeOfDay(b, at, end, stamp);
    if (after > 0) {
      this.clock.stamped(line, stamp);
      this.tagged(b, after, end, line, scratch);
      return true;
    }
    return false;
  }

  /** Finds a stamp of any other form, at the places where logs have it. @returns whether there is one */
  private search(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): boolean {
    const { program, stamp, traits } = scratch;
    if (guestProgram(b, at, end, program)) {
      line.source = this.sources.idOf(b, program.start, program.end);
      line.message_start = program.text;
      line.text_start = program.text;
      this.clock.inherit(line);
      return false;
    }
    if (!findStamp(b, at, end, stamp)) {
      if (programAt(b, at, end, false, program)) this.fromProgram(b, line, scratch);
      this.clock.inherit(line);
      return false;
    }
    this.clock.stamped(line, stamp);
    const isOpened = stamp.start === at + 1 || (b[at] === LBRACKET && stamp.start - at <= 5);
    const opens = isOpened ? closerOf(b[at]!) : 0;
    let after = stamp.end;
    if (stamp.start !== at && opens === 0) return stampedWithin(line, traits);
    if (opens !== 0) {
      if (b[after] !== opens || after >= end) return stampedWithin(line, traits);
      after++;
    }
    traits.isStamped = true;
    if (stamp.form === forms.glog) {
      line.text_start = after;
      return true;
    }
    line.message_start = after < end && b[after] === SPACE ? after + 1 : after;
    line.text_start = line.message_start;
    if (
      stamp.dates === dates.yearless &&
      stamp.form === forms.plain &&
      syslogProgram(b, after, end, program)
    ) {
      line.severity ||= severityOfText(b, line.message_start, program.start, true);
      if (isKernel(b, program)) this.syslogKernel(b, end, line, scratch);
      else this.fromProgram(b, line, scratch);
    } else if (programAt(b, line.message_start, end, false, program)) this.fromProgram(b, line, scratch);
    return true;
  }

  private fromProgram(b: Uint8Array, line: Line, { program, traits }: Scratch): void {
    line.source = this.sources.idOf(b, program.start, program.end);
    line.text_start = program.text;
    traits.way = ways.program;
  }

  /** `kernel: [12.345] text`, written by a log daemon. */
  private syslogKernel(b: Uint8Array, end: number, line: Line, scratch: Scratch): void {
    const { program, stamp, traits } = scratch;
    let at = program.text;
    traits.uptime = 0;
    const keptSeconds = stamp.seconds;
    const after = readKernelClock(b, at, end, stamp);
    if (after > 0) at = after;
    this.kernelText(b, at, end, line, scratch);
    if (after < 0) traits.uptime = 0;
    stamp.seconds = keptSeconds;
  }

  /**
   * Reads the rest of a stamped line: ` [tag] text` of the guest's agent, ` stdout F text` of a container
   * runtime, text.
   */
  private tagged(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): void {
    const { traits } = scratch;
    const after = at < end && b[at] === SPACE ? at + 1 : at;
    line.message_start = after;
    line.text_start = after;
    const close = tagEnd(b, after, end);
    const tag = close < 0 ? 0 : this.sources.tagId(b, after + 1, close);
    if (tag > 0) {
      line.source = tag;
      line.message_start = close + 1 < end && b[close + 1] === SPACE ? close + 2 : close + 1;
      line.text_start = line.message_start;
      traits.way = ways.tagged;
      return;
    }
    traits.isStamped = true;
    if (b[after] === LOWER_S && this.containerLine(b, after, end, line, scratch)) return;
    if (programAt(b, after, end, false, scratch.program)) this.fromProgram(b, line, scratch);
    else if (
      byteClass[b[after]!]! !== 0 &&
      syslogProgram(b, after, end, scratch.program) &&
      isKernel(b, scratch.program)
    )
      this.syslogKernel(b, end, line, scratch);
  }

  /** `stdout F text`: a whole line of a container runtime; `stdout P text`: a piece of one. */
  private containerLine(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): boolean {
    const { traits } = scratch;
    const isOut = startsWith(b, at, end, STDOUT);
    if (!isOut && !startsWith(b, at, end, STDERR)) return false;
    const flag = b[at + 7];
    if (at + 8 > end || (flag !== UPPER_P && flag !== UPPER_F) || (at + 8 < end && b[at + 8] !== SPACE))
      return false;
    line.source = isOut ? source.stdout : source.stderr;
    line.message_start = Math.min(end, at + 9);
    line.text_start = line.message_start;
    traits.way = ways.tagged;
    traits.isPiece = flag === UPPER_P;
    return true;
  }

  /** A JSON object, with time, level and source in its fields. */
  private structured(b: Uint8Array, at: number, end: number, line: Line, scratch: Scratch): void {
    const { json, stamp, traits } = scratch;
    readJson(b, at, end, json, stamp);
    line.severity = json.severity;
    if (json.hasTime) {
      this.clock.stamped(line, stamp);
      traits.isStamped = true;
    } else this.clock.inherit(line);
    if (json.source_end > 0 && isSourceValue(b, json.source_start, json.source_end)) {
      line.source = this.sources.idOf(b, json.source_start, json.source_end);
    }
  }

  /** `[  OK  ] Started …` on the boot screen of systemd. */
  private status(b: Uint8Array, at: number, end: number, line: Line): boolean {
    const means = systemdStatus(b, at, end);
    if (means === null) return false;
    line.source = source.systemd;
    line.severity = severity[means];
    this.clock.inherit(line);
    return true;
  }

  /** The offset after the colors at `at`. In `ESC[32026-11-23T…` the next stamp cut a color off. */
  private afterColors(b: Uint8Array, at: number, end: number, stamp: Stamp): number {
    while (at < end && b[at] === ESCAPE) {
      for (let cut = at + 2; cut < at + 6; cut++)
        if (isDigit(b[cut]) && readRfc3339(b, cut, end, stamp) > 0) return cut;
      at = skipEscape(b, at, end);
    }
    return at;
  }

  /** A line of events.jsonl, which the runtime writes. */
  lifecycle(b: Uint8Array, start: number, end: number, line: Line, scratch: Scratch): void {
    this.structured(b, start, end, line, scratch);
    line.source = source.runtime;
    line.event = eventOf(b, start, end);
  }

  /** A line of firecracker.log: `2026-06-01T15:30:18.123456789 [id:thread:LEVEL:file] text`. */
  machine(b: Uint8Array, start: number, end: number, line: Line, scratch: Scratch): void {
    const { stamp, traits } = scratch;
    line.source = source.firecracker;
    const at = readRfc3339(b, start, end, stamp);
    if (at < 0) {
      this.clock.inherit(line);
      return;
    }
    this.clock.stamped(line, stamp);
    traits.isStamped = true;
    line.message_start = at < end && b[at] === SPACE ? at + 1 : at;
    line.text_start = line.message_start;
    line.severity = severityOfText(b, line.message_start, end, true);
  }
}

/** The stamp is within the text, so the text keeps it. */
function stampedWithin(line: Line, traits: Traits): boolean {
  traits.isStamped = true;
  line.text_start = line.start;
  return true;
}

const STDOUT = Buffer.from('stdout ');
const STDERR = Buffer.from('stderr ');
const KERNEL = Buffer.from('kernel');
const isKernel = (b: Uint8Array, program: ProgramName): boolean =>
  program.end - program.start === KERNEL.length && startsWith(b, program.start, program.end, KERNEL);

const closerOf = (opener: number): number =>
  opener === LBRACKET ? RBRACKET : opener === LPAREN ? RPAREN : opener === QUOTE ? QUOTE : 0;
