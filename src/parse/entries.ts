import { limits } from '../base/limits.ts';
import { beginsReport } from './kernel/headlines.ts';
import { isWithinReport, openReport, stepReport } from './kernel/report.ts';
import { bytes, skipEscape } from './line/bytes.ts';
import {
  channelOf,
  modes,
  newEntry,
  type OpenEntry,
  restoreEntry,
  type SavedEntry,
  saveEntry,
} from './line/entry.ts';
import { type Traits, ways } from './line/traits.ts';
import { open, step } from './trace/trace.ts';

const { ESCAPE, LBRACKET, LOWER_M, RETURN } = bytes;

// Read for every line: a lookup in the large table of limits would be slow.
const { entry_lines_max, entry_bytes_max, entry_pause_bytes_max } = limits.parse;

/**
 * Decides which lines belong together. Each channel has its own open entry, so that sources that write at the
 * same time do not mix. At most `open_entries_max` entries are open.
 */
export class Entries {
  private readonly list: OpenEntry[];
  /** Index of the entry that was used last. */
  private last = 0;

  constructor(saved: readonly SavedEntry[]) {
    this.list = saved.map(restoreEntry);
  }

  /** The entries that a line at `position` may still belong to, for the spool. */
  save(position: number): SavedEntry[] {
    return this.list.filter((entry) => isOpen(entry, position)).map(saveEntry);
  }

  /** Closes all entries, because bytes are missing before the next line. */
  close(): void {
    this.list.length = 0;
  }

  /**
   * Finds the entry of the line at `position`. b[at, end) is its text, without stamp and tag.
   * @returns the position of the first line of the entry
   */
  of(b: Uint8Array, at: number, end: number, position: number, traits: Traits): number {
    const entry = this.entryOf(channelOf(traits.source, traits.way), position);
    while (at < end && b[at] === ESCAPE) at = skipEscape(b, at, end);
    while (end > at && b[end - 1] === RETURN) end--;
    if (b[end - 1] === LOWER_M) end = withoutColor(b, at, end);
    traits.modeBefore = entry.mode;
    const belongs = entry.lines > 0 && isOpen(entry, position) && this.belongs(entry, b, at, end, traits);
    if (!belongs) {
      traits.modeBefore = modes.single;
      if (traits.way === ways.kernel && isForeign(entry, b, at, end, traits)) return position;
      this.begin(entry, b, at, end, position, traits);
    }
    entry.lines++;
    entry.used = position;
    entry.isBlank = at >= end;
    entry.isRecord = traits.isRecord && !belongs;
    entry.uptime = traits.uptime;
    if (traits.isPiece) entry.mode = modes.piece;
    else if (entry.mode === modes.piece) entry.mode = modes.single;
    traits.mode = entry.mode;
    traits.isKernelReport =
      traits.way === ways.raw && (entry.mode === modes.kernel || entry.mode === modes.kernel_ended);
    return entry.start;
  }

  private belongs(entry: OpenEntry, b: Uint8Array, at: number, end: number, traits: Traits): boolean {
    if (entry.mode === modes.kernel || entry.mode === modes.kernel_ended) {
      return stepReport(entry, b, at, end, traits.uptime, traits.way === ways.kernel);
    }
    if (entry.mode === modes.piece) return true;
    if (traits.way === ways.kernel) return false;
    if (traits.isStamped && traits.way === ways.raw) return false;
    return step(entry, b, at, end, traits);
  }

  private begin(
    entry: OpenEntry,
    b: Uint8Array,
    at: number,
    end: number,
    position: number,
    traits: Traits,
  ): void {
    entry.start = position;
    entry.lines = 0;
    entry.mode = modes.single;
    entry.depth = 0;
    if (traits.way === ways.kernel) {
      if (beginsReport(b, at, end)) openReport(entry, b, at, end);
    } else if (traits.isRawReport) openReport(entry, b, at, end);
    else open(entry, b, at, end, traits);
  }

  private entryOf(channel: number, position: number): OpenEntry {
    const { list } = this;
    const entry = list[this.last];
    if (entry !== undefined && entry.channel === channel) return entry;
    return this.find(channel) ?? this.add(channel, position);
  }

  private find(channel: number): OpenEntry | undefined {
    for (let at = 0; at < this.list.length; at++) {
      if (this.list[at]!.channel !== channel) continue;
      this.last = at;
      return this.list[at];
    }
    return undefined;
  }

  /** Opens an entry. If too many are open, it replaces the one that was silent for the longest time. */
  private add(channel: number, position: number): OpenEntry {
    const { list } = this;
    this.last = list.length;
    if (list.length === limits.parse.open_entries_max) {
      this.last = 0;
      for (let at = 1; at < list.length; at++) if (list[at]!.used < list[this.last]!.used) this.last = at;
    }
    const entry = newEntry(channel, position);
    list[this.last] = entry;
    return entry;
  }
}

/** Whether the line is a foreign line within a kernel report, which continues after it. */
function isForeign(entry: OpenEntry, b: Uint8Array, at: number, end: number, traits: Traits): boolean {
  if (entry.lines === 0 || !isWithinReport(entry, b, at, end, traits.uptime)) return false;
  traits.mode = modes.single;
  traits.isKernelReport = false;
  return true;
}

/** Whether a line at `position` may still belong to the entry. */
const isOpen = (entry: OpenEntry, position: number): boolean =>
  entry.lines < entry_lines_max &&
  position - entry.start < entry_bytes_max &&
  position - entry.used < entry_pause_bytes_max;

/** The end of the text b[at, end) without the color sequence that may end it. */
function withoutColor(b: Uint8Array, at: number, end: number): number {
  for (let start = end - 2; start >= at && end - start < 12; start--) {
    if (b[start] === ESCAPE) return b[start + 1] === LBRACKET ? start : end;
  }
  return end;
}
