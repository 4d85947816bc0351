import { nameId, nameText, shares } from './names.ts';
import { ways } from './traits.ts';

/**
 * The last entry of one channel: where it began, and which lines may still belong to it.
 * A channel is a source, and the way its lines come.
 */
export interface OpenEntry {
  channel: number;
  /** Position of its first line in the stream. */
  start: number;
  /** Position of its last line. */
  used: number;
  lines: number;
  /** One of `modes`. */
  mode: number;
  /** State of the mode: the number of open braces, or which parts of a form have been seen. */
  depth: number;
  /** The line before was empty. */
  isBlank: boolean;
  /**
   * The line before is a record with a level of WARN or above: a trace that follows it directly belongs to
   * it.
   */
  isRecord: boolean;
  /** Seconds since boot of its last kernel line. */
  uptime: number;
}

export const newEntry = (channel: number, start: number): OpenEntry => ({
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

/**
 * An entry in the spool. The spool holds the open entries of every active stream, so this is short. The
 * source is stored by name, because ids are valid in one process only.
 */
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

/**
 * `source` is the id of a source; for the kernel's lines the number of the task or processor that printed.
 */
export const channelOf = (source: number, way: number): number => source * 4 + way;

export function saveEntry(entry: OpenEntry): SavedEntry {
  const { channel, start, used, lines, mode, depth, isBlank, isRecord, uptime } = entry;
  const way = channel % 4;
  const id = (channel - way) / 4;
  const source = way === ways.kernel ? String(id) : nameText(id);
  return [source, way, start, used, lines, mode, depth, isBlank ? 1 : 0, isRecord ? 1 : 0, uptime];
}

export function restoreEntry(saved: SavedEntry): OpenEntry {
  const [source, way, start, used, lines, mode, depth, isBlank, isRecord, uptime] = saved;
  const channel = channelOf(way === ways.kernel ? Number(source) : nameId(source, shares.sources), way);
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

/** Which form an entry's lines have. The spool stores these numbers, so they never change. */
export const modes = {
  single: 0,
  /** The headline of an exception: its frames may follow. */
  headline: 1,
  /** Frames of Java, JavaScript, .NET, PHP, Dart, Ruby. */
  frames: 2,
  python: 3,
  python_done: 4,
  python_chain: 5,
  go: 6,
  rust: 7,
  eyre: 8,
  /** The headline of Ruby or Dart, with a message of several lines. */
  message: 9,
  /** Node.js: the place, the source line, the marker; then the exception. */
  node: 10,
  /** Lines between braces: JSON and objects that were printed in several lines. */
  block: 11,
  /** A line that its writer cut into pieces. */
  piece: 12,
  sanitizer: 13,
  threads: 14,
  kernel: 15,
  /** A kernel report after its end marker. */
  kernel_ended: 16,
} as const;
