import { Entries } from './entries.ts';
import { severity } from './level/severity.ts';
import { source } from './level/source.ts';
import { bytes, skipEscape } from './line/bytes.ts';
import type { SavedEntry } from './line/entry.ts';
import { event } from './line/events.ts';
import { kind, type Line } from './line/line.ts';
import { nameId, nameText } from './line/names.ts';
import { splitEnding } from './line/split.ts';
import { ways } from './line/traits.ts';
import { LineReader } from './line_reader.ts';
import { Marks, type SavedMarks } from './mark/marks.ts';
import { StreamTitles } from './mark/stream_titles.ts';
import { newScratch } from './scratch.ts';
import { Clock, type ClockState, newClockState } from './time/clock.ts';
import { isHeadline, wordEndOf } from './trace/headline.ts';

const { ESCAPE } = bytes;
const READY = nameText(event.boot_ready);

/** What the parser knows of a stream's earlier lines. It is kept in the spool across restarts. */
export interface ParserState {
  clock: ClockState;
  /** Where the next line begins. If the next line has another position, bytes are missing. */
  position: number;
  entries: SavedEntry[];
  /**
   * Set if the last row has no line end: the next row continues its line, with its entry, source and
   * severity.
   */
  piece: { start: number; source: string; severity: string } | null;
  /** Missing in spools of older agents. */
  marks?: SavedMarks;
  /** Absent unless the line at `position` has rows already, and goes on. */
  told?: Told;
}

/** The rows of a line so far, of which the first pieces came alone. */
export interface Told {
  /** Position of its entry. */
  entry: number;
  /** Time of its first row. */
  seconds: number;
  nanos: number;
  /** The host clock when the first of them was read. */
  read_seconds: number;
  read_nanos: number;
  /** Event and title that one of these rows has. */
  event: string;
  title: string;
}

export interface ParserOptions {
  state?: ParserState | undefined;
  /** The lines may have any age, so no stamp is too old. */
  isRecorded?: boolean;
}

/**
 * One for all parsers, because a host has tens of thousands of them. No value in it outlives a call of
 * `parse`.
 */
const scratch = newScratch();

/**
 * Parses the lines of one stream, in order, into a `Line`. It accepts any bytes and never throws. Its cost is
 * linear in the length of the line.
 */
export class LineParser {
  private readonly log: string;
  private readonly isConsole: boolean;
  private readonly clock: Clock;
  private entries: Entries;
  private readonly reader: LineReader;
  private marks: Marks;
  /** Null for recorded lines, which are the only ones in their process. */
  private readonly titles: StreamTitles | null;
  private position: number;
  private isPiece = false;
  private pieceStart = 0;
  private pieceSource = 0;
  private pieceSeverity = 0;
  private told: Told | null = null;

  /** `started`: creation time of the log's first file, seconds since 1970 and nanoseconds; 0 if unknown. */
  constructor(log: string, startedSeconds: number, startedNanos: number, options: ParserOptions = {}) {
    const { state, isRecorded } = options;
    this.log = log;
    this.isConsole = log === 'console';
    // A copy, because the spool still has the saved one. Spools of older agents lack some fields.
    const clock = state ? { ...newClockState(), ...state.clock } : newClockState();
    this.clock = new Clock(clock, startedSeconds, startedNanos, isRecorded ?? false);
    this.reader = new LineReader(this.clock);
    this.entries = new Entries(state?.entries ?? []);
    this.marks = new Marks(state?.marks);
    this.titles = isRecorded ? null : new StreamTitles();
    this.position = state?.position ?? 0;
    this.told = state?.told ?? null;
    if (!state?.piece) return;
    this.isPiece = true;
    this.pieceStart = state.piece.start;
    this.pieceSource = this.reader.savedSource(state.piece.source);
    this.pieceSeverity = nameId(state.piece.severity);
  }

  /** A copy of the state, for the spool. */
  state(): ParserState {
    const entries = this.entries.save(this.position);
    const piece = this.isPiece
      ? { start: this.pieceStart, source: nameText(this.pieceSource), severity: nameText(this.pieceSeverity) }
      : null;
    return {
      clock: { ...this.clock.state },
      position: this.position,
      entries,
      piece,
      marks: this.marks.save(),
      ...(this.told !== null && { told: this.told }),
    };
  }

  /** Seconds since boot of the last kernel line. */
  get uptime(): number {
    return this.clock.state.uptime;
  }

  /** Everything written until `seconds` (since 1970) has been read. Later lines were written after that. */
  caughtUp(seconds: number): void {
    // A line that goes on began before that.
    if (this.told === null) this.clock.caughtUp(seconds);
  }

