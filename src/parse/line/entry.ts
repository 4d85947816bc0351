import { nameId, nameText } from './names.ts';
import { ways } from './traits.ts';

/**
 * The last entry of one channel (a source, and the way its lines come): where it began, and what may still belong to it.
 * `mode` is one of `modes`; the rest is what the mode has to remember.
 */
export interface Entry {
  channel: number;
  /** Position of its first line in the stream. */
  start: number;
  /** Position of its last line. */
  used: number;
  lines: number;
  mode: number;
  /** Braces that are open; how much of a form has been seen. */
  depth: number;
  /** The line before was empty. */
  isBlank: boolean;
  /** The line before is a record with a level from WARN on: a trace that follows at once is its own. */
  isRecord: boolean;
  /** Seconds since boot of its last kernel line. */
  uptime: number;
}

export const newEntry = (channel: number, start: number): Entry => ({
  channel,
  start,
  used: start,
  lines: 0,
  mode: 0,
  depth: 0,
  isBlank: false,
  isRecord: false,
  uptime: 0,
});

/** An entry in the spool, which holds those of all streams that had lines: short, and with its source by name. */
export type SavedEntry = [
  source: string,
  way: number,
  start: number,
  used: number,
  lines: number,
  mode: number,
  depth: number,
  isBlank: 0 | 1,
  isRecord: 0 | 1,
  uptime: number,
];

/** A channel is a source and a way; the kernel's is the number of what prints. */
export const channelOf = (source: number, way: number): number => source * 4 + way;

export function saveEntry(entry: Entry): SavedEntry {
  const { channel, start, used, lines, mode, depth, isBlank, isRecord, uptime } = entry;
  const way = channel % 4;
  const id = (channel - way) / 4;
  const source = way === ways.kernel ? String(id) : nameText(id);
  return [source, way, start, used, lines, mode, depth, isBlank ? 1 : 0, isRecord ? 1 : 0, uptime];
}

export function restoreEntry(saved: SavedEntry): Entry {
  const [source, way, start, used, lines, mode, depth, isBlank, isRecord, uptime] = saved;
  const channel = channelOf(way === ways.kernel ? Number(source) : nameId(source), way);
  return {
    channel,
    start,
    used,
    lines,
    mode,
    depth,
    isBlank: isBlank === 1,
    isRecord: isRecord === 1,
    uptime,
  };
}

/** What the lines of an entry are; kept in the spool, so these numbers stay. */
export const modes = {
  single: 0,
  /** An exception's headline: its frames may follow. */
  headline: 1,
  /** Frames of Java, JavaScript, .NET, PHP, Dart, Ruby. */
  frames: 2,
  python: 3,
  python_done: 4,
  python_chain: 5,
  go: 6,
  rust: 7,
  eyre: 8,
  /** The headline of Ruby or Dart, whose message has several lines. */
  message: 9,
  /** Node.js: the place, the source line, the marker; then the exception. */
  node: 10,
  /** Lines between braces: JSON and objects printed in several lines. */
  block: 11,
  /** A line that its writer cut into pieces. */
  piece: 12,
  sanitizer: 13,
  threads: 14,
  kernel: 15,
  /** A kernel report whose end has been seen. */
  kernel_ended: 16,
} as const;
