import { kind, type Line } from './line.ts';
import { nameId, nameIdOf } from './names.ts';
import { kernelClock, rfc3339, stamp, timeOfDay } from './stamp.ts';

const source = {
  none: 0,
  app: nameId('app'),
  kernel: nameId('kernel'),
  init: nameId('init'),
  systemd: nameId('systemd'),
  runtime: nameId('runtime'),
  firecracker: nameId('firecracker'),
};

/** What a stream's next line needs to know of the lines before it; kept in the spool across restarts. */
export interface ParserState {
  /** Time of the line before: seconds since 1970, nanoseconds; 0 before the first. */
  seconds: number;
  nanos: number;
  /** Wall clock of the guest's boot, from which kernel seconds count; 0 before the first kernel line. */
  boot_seconds: number;
  boot_nanos: number;
  /** The last kernel stamp: a smaller one is a new boot. */
  uptime: number;
}

const DAY = 86_400;
/** Stamps before this (2000-01-01) come from a guest without a clock and are not believed. */
const EPOCH_OF_NO_CLOCK = 946_684_800;
/** What 64 bits of nanoseconds hold ends in April 2262; later stamps are not believed either. */
const LATEST = 9_223_000_000;
const TAG_BYTES_MAX = 32;

/**
 * Reads the lines of one stream, in order, into a `Line`. Only bytes are looked at: no input throws, and the
 * cost is linear in the stamp and tag, whatever the rest of the line holds.
 */
export class LineParser {
  readonly state: ParserState;
  private readonly log: string;

  /** The host clock when the line's bytes were read. */
  private observedSeconds = 0;
  private observedNanos = 0;
  private readonly startedSeconds: number;
  private readonly startedNanos: number;

  /** `started`: when the log's first file was made, seconds since 1970 and nanoseconds; 0 if unknown. */
  constructor(log: string, startedSeconds: number, startedNanos: number, state?: ParserState) {
    this.log = log;
    this.startedSeconds = startedSeconds;
    this.startedNanos = startedNanos;
    this.state = state ?? { seconds: 0, nanos: 0, boot_seconds: 0, boot_nanos: 0, uptime: 0 };
  }

  /**
   * Parses b[start, end), a whole line with its end or a piece of one.
   * `observedSeconds`, `observedNanos`: the host clock when the bytes were read.
   */
  parse(
    b: Uint8Array,
    start: number,
    end: number,
    observedSeconds: number,
    observedNanos: number,
    line: Line,
  ): void {
    line.start = start;
    line.end = end;
    line.source = source.none;
    line.severity = 0;
    line.event = 0;
    line.title = 0;
    line.entry_back = 0;
    splitEnding(b, start, end, line);
    line.message_start = start;
    this.observedSeconds = observedSeconds;
    this.observedNanos = observedNanos;
    if (this.log === 'console') this.console(b, start, line.message_end, line);
    else if (this.log === 'events') this.lifecycle(b, start, line.message_end, line);
    else this.machine(b, start, line.message_end, line);
  }

  private console(b: Uint8Array, start: number, end: number, line: Line): void {
    const first = start < end ? b[start]! : 0;
    if (first === 91) {
      let at = kernelClock(b, start, end);
      if (at > 0) {
        this.sinceBoot(line);
        line.source = source.kernel;
        // `[ T123]` or `[ C0]`: the printing task or processor, where the kernel is built to say so.
        if (at + 2 < end && b[at] === 91) {
          const close = callerEnd(b, at, end);
          if (close > 0) at = close;
        }
        line.message_start = at < end && b[at] === 32 ? at + 1 : at;
        return;
      }
      at = timeOfDay(b, start, end);
      if (at > 0) {
        this.onNearestDay(line);
        line.source = source.app;
        line.message_start = this.tag(b, at, end, line);
        return;
      }
      if (isSystemdStatus(b, start, end)) line.source = source.systemd;
      else line.source = source.app;
    } else if (first >= 48 && first <= 57) {
      const at = rfc3339(b, start, end);
      if (at > 0) {
        line.source = source.app;
        line.message_start = this.tag(b, at, end, line);
        this.stamped(line);
        return;
      }
      line.source = source.app;
    } else {
      line.source = source.app;
      const name = guestProgram(b, start, end);
      if (name > 0) {
        line.source = nameIdOf(b, start + GUEST_PREFIX.length, name);
        line.message_start = name + 2;
      }
    }
    this.inherit(line);
  }

