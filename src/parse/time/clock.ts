import { limits } from '../../base/limits.ts';
import { kind, type Line } from '../line/line.ts';
import { daysFromDate } from './calendar.ts';
import { dates, type Stamp } from './stamp.ts';

/** The times of a stream's next lines depend on this. It is kept in the spool across restarts. */
export interface ClockState {
  /** Time of the line before: seconds since 1970 and nanoseconds; 0 before the first line. */
  seconds: number;
  nanos: number;
  /** The last accepted stamp of a line. */
  stamped: number;
  /** The time when the guest booted, from which kernel seconds count; 0 before the first kernel line. */
  boot_seconds: number;
  boot_nanos: number;
  /** The last kernel stamp. A smaller one means a new boot. */
  uptime: number;
  /**
   * Everything written before this time has been read, so new lines are younger. 0: this never happened yet.
   */
  read_until: number;
}

export const newClockState = (): ClockState => ({
  seconds: 0,
  nanos: 0,
  stamped: 0,
  boot_seconds: 0,
  boot_nanos: 0,
  uptime: 0,
  read_until: 0,
});

// Read for every line: a lookup in the large table of limits would be slow.
const { clock_skew_max_s } = limits.parse;
const DAY = 86_400;
/**
 * A stamp before 2000 comes from a guest without a clock and is rejected; in a recorded file one before 1990.
 */
const EPOCH_OF_NO_CLOCK = 946_684_800;
const EARLIEST_RECORDED = 631_152_000;
/** Nanoseconds in 64 bits end in April 2262. Later stamps are rejected too. */
const LATEST = 9_223_000_000;
/**
 * Clocks may differ by this much, because of stamps in whole seconds and of lines that overtook each other.
 */
const ANCHOR_SLACK_S = 2;

/**
 * Chooses the time of each line of one stream: its own stamp if that is plausible; else a time derived from
 * the lines around it; else the host clock when the line was read.
 *
 * Guests write whatever stamps they like, so the host clock bounds each of these times: no line was written
 * before its log began, before what had been read earlier, or after it was read.
 */
export class Clock {
  readonly state: ClockState;
  private readonly startedSeconds: number;
  private readonly startedNanos: number;
  private readonly isRecorded: boolean;
  /** Whether the line has a stamp that is not believed. */
  isDoubted = false;
  /** The host clock when the bytes of the line were read. */
  private observedSeconds = 0;
  private observedNanos = 0;
  /** No time after this is believed. */
  private latest = LATEST;
  /** This process has read everything once, so new lines were just written. */
  private isFollowing = false;

  /**
   * @param startedSeconds creation time of the log's first file, seconds since 1970; with `startedNanos`; 0
   * if unknown
   * @param isRecorded the lines may have any age, so no stamp is too old
   */
  constructor(state: ClockState, startedSeconds: number, startedNanos: number, isRecorded: boolean) {
    this.state = state;
    this.startedSeconds = startedSeconds;
    this.startedNanos = startedNanos;
    this.isRecorded = isRecorded;
  }

  observe(seconds: number, nanos: number): void {
    this.isDoubted = false;
    this.observedSeconds = seconds;
    this.observedNanos = nanos;
    if (!this.isRecorded) this.latest = Math.min(LATEST, seconds + clock_skew_max_s);
  }

  /** Forgets the lines since a state. */
  reset(state: ClockState): void {
    Object.assign(this.state, state);
  }

  caughtUp(seconds: number): void {
    this.isFollowing = true;
    this.state.read_until = Math.floor(seconds);
  }

  /** The line has this stamp of its own. */
  stamped(line: Line, stamp: Stamp): void {
    if (stamp.dates === dates.none) {
      this.onNearestDay(line, stamp);
      return;
    }
    const seconds = stamp.dates === dates.full ? stamp.seconds : this.inItsYear(stamp.seconds);
    if (!this.isPlausible(seconds)) {
      this.doubt(line);
      return;
    }
    this.choose(line, seconds, stamp.nanos, kind.line);
    this.anchor(seconds);
  }

  /**
   * A line was written after its file was created, after everything before it was read, and before it was
   * read.
   */
  private isPlausible(seconds: number): boolean {
    if (seconds > this.latest) return false;
    if (this.isRecorded) return seconds >= EARLIEST_RECORDED;
    if (seconds < EPOCH_OF_NO_CLOCK) return false;
    return seconds >= Math.max(this.state.read_until, this.startedSeconds) - clock_skew_max_s;
  }

  /** Kernel lines before this stamp are not later than it. This corrects the time of the boot. */
  private anchor(seconds: number): void {
    const { state } = this;
    state.stamped = seconds;
    if (state.boot_seconds === 0 || this.isFollowing) return;
    const last = state.boot_seconds + state.uptime;
    if (last > seconds + ANCHOR_SLACK_S) this.setBoot(seconds, 0, Math.floor(state.uptime), 0);
  }

  /** The line has kernel seconds in `stamp`. */
  sinceBoot(line: Line, stamp: Stamp): void {
    const isBelieved = this.boot(stamp);
    const { state } = this;
    const sum = state.boot_nanos + stamp.nanos;
    const carry = sum >= 1e9 ? 1 : 0;
    const since = state.boot_seconds + stamp.seconds + carry;
    if (!isBelieved || since > this.latest) this.doubt(line);
    else this.choose(line, since, sum - carry * 1e9, kind.kernel_clock);
  }