  /**
   * Parses b[start, end): a whole line with its line end, or a piece of a line, at `position` in the stream.
   * @param observedSeconds the host clock when the bytes were read, with `observedNanos`
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
    this.begin(position);
    this.told = null;
    this.position = position + end - start;
    if (this.isPiece) this.goOn(position, line);
    else {
      this.whole(b, start, line.message_end, position, line);
      this.mark(b, position, line);
      // A stamp that is not believed is text: only the guest's own time would be lost with it.
      if (this.clock.isDoubted) line.message_start = start;
    }
    this.isPiece = line.ending === 0;
    if (!this.isPiece) return;
    this.pieceStart = position - line.entry_back;
    this.pieceSource = line.source;
    this.reader.hold(line.source);
    this.pieceSeverity = line.severity;
  }

  private begin(position: number): void {
    if (position === this.position) return;
    this.entries.close();
    this.isPiece = false;
    this.told = null;
    this.position = position;
  }

  /**
   * Parses b[start, end), as much as there is of a line that goes on, for the row of b[from, end). Only what
   * its rows told is remembered: a whole line may mean something else.
   */
  parsePiece(
    b: Uint8Array,
    start: number,
    from: number,
    end: number,
    position: number,
    observedSeconds: number,
    observedNanos: number,
    line: Line,
  ): void {
    this.begin(position);
    const { told, isPiece, pieceStart, pieceSource, pieceSeverity } = this;
    const before = this.state();
    const seconds = told?.read_seconds ?? observedSeconds;
    const nanos = told?.read_nanos ?? observedNanos;
    this.parse(b, start, end, position, seconds, nanos, line);
    this.entries = new Entries(before.entries);
    this.marks = new Marks(before.marks);
    this.clock.reset(before.clock);
    this.position = position;
    Object.assign(this, { isPiece, pieceStart, pieceSource, pieceSeverity });
    this.reader.hold(isPiece ? pieceSource : 0);
    const all = this.asRest(b, from, position, line, told);
    this.told = { ...all, read_seconds: seconds, read_nanos: nanos };
  }

  /**
   * Parses b[start, end), a whole line, for the row of its rest b[from, end): earlier rows have what is
   * before it. That row has the source, severity and event of the whole line, and time and entry of its
   * first row.
   */
  parseRest(
    b: Uint8Array,
    start: number,
    from: number,
    end: number,
    position: number,
    observedSeconds: number,
    observedNanos: number,
    line: Line,
  ): void {
    this.begin(position);
    const { told } = this;
    const seconds = told?.read_seconds ?? observedSeconds;
    this.parse(b, start, end, position, seconds, told?.read_nanos ?? observedNanos, line);
    const all = this.asRest(b, from, position, line, told);
    // A guest that waits at a prompt is ready, whatever is typed there.
    if (all.event === READY) this.marks.foundReady();
  }

  /** Makes of a parsed line the row of b[from, line.end). @returns what the rows of the line told by now */
  private asRest(
    b: Uint8Array,
    from: number,
    position: number,
    line: Line,
    told: Told | null,
  ): Omit<Told, 'read_seconds' | 'read_nanos'> {
    const { start, end, seconds, nanos } = line;
    if (from > start) {
      line.start = from;
      line.message_start = from;
      splitEnding(b, from, end, line);
    }
    const [mark, title] = [nameText(line.event), nameText(line.title)];
    if (told === null) return { entry: position - line.entry_back, seconds, nanos, event: mark, title };
    line.seconds = told.seconds;
    line.nanos = told.nanos;
    line.kind = kind.inherited;
    line.entry_back = position + from - start - told.entry;
    if (title === told.title) line.title = 0;
    if (mark === told.event) line.event = 0;
    return { ...told, event: mark || told.event, title: title || told.title };
  }

  /** Parses the rest of a line whose first piece is a row already. */
  private goOn(position: number, line: Line): void {
    this.clock.inherit(line);
    line.text_start = line.start;
    line.source = this.pieceSource;
    line.severity = this.pieceSeverity;
    line.entry_back = position - this.pieceStart;
  }

  private mark(b: Uint8Array, position: number, line: Line): void {
    const { traits } = scratch;
    const why = this.marks.watching | traits.hint | (traits.mode ^ traits.modeBefore);
    if ((why !== 0 || traits.isHeadline || line.source === source.systemd) && this.isConsole)
      this.marks.read(b, line.text_start, line.message_end, position, line, traits);
    if (line.title !== 0) this.titles?.bound(line);
  }

  private whole(b: Uint8Array, start: number, end: number, position: number, line: Line): void {
    const { traits } = scratch;
    line.severity = 0;
    line.text_start = start;
    traits.isStamped = false;
    traits.isPiece = false;
    traits.isRawReport = false;
    traits.hint = 0;
    traits.way = ways.raw;
    traits.uptime = 0;
    if (this.isConsole) this.reader.console(b, start, end, line, scratch);
    else if (this.log === 'events') this.reader.lifecycle(b, start, end, line, scratch);
    else this.reader.machine(b, start, end, line, scratch);
    if (traits.way === ways.raw) traits.source = source.app;
    else if (traits.way !== ways.kernel) traits.source = line.source;
    const text = line.text_start;
    traits.isHeadline = false;
    if (traits.way !== ways.kernel && text < end) {
      const word = b[text] === ESCAPE ? skipColors(b, text, end) : text;
      traits.wordEnd = wordEndOf(b, word, end);
      traits.isHeadline = isHeadline(b, word, end, traits.wordEnd);
    }
    if (traits.isHeadline && line.severity === 0) line.severity = severity.error;
    traits.isRecord = !traits.isHeadline && line.severity >= severity.warn && line.severity <= severity.fatal;
    if (line.ending !== 0 && b[text] !== 0 && (isWriterPiece(end - text) || isWriterPiece(end - start)))
      traits.isPiece = true;
    line.entry_back = position - this.entries.of(b, text, end, position, traits);
    if (traits.isKernelReport) line.source = source.kernel;
  }
}

function skipColors(b: Uint8Array, at: number, end: number): number {
  while (at < end && b[at] === ESCAPE) at = skipEscape(b, at, end);
  return at;
}

/**
 * Writers cut long lines at powers of two. A line that has such a length by chance is joined with the next
 * one.
 */
const isWriterPiece = (length: number): boolean =>
  length >= 4096 && length <= 65_536 && (length & (length - 1)) === 0;