  /** events.jsonl: the runtime writes `"time":"…"` first; elsewhere in the line it is not looked for. */
  private lifecycle(b: Uint8Array, start: number, end: number, line: Line): void {
    line.source = source.runtime;
    let at = skipJsonKey(b, start, end);
    if (at > 0) {
      at = rfc3339(b, at, end);
      if (at > 0) {
        this.stamped(line);
        return;
      }
    }
    this.inherit(line);
  }

  /** firecracker.log: `2026-06-01T15:30:18.123456789 [id:thread:LEVEL:file] text`. */
  private machine(b: Uint8Array, start: number, end: number, line: Line): void {
    line.source = source.firecracker;
    const at = rfc3339(b, start, end);
    if (at < 0) {
      this.inherit(line);
      return;
    }
    line.message_start = at < end && b[at] === 32 ? at + 1 : at;
    this.stamped(line);
  }

  /** ` [tag] ` after a stamp names the source. @returns where the message starts */
  private tag(b: Uint8Array, at: number, end: number, line: Line): number {
    const after = at < end && b[at] === 32 ? at + 1 : at;
    if (b[after] !== 91) return after;
    let close = after + 1;
    while (close < end && close - after <= TAG_BYTES_MAX && isTagByte(b[close]!)) close++;
    if (close >= end || b[close] !== 93 || close === after + 1) return after;
    line.source = nameIdOf(b, after + 1, close) || source.app;
    return close + 1 < end && b[close + 1] === 32 ? close + 2 : close + 1;
  }

  private stamped(line: Line): void {
    if (stamp.seconds < EPOCH_OF_NO_CLOCK || stamp.seconds > LATEST) {
      this.choose(line, this.observedSeconds, this.observedNanos, kind.observed);
      return;
    }
    this.choose(line, stamp.seconds, stamp.nanos, kind.line);
  }

  private sinceBoot(line: Line): void {
    const state = this.state;
    const uptime = stamp.seconds + stamp.nanos / 1e9;
    const restarted = uptime + 1 < state.uptime;
    if (state.boot_seconds === 0 || restarted) {
      // A restart begins where the console was; the first boot when the console's file was made, unless a
      // line with a stamp of its own, or at least the moment of reading, says when this uptime was.
      if (restarted && state.seconds > 0) this.setBoot(state.seconds, state.nanos, 0, 0);
      else if (state.seconds > 0) this.setBoot(state.seconds, state.nanos, stamp.seconds, stamp.nanos);
      else if (this.startedSeconds > 0) this.setBoot(this.startedSeconds, this.startedNanos, 0, 0);
      else this.setBoot(this.observedSeconds, this.observedNanos, stamp.seconds, stamp.nanos);
    }
    state.uptime = uptime;
    const sum = state.boot_nanos + stamp.nanos;
    const carry = sum >= 1e9 ? 1 : 0;
    const since = state.boot_seconds + stamp.seconds + carry;
    if (since > LATEST) this.choose(line, this.observedSeconds, this.observedNanos, kind.observed);
    else this.choose(line, since, sum - carry * 1e9, kind.kernel_clock);
  }

  private setBoot(seconds: number, nanos: number, uptimeSeconds: number, uptimeNanos: number): void {
    const borrow = nanos < uptimeNanos ? 1 : 0;
    this.state.boot_seconds = seconds - uptimeSeconds - borrow;
    this.state.boot_nanos = nanos - uptimeNanos + borrow * 1e9;
  }

