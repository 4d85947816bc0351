import { constants, zstdCompressSync } from 'node:zlib';

const params = { [constants.ZSTD_c_compressionLevel]: 1 };

/** Large enough for most frames: allocations for each batch make the garbage collector run more often. */
const CHUNK_BYTES = 128 * 1024;

/**
 * One zstd frame. If the output fills the last of Node's chunks to the last byte, Node asks the compressor
 * for more and gets an empty second frame, which `checkWholeFrame` refuses. Then the bytes are compressed
 * again with room for one more byte.
 */
export function compressFrame(bytes: Uint8Array): Buffer {
  const frame = zstdCompressSync(bytes, { params, chunkSize: CHUNK_BYTES });
  if (checkWholeFrame(frame) === null) return frame;
  return zstdCompressSync(bytes, { params, chunkSize: compressBound(bytes.length) + 1 });
}

/** The largest compressed size of `length` bytes: ZSTD_COMPRESSBOUND. */
function compressBound(length: number): number {
  const small = 128 * 1024;
  return length + (length >> 8) + (length < small ? (small - length) >> 11 : 0);
}

/** The header of a zstd frame (RFC 8878). */
export interface FrameHeader {
  /** The size of the header itself, where the first block begins. */
  length: number;
  /** The size of the content; null if the frame does not declare it. */
  content_bytes: number | null;
  /** The memory that a decoder needs for its window. */
  window_bytes: number;
  hasDictionary: boolean;
  hasChecksum: boolean;
}

const CUT = 'the zstd frame is cut short';

/** @returns the fault as text if `bytes` does not begin with a whole frame header */
export function readFrameHeader(bytes: Uint8Array): FrameHeader | string {
  if (bytes.length < 6) return CUT;
  if (bytes[0] !== 0x28 || bytes[1] !== 0xb5 || bytes[2] !== 0x2f || bytes[3] !== 0xfd)
    return 'the value is not a zstd frame';
  const descriptor = bytes[4]!;
  const isSingle = (descriptor & 0x20) !== 0;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (isSingle ? 1 : 0) : 1 << sizeFlag;
  const sizeAt = 5 + (isSingle ? 0 : 1) + dictionaryBytes;
  const length = sizeAt + sizeBytes;
  if (length > bytes.length) return CUT;
  let content_bytes: number | null = sizeBytes === 0 ? null : sizeBytes === 2 ? 256 : 0;
  // In a double, because a forged size may have 64 bits; only small ones matter.
  for (let at = 0; at < sizeBytes; at++) content_bytes! += bytes[sizeAt + at]! * 256 ** at;
  const window_bytes = isSingle ? content_bytes! : windowOf(bytes[5]!);
  return {
    ...{ length, content_bytes, window_bytes },
    ...{ hasDictionary: dictionaryBytes > 0, hasChecksum: (descriptor & 4) !== 0 },
  };
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3));
  return base + (base / 8) * (descriptor & 7);
}

/**
 * Walks the blocks of one zstd frame without decompressing.
 * @returns null if `bytes` is exactly one whole frame, else the fault
 */
export function checkWholeFrame(bytes: Uint8Array): string | null {
  const header = readFrameHeader(bytes);
  if (typeof header === 'string') return header;
  let at = header.length;
  for (let last = false; !last; ) {
    if (at + 3 > bytes.length) return CUT;
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    last = (block & 1) === 1;
    // A run-length block stores one byte, whatever its size field holds.
    at += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
  }
  if (header.hasChecksum) at += 4;
  if (at > bytes.length) return CUT;
  return at === bytes.length ? null : `the value has ${bytes.length - at} bytes after its zstd frame`;
}
