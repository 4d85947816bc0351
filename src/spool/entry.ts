import { crc32 } from 'node:zlib';

/**
 * One entry of a segment file: a head of 24 bytes, a state, a payload.
 *
 *   magic u32 · kind u8 · 3 bytes 0 · state length u32 · payload length u32 ·
 *   CRC-32 of state and payload u32 · CRC-32 of the 20 bytes before u32
 *
 * The head has its own checksum, so that a reader can skip a damaged payload. All formats have this layout of
 * the head; the fourth byte of the magic is the number of the format.
 */
export const HEAD_BYTES = 24;
/** Format of segments and cursor file. A change that older agents would misread increases it. */
export const FORMAT = 1;
const MAGIC = 0x31_4c_41_53; // "SAL1"

export const MAGIC_BYTES = Buffer.from([MAGIC & 255, (MAGIC >> 8) & 255, (MAGIC >> 16) & 255, MAGIC >> 24]);

export const entryKind = {
  /** State of all open streams, from which recovery starts. First entry of each segment. */
  snapshot: 1,
  /** A payload, and the new state of the streams that it contains. */
  batch: 2,
  /** New state of streams without a payload. */
  state: 3,
  /** A batch that replaces damaged entries before it. Its state contains their place under `STANDS_FOR`. */
  standIn: 4,
} as const;

/** Key in a stand-in's state of the `Cursor` where the damage begins. No stream has this name. */
export const STANDS_FOR = '';

export interface Head {
  kind: number;
  state_bytes: number;
  payload_bytes: number;
  crc32: number;
}

/**
 * @param room a buffer to reuse: the entry is built in it if it fits, and is then valid until the next call
 */
export function encodeEntry(kind: number, state: Buffer, payload: Buffer, room: Buffer): Buffer {
  const size = HEAD_BYTES + state.length + payload.length;
  const entry = size <= room.length ? room.subarray(0, size) : Buffer.allocUnsafe(size);
  entry.writeUInt32LE(MAGIC, 0);
  entry.writeUInt32LE(kind, 4);
  entry.writeUInt32LE(state.length, 8);
  entry.writeUInt32LE(payload.length, 12);
  state.copy(entry, HEAD_BYTES);
  payload.copy(entry, HEAD_BYTES + state.length);
  entry.writeUInt32LE(crc32(entry.subarray(HEAD_BYTES)), 16);
  entry.writeUInt32LE(crc32(entry.subarray(0, 20)), 20);
  return entry;
}

/** @returns null if the bytes are not the head of an entry */
export function decodeHead(bytes: Buffer): Head | null {
  if (bytes.length < HEAD_BYTES || bytes.readUInt32LE(0) !== MAGIC) return null;
  if (crc32(bytes.subarray(0, 20)) !== bytes.readUInt32LE(20)) return null;
  return {
    kind: bytes.readUInt32LE(4),
    state_bytes: bytes.readUInt32LE(8),
    payload_bytes: bytes.readUInt32LE(12),
    crc32: bytes.readUInt32LE(16),
  };
}

/** @returns the number of the format if the bytes are an intact head of another format; else null */
export function foreignFormat(bytes: Buffer): number | null {
  if (bytes.length < HEAD_BYTES || !bytes.subarray(0, 3).equals(MAGIC_BYTES.subarray(0, 3))) return null;
  if (crc32(bytes.subarray(0, 20)) !== bytes.readUInt32LE(20)) return null;
  const format = bytes[3]! - 48; // '0'
  return format === FORMAT ? null : format;
}

export const bodyBytes = (head: Head): number => head.state_bytes + head.payload_bytes;
export const bodyIsWhole = (head: Head, body: Buffer): boolean =>
  body.length === bodyBytes(head) && crc32(body) === head.crc32;