  /** A time of day belongs to the day that brings it nearest to the line before, or to when it was read. */
  private onNearestDay(line: Line): void {
    const near = this.state.seconds || this.observedSeconds;
    let seconds = near - (near % DAY) + stamp.seconds;
    if (seconds - near > DAY / 2) seconds -= DAY;
    else if (near - seconds > DAY / 2) seconds += DAY;
    this.choose(line, seconds, 0, kind.time_of_day);
  }

  private inherit(line: Line): void {
    if (this.state.seconds > 0) this.choose(line, this.state.seconds, this.state.nanos, kind.inherited);
    else this.choose(line, this.observedSeconds, this.observedNanos, kind.observed);
  }

  private choose(line: Line, seconds: number, nanos: number, how: number): void {
    line.seconds = seconds;
    line.nanos = nanos;
    line.kind = how;
    if (how === kind.observed) return;
    this.state.seconds = seconds;
    this.state.nanos = nanos;
  }
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

const isTagByte = (byte: number): boolean =>
  (byte >= 97 && byte <= 122) ||
  (byte >= 65 && byte <= 90) ||
  (byte >= 48 && byte <= 57) ||
  byte === 45 ||
  byte === 95 ||
  byte === 46;

function callerEnd(b: Uint8Array, at: number, end: number): number {
  let i = at + 1;
  while (i < end && b[i] === 32) i++;
  if (b[i] !== 84 && b[i] !== 67) return -1;
  for (i++; i < end && b[i]! >= 48 && b[i]! <= 57; i++);
  return i < end && b[i] === 93 ? i + 1 : -1;
}

const GUEST_PREFIX = Buffer.from('pandastack-');

/** `pandastack-init: …`: the runtime's own programs in the guest. @returns the offset of the colon, or -1 */
function guestProgram(b: Uint8Array, start: number, end: number): number {
  for (let i = 0; i < GUEST_PREFIX.length; i++) if (b[start + i] !== GUEST_PREFIX[i]) return -1;
  const name = start + GUEST_PREFIX.length;
  let at = name;
  while (at < end && at - name < TAG_BYTES_MAX && isTagByte(b[at]!)) at++;
  return at > name && at + 1 < end && b[at] === 58 && b[at + 1] === 32 ? at : -1;
}

/** `[  OK  ]`, `[FAILED]`, … of systemd's boot screen, mostly coloured. */
function isSystemdStatus(b: Uint8Array, start: number, end: number): boolean {
  let at = start + 1;
  if (b[at] === 27) {
    while (at < end && at < start + 16 && b[at] !== 109) at++;
    at++;
  }
  while (at < end && b[at] === 32) at++;
  if (at + 3 > end) return false;
  const word = b[at]! * 0x10000 + b[at + 1]! * 0x100 + b[at + 2]!;
  // "OK ", "OK<ESC>", "FAI"led, "DEP"end, "TIM"e, "INF"o, "WAR"ning in systemd's fixed-width column
  return (
    word === 0x4f4b20 || word === 0x4f4b1b || word === 0x464149 || word === 0x444550 || word === 0x54494d
  );
}

const TIME_KEY = Buffer.from('"time"');

/** `{"time": "`: the offset of the value's first character, or -1. */
function skipJsonKey(b: Uint8Array, start: number, end: number): number {
  let at = start;
  const blank = (): void => {
    while (at < end && (b[at] === 32 || b[at] === 9)) at++;
  };
  if (b[at++] !== 123) return -1;
  blank();
  for (let i = 0; i < TIME_KEY.length; i++) if (b[at++] !== TIME_KEY[i]) return -1;
  blank();
  if (b[at++] !== 58) return -1;
  blank();
  return b[at] === 34 ? at + 1 : -1;
}
