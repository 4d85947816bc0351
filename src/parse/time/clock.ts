import { limits } from '../../base/limits.ts';
import { kind, type Line } from '../line/line.ts';
import { daysFromDate } from './calendar.ts';
import { dates, type Stamp } from './stamp.ts';

/** What the times of a stream's next lines depend on; kept in the spool across restarts. */
export interface ClockState {
  /** Time of the line before: seconds since 1970, nanoseconds; 0 before the first. */
  seconds: number;
  nanos: number;
  /** The last stamp of a line's own that was believed. */
  stamped: number;
  /** Wall clock of the guest's boot, from which kernel seconds count; 0 before the first kernel line. */
  boot_seconds: number;
  boot_nanos: number;
  /** The last kernel stamp: a smaller one is a new boot. */
  uptime: number;
}

export const newClockState = (): ClockState => ({
  seconds: 0,
  nanos: 0,
  stamped: 0,
  boot_seconds: 0,
  boot_nanos: 0,
  uptime: 0,
});

// Asked for each line, and the table of limits is too large for V8 to look things up in it fast.
const { clock_skew_max_s } = limits.parse;
const DAY = 86_400;
/** Stamps before 2000 come from a guest without a clock and are not believed; in a recorded file those before 1990. */
const EPOCH_OF_NO_CLOCK = 946_684_800;
const EARLIEST_RECORDED = 631_152_000;
/** What 64 bits of nanoseconds hold ends in April 2262; later stamps are not believed either. */
const LATEST = 9_223_000_000;
/** Stamps of whole seconds, and lines that passed each other, make clocks disagree by so much. */
const ANCHOR_SLACK_S = 2;

/**
 * Chooses the time of each line of one stream: its own stamp, if it is to be believed; else one that follows from the lines
 * around it; else the host clock when it was read.
 */
export class Clock {
  readonly state: ClockState;
  private readonly startedSeconds: number;
  private readonly startedNanos: number;
  private readonly isRecorded: boolean;
  /** The host clock when the line's bytes were read. */
  private observedSeconds = 0;
  private observedNanos = 0;
  /** When all that was written before had been read: what is read now was written later. 0: never yet. */
  private caughtUpAt = 0;

  /**
   * @param startedSeconds when the log's first file was made, seconds since 1970 and nanoseconds; 0 if unknown
   * @param isRecorded the lines were written at any time before, so no stamp is too old
   */
  constructor(state: ClockState, startedSeconds: number, startedNanos: number, isRecorded: boolean) {
    this.state = state;
    this.startedSeconds = startedSeconds;
    this.startedNanos = startedNanos;
    this.isRecorded = isRecorded;
  }

  observe(seconds: number, nanos: number): void {
    this.observedSeconds = seconds;
    this.observedNanos = nanos;
  }

  caughtUp(seconds: number): void {
    this.caughtUpAt = seconds;
  }

  /** The line has a stamp of its own: `stamp`. */
  stamped(line: Line, stamp: Stamp): void {
    if (stamp.dates === dates.none) {
      this.onNearestDay(line, stamp);
      return;
    }
    const seconds = stamp.dates === dates.full ? stamp.seconds : this.inItsYear(stamp.seconds);
    if (!this.isBelievable(seconds)) {
      this.choose(line, this.observedSeconds, this.observedNanos, kind.observed);
      return;
    }
    this.choose(line, seconds, stamp.nanos, kind.line);
    this.anchor(seconds);
  }

  /** No line was written before its file was made, before all that was there had been read, or after it was read. */
  private isBelievable(seconds: number): boolean {
    if (seconds > LATEST) return false;
    if (this.isRecorded) return seconds >= EARLIEST_RECORDED;
    if (seconds < EPOCH_OF_NO_CLOCK) return false;
    const earliest = Math.max(this.caughtUpAt, this.startedSeconds);
    return seconds >= earliest - clock_skew_max_s && seconds <= this.observedSeconds + clock_skew_max_s;
  }

  /** Kernel lines before this stamp cannot have been later than it: they tell when the guest booted. */
  private anchor(seconds: number): void {
    const { state } = this;
    state.stamped = seconds;
    if (state.boot_seconds === 0 || this.caughtUpAt > 0) return;
    const last = state.boot_seconds + state.uptime;
    if (last > seconds + ANCHOR_SLACK_S) this.setBoot(seconds, 0, Math.floor(state.uptime), 0);
  }

