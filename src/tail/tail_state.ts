import type { Generation, StreamStart } from './generation.ts';
import type { FileIdentity } from './pins.ts';
import type { StreamState } from './stream.ts';

/** What of a tail must survive a crash; JSON in the spool, under the tail's key. */
export interface TailState {
  sandbox: string;
  log: string;
  /** The stream is over, for this reason; kept while its files are about, so that they are not read again. */
  sealed: string | null;
  stream: StreamState;
  /** Of the folder in which its files were seen last, its identity: another one of that path is another life. */
  folder?: string;
  file: FileIdentity & {
    number: number;
    offset: number;
    skips_hole: boolean;
    tail_crc32: number;
    tail_bytes: number;
    /** Absent when there were none. */
    cuts?: number;
    /** Base64 of the bytes behind `offset` that are no whole line yet; absent when there are none. */
    unfinished?: string;
  };
  /** The files to be read after it, oldest first; absent when there are none. */
  waiting?: WaitingFile[];
}

export interface WaitingFile extends FileIdentity {
  number: number;
  starts: StreamStart;
  skips_hole: boolean;
  /** Absent when there were none. */
  cuts?: number;
  /** Absent when it is not. */
  is_after_gap?: true;
  /** Bytes before it that were seen and lost; absent when there are none. */
  uncopied_bytes?: number;
  /** Base64 of what was seen of it before its turn, as earlier versions saved it; else absent. */
  unfinished?: string;
}

/** A generation that is being read, or was read last. */
export function fileState(generation: Generation): TailState['file'] {
  const { pin, number, cursor } = generation;
  const { offset, skips_hole, overlap_crc32: tail_crc32, overlap_bytes: tail_bytes } = cursor.point;
  const state = { inode: pin.inode, born: pin.born, number, offset, skips_hole, tail_crc32, tail_bytes };
  return withRest(state, generation);
}

export function waitingFile(generation: Generation): WaitingFile {
  const { pin, number, starts, cursor, isAfterGap, uncopied_bytes } = generation;
  const lost = uncopied_bytes > 0 ? { uncopied_bytes } : {};
  const file = { inode: pin.inode, born: pin.born, number, starts, skips_hole: cursor.skipsHole, ...lost };
  return withRest(isAfterGap ? { ...file, is_after_gap: true } : file, generation);
}

function withRest<F extends object>(
  file: F,
  { cuts, cursor }: Generation,
): F & { cuts?: number; unfinished?: string } {
  const { unfinished } = cursor;
  return {
    ...file,
    ...(cuts > 0 && { cuts }),
    ...(unfinished !== null && { unfinished: unfinished.toString('base64') }),
  };
}

/** What a state saved of bytes that are in no row yet. */
export const unfinishedOf = (file: { unfinished?: string }): Buffer | null =>
  file.unfinished === undefined ? null : Buffer.from(file.unfinished, 'base64');