  /**
   * Updates the time of the boot from the kernel seconds in `stamp`; detects restarts and wakes.
   * @returns false if the guest claims a time after the line was read
   */
  boot(stamp: Stamp): boolean {
    const { state } = this;
    const uptime = stamp.seconds + stamp.nanos / 1e9;
    const isRestart = uptime + 1 < state.uptime;
    const isNew = state.boot_seconds === 0 || isRestart;
    const isBelieved = isNew || state.boot_seconds + stamp.seconds <= this.latest;
    // Where it is not known when the line was written, the times of the lines behind it stay as they are.
    if (!isBelieved && !this.isFollowing) return false;
    if (isNew) {
      // A restart begins at the time of the line before. The first boot begins when the console's file was
      // created, unless the time of a line before, or at least the host clock, shows when this uptime was.
      if (isRestart && state.seconds > 0) this.setBoot(state.seconds, state.nanos, 0, 0);
      else if (state.seconds > 0) this.setBoot(state.seconds, state.nanos, stamp.seconds, stamp.nanos);
      else if (this.startedSeconds > 0) this.setBoot(this.startedSeconds, this.startedNanos, 0, 0);
      else this.setBoot(this.observedSeconds, this.observedNanos, stamp.seconds, stamp.nanos);
      if (isRestart) state.stamped = 0;
    }
    state.uptime = uptime;
    const since = state.boot_seconds + stamp.seconds;
    const isAhead = !this.isRecorded && since > this.observedSeconds + ANCHOR_SLACK_S;
    // A line that was just written has the time of the host clock, and no line has a later one. After a wake,
    // kernel seconds lack the time asleep; in a resumed guest they count from a boot before its console.
    const earliest = Math.max(state.read_until, this.isFollowing ? 0 : state.stamped);
    const isBehind = since < earliest - ANCHOR_SLACK_S;
    if (isAhead || (isBehind && this.isFollowing))
      this.setBoot(this.observedSeconds, this.observedNanos, stamp.seconds, stamp.nanos);
    else if (isBehind) this.setBoot(earliest, 0, stamp.seconds, stamp.nanos);
    return isBelieved;
  }

  private setBoot(seconds: number, nanos: number, uptimeSeconds: number, uptimeNanos: number): void {
    const borrow = nanos < uptimeNanos ? 1 : 0;
    this.state.boot_seconds = seconds - uptimeSeconds - borrow;
    this.state.boot_nanos = nanos - uptimeNanos + borrow * 1e9;
  }

  /** A time of day gets the day that brings it nearest to the line before, or else to the host clock. */
  private onNearestDay(line: Line, stamp: Stamp): void {
    const before = Math.max(this.state.seconds, this.state.read_until);
    const near = before > 0 && before <= this.latest ? before : this.observedSeconds;
    let seconds = near - (near % DAY) + stamp.seconds;
    if (seconds - near > DAY / 2) seconds -= DAY;
    else if (near - seconds > DAY / 2) seconds += DAY;
    // Each line may move the day a little further, so a run of them would reach any time.
    if (!this.isRecorded && !this.isPlausible(seconds)) this.doubt(line);
    else this.choose(line, seconds, stamp.nanos, kind.time_of_day);
  }

  // The last day without a year, and its year: lines without a year come in runs of the same day.
  private keptDay = -1;
  private keptLatest = -1;
  private keptDayInYear = -1;

  /** Puts a stamp without a year into the last year in which its day is not in the future. */
  private inItsYear(yearless: number): number {
    const day = Math.floor(yearless / DAY);
    const latest = Math.floor(this.observedSeconds / DAY) + 1;
    if (day !== this.keptDay || latest !== this.keptLatest) {
      const date = new Date(day * DAY * 1000);
      this.keptDay = day;
      this.keptLatest = latest;
      this.keptDayInYear = -1;
      // The last 29 February may be up to eight years ago.
      for (let year = new Date(latest * DAY * 1000).getUTCFullYear(), tries = 0; tries < 9; year--, tries++) {
        const days = daysFromDate(year, date.getUTCMonth() + 1, date.getUTCDate());
        if (days < 0 || days > latest) continue;
        this.keptDayInYear = days;
        break;
      }
    }
    return this.keptDayInYear * DAY + (yearless % DAY);
  }

  /** The line has no stamp: it gets the time of the line before, unless that is known to be too old. */
  inherit(line: Line): void {
    const { seconds, nanos } = this.state;
    // The time of an earlier version's state, or of a host clock that was set back, may be in the future.
    if (seconds > 0 && seconds >= this.state.read_until - 1 && seconds <= this.latest)
      this.choose(line, seconds, nanos, kind.inherited);
    else this.unknown(line);
  }

  private doubt(line: Line): void {
    this.isDoubted = true;
    this.unknown(line);
  }

  /** Nothing plausible shows when the line was written. */
  private unknown(line: Line): void {
    this.choose(line, this.observedSeconds, this.observedNanos, kind.observed);
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