  /** The line has kernel seconds: `stamp`. */
  sinceBoot(line: Line, stamp: Stamp): void {
    this.boot(stamp);
    const { state } = this;
    const sum = state.boot_nanos + stamp.nanos;
    const carry = sum >= 1e9 ? 1 : 0;
    const since = state.boot_seconds + stamp.seconds + carry;
    if (since > LATEST) this.choose(line, this.observedSeconds, this.observedNanos, kind.observed);
    else this.choose(line, since, sum - carry * 1e9, kind.kernel_clock);
  }

  /** Kernel seconds in `stamp`: sees restarts and wakes, and keeps when the guest booted. */
  boot(stamp: Stamp): void {
    const { state } = this;
    const uptime = stamp.seconds + stamp.nanos / 1e9;
    const isRestart = uptime + 1 < state.uptime;
    if (state.boot_seconds === 0 || isRestart) {
      // A restart begins where the console was; the first boot when the console's file was made, unless a
      // line with a stamp of its own, or at least the moment of reading, says when this uptime was.
      if (isRestart && state.seconds > 0) this.setBoot(state.seconds, state.nanos, 0, 0);
      else if (state.seconds > 0) this.setBoot(state.seconds, state.nanos, stamp.seconds, stamp.nanos);
      else if (this.startedSeconds > 0) this.setBoot(this.startedSeconds, this.startedNanos, 0, 0);
      else this.setBoot(this.observedSeconds, this.observedNanos, stamp.seconds, stamp.nanos);
      if (isRestart) state.stamped = 0;
    }
    state.uptime = uptime;
    const since = state.boot_seconds + stamp.seconds;
    if (this.caughtUpAt > 0) {
      // Read as it is written: the host clock is the anchor, also after a wake, which kernel seconds leave out.
      if (since < this.caughtUpAt - ANCHOR_SLACK_S || since > this.observedSeconds + ANCHOR_SLACK_S) {
        this.setBoot(this.observedSeconds, this.observedNanos, stamp.seconds, stamp.nanos);
      }
    } else if (since < state.stamped - ANCHOR_SLACK_S)
      this.setBoot(state.stamped, 0, stamp.seconds, stamp.nanos);
  }

  private setBoot(seconds: number, nanos: number, uptimeSeconds: number, uptimeNanos: number): void {
    const borrow = nanos < uptimeNanos ? 1 : 0;
    this.state.boot_seconds = seconds - uptimeSeconds - borrow;
    this.state.boot_nanos = nanos - uptimeNanos + borrow * 1e9;
  }

  /** A time of day belongs to the day that brings it nearest to the line before, or to when it was read. */
  private onNearestDay(line: Line, stamp: Stamp): void {
    const near = Math.max(this.state.seconds, this.caughtUpAt) || this.observedSeconds;
    let seconds = near - (near % DAY) + stamp.seconds;
    if (seconds - near > DAY / 2) seconds -= DAY;
    else if (near - seconds > DAY / 2) seconds += DAY;
    this.choose(line, seconds, stamp.nanos, kind.time_of_day);
  }

  // Lines without a year come in runs of the same day.
  private keptDay = -1;
  private keptLatest = -1;
  private keptDayInYear = -1;

  /** The last year in which this day is not in the future. */
  private inItsYear(yearless: number): number {
    const day = Math.floor(yearless / DAY);
    const latest = Math.floor(this.observedSeconds / DAY) + 1;
    if (day !== this.keptDay || latest !== this.keptLatest) {
      const date = new Date(day * DAY * 1000);
      this.keptDay = day;
      this.keptLatest = latest;
      this.keptDayInYear = -1;
      // A 29 February may be up to eight years back.
      for (let year = new Date(latest * DAY * 1000).getUTCFullYear(), tries = 0; tries < 9; year--, tries++) {
        const days = daysFromDate(year, date.getUTCMonth() + 1, date.getUTCDate());
        if (days < 0 || days > latest) continue;
        this.keptDayInYear = days;
        break;
      }
    }
    return this.keptDayInYear * DAY + (yearless % DAY);
  }

  /** The line has no time of its own: that of the line before, unless that one is known to be older. */
  inherit(line: Line): void {
    const { seconds, nanos } = this.state;
    if (seconds > 0 && seconds >= this.caughtUpAt - 1) this.choose(line, seconds, nanos, kind.inherited);
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
