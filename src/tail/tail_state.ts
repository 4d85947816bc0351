import type { DoneFile } from './done_files.ts';
import type { Span } from './event_queue.ts';
import type { CursorPoint, ReadPoint } from './file_cursor.ts';
import type { Generation, StreamStart } from './generation.ts';
import type { SavedContent } from './known_content.ts';
import type { FileIdentity } from './pins.ts';
import type { StreamState } from './stream.ts';

/** The state of a tail that survives a crash; JSON in the spool, under the tail's key. */
export interface TailState {
  sandbox: string;
  log: string;
  /** Why the stream is over. The state stays as long as its files, so that they are not read again. */
  sealed: string | null;
  stream: StreamState;
  /** Identity of the folder in which its files were seen last: another folder at its path is another life. */
  folder?: string;
  file: FileIdentity & {
    number: number;
    offset: number;
    skips_hole: boolean;
    /** The length of a hole at the beginning is not below this; absent if it may have any. */
    hole_from?: number;
    /** It is a copy whose original may have begun with a hole. */
    is_copy?: true;
    /** NULs before `offset` that no row tells yet; only earlier versions saved it. */
    hole_bytes?: number;
    tail_crc32: number;
    tail_bytes: number;
    /** Truncations of the file; absent if there were none. */
    cuts?: number;
    /** Base64 of the bytes behind `offset` that are no whole line yet; absent if there are none. */
    unfinished?: string;
    /** What is known of the file's content; absent in states of earlier versions. */
    content?: SavedContent;
  };
  /** The files to be read after it, oldest first; absent if there are none. */
  waiting?: WaitingFile[];
  /**
   * The newest files that are read and may come back, as `doneText` writes them; absent if there are none.
   */
  done?: string[];
}

export interface WaitingFile extends FileIdentity {
  number: number;
  starts: StreamStart;
  skips_hole: boolean;
  /** How far it was read before another file had its turn; absent if nothing was. */
  offset?: number;
  tail_crc32?: number;
  tail_bytes?: number;
  /** As in `TailState`. */
  hole_from?: number;
  is_copy?: true;
  /** Truncations of the file; absent if there were none. */
  cuts?: number;
  /** There were files before it that nobody saw; absent if not. */
  is_after_gap?: true;
  /** From when to when nobody watched before it came; absent if somebody did. */
  unwatched?: Span;
  /** Bytes that its truncation lost after they were seen; absent if there are none. */
  uncopied_bytes?: number;
  /** Base64 of the part of it that was seen before its turn; only earlier versions saved it. */
  unfinished?: string;
  /** What is known of the content; absent if nothing is. */
  content?: SavedContent;
}

/** The state of the file that is being read, or was read last. */
export function fileState(generation: Generation): TailState['file'] {
  const { pin, number, cursor } = generation;
  const { offset, skips_hole, overlap_crc32: tail_crc32, overlap_bytes: tail_bytes } = cursor.point;
  const state = { inode: pin.inode, born: pin.born, number, offset, skips_hole, tail_crc32, tail_bytes };
  return withRest({ ...state, content: cursor.saved }, generation);
}

export function waitingFile(generation: Generation): WaitingFile {
  const { pin, number, starts, cursor, isAfterGap, uncopied_bytes } = generation;
  const lost = {
    ...(uncopied_bytes > 0 && { uncopied_bytes }),
    ...(generation.unwatched !== null && { unwatched: generation.unwatched }),
  };
  const { offset, skips_hole, overlap_crc32: tail_crc32, overlap_bytes: tail_bytes } = cursor.point;
  const read = offset > 0 ? { offset, tail_crc32, tail_bytes } : {};
  const file = { inode: pin.inode, born: pin.born, number, starts, skips_hole, ...read, ...lost };
  const { saved: content } = cursor;
  const isKnown = offset > 0 || content.remains !== undefined;
  const known = { ...(isAfterGap && { is_after_gap: true as const }), ...(isKnown && { content }) };
  return withRest({ ...file, ...known }, generation);
}

/** A state is saved often, so it names a file in few characters: inode, birth, and how far it was read. */
export function doneText({ pin, number, point }: DoneFile): string {
  const { offset, overlap_bytes, overlap_crc32 } = point!;
  return [pin.inode, pin.born, number, offset, overlap_bytes, overlap_crc32].join();
}

/** As `doneText` wrote it. */
export function doneFrom(text: string): FileIdentity & { number: number; point: ReadPoint } {
  const [inode, born, ...numbers] = text.split(',') as [string, string, ...string[]];
  const [number, offset, overlap_bytes, overlap_crc32] = numbers.map(Number) as [
    number,
    number,
    number,
    number,
  ];
  return { inode, born, number, point: { offset, overlap_bytes, overlap_crc32 } };
}

function withRest<F extends object>(
  file: F,
  { cuts, cursor }: Generation,
): F & { cuts?: number; hole_from?: number; is_copy?: true; unfinished?: string } {
  const { unfinished, skipsHole, hole_from, isCopy } = cursor;
  return {
    ...file,
    ...(skipsHole && hole_from > 0 && { hole_from }),
    ...(skipsHole && isCopy && { is_copy: true }),
    ...(cuts > 0 && { cuts }),
    ...(unfinished !== null && { unfinished: unfinished.toString('base64') }),
  };
}

/** The bytes in a saved state that are in no row yet. */
export const unfinishedOf = (file: { unfinished?: string }): Buffer | null =>
  file.unfinished === undefined ? null : Buffer.from(file.unfinished, 'base64');

/** How far a file of a saved state is read. */
export function pointOf(file: TailState['file'] | WaitingFile): Partial<CursorPoint> {
  const { skips_hole, hole_from = 0, is_copy = false, content = {} } = file;
  const hole = { skips_hole, hole_from, is_copy, unfinished: unfinishedOf(file), content };
  const { offset = 0, tail_bytes: overlap_bytes = 0, tail_crc32: overlap_crc32 = 0 } = file;
  const hole_bytes = ('hole_bytes' in file ? file.hole_bytes : undefined) ?? 0;
  if (hole_bytes === 0) return { ...hole, offset, overlap_bytes, overlap_crc32 };
  // The NULs that an earlier version stepped over are read again, and become one row.
  return { ...hole, offset: offset - hole_bytes, skips_hole: false };
}
