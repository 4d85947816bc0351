import { Entries } from './entries.ts';
import { severity } from './level/severity.ts';
import { source } from './level/source.ts';
import { bytes, skipEscape } from './line/bytes.ts';
import type { SavedEntry } from './line/entry.ts';
import type { Line } from './line/line.ts';
import { nameId, nameText } from './line/names.ts';
import { splitEnding } from './line/split.ts';
import { ways } from './line/traits.ts';
import { LineReader } from './line_reader.ts';
import { Marks, type SavedMarks } from './mark/marks.ts';
import { newScratch } from './scratch.ts';
import { Clock, type ClockState, newClockState } from './time/clock.ts';
import { isHeadline, wordEndOf } from './trace/headline.ts';

const { ESCAPE } = bytes;

/** What a stream's next line needs to know of the lines before it; kept in the spool across restarts. */
export interface ParserState {
  clock: ClockState;
  /** Where the next line begins; another position means that bytes in between are missing. */
  position: number;
  entries: SavedEntry[];
  /** The last row has no line end: the next one goes on with its line, and is of its entry, source and severity. */
  piece: { start: number; source: string; severity: string } | null;
  /** Missing in what an older agent left. */
  marks?: SavedMarks;
}

export interface ParserOptions {
  state?: ParserState | undefined;
  /** The lines were written at any time before they are read: no stamp is too old. */
  isRecorded?: boolean;
}

/** One for all parsers of the process, as a host has tens of thousands of them: each line fills it anew, and none outlives its line. */
const scratch = newScratch();

/**
 * Reads the lines of one stream, in order, into a `Line`. Only bytes are looked at: no input throws, and the cost is linear in the
 * line's length.
 */
export class LineParser {
  private readonly log: string;
  private readonly isConsole: boolean;
  private readonly clock: Clock;
  private readonly entries: Entries;
  private readonly reader: LineReader;
  private readonly marks: Marks;
  private position: number;
  private isPiece = false;
  private pieceStart = 0;
  private pieceSource = 0;
  private pieceSeverity = 0;

  /** `started`: when the log's first file was made, seconds since 1970 and nanoseconds; 0 if unknown. */
  constructor(log: string, startedSeconds: number, startedNanos: number, options: ParserOptions = {}) {
    const { state, isRecorded } = options;
    this.log = log;
    this.isConsole = log === 'console';
    const clock = state?.clock ?? newClockState();
    this.clock = new Clock(clock, startedSeconds, startedNanos, isRecorded ?? false);
    this.reader = new LineReader(this.clock);
    this.entries = new Entries(state?.entries ?? []);
    this.marks = new Marks(state?.marks);
    this.position = state?.position ?? 0;
    if (!state?.piece) return;
    this.isPiece = true;
    this.pieceStart = state.piece.start;
    this.pieceSource = nameId(state.piece.source);
    this.pieceSeverity = nameId(state.piece.severity);
  }

  /** A copy, for the spool. */
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
    };
  }

  /** Seconds since boot of the last kernel line. */
  get uptime(): number {
    return this.clock.state.uptime;
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
    else {
      this.whole(b, start, line.message_end, position, line);
      this.mark(b, position, line);
    }
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

  private mark(b: Uint8Array, position: number, line: Line): void {
    const { traits } = scratch;
    const why = this.marks.watching | traits.hint | (traits.mode ^ traits.modeBefore);
    if ((why !== 0 || traits.isHeadline || line.source === source.systemd) && this.isConsole)
      this.marks.read(b, line.text_start, line.message_end, position, line, traits);
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
      const word = b[text] === ESCAPE ? skipColours(b, text, end) : text;
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

function skipColours(b: Uint8Array, at: number, end: number): number {
  while (at < end && b[at] === ESCAPE) at = skipEscape(b, at, end);
  return at;
}

/** Writers cut long lines at powers of two; a line of just that length by chance joins the next one. */
const isWriterPiece = (length: number): boolean =>
  length >= 4096 && length <= 65_536 && (length & (length - 1)) === 0;
