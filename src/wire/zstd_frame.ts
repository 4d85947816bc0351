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

/**
 * Walks the blocks of one zstd frame (RFC 8878) without decompressing.
 * @returns null if `bytes` is exactly one whole frame, else the fault
 */
export function checkWholeFrame(bytes: Uint8Array): string | null {
  const cut = 'the zstd frame is cut short';
  if (bytes.length < 6) return cut;
  if (bytes[0] !== 0x28 || bytes[1] !== 0xb5 || bytes[2] !== 0x2f || bytes[3] !== 0xfd)
    return 'the value is not a zstd frame';
  const descriptor = bytes[4]!;
  const singleSegment = (descriptor & 0x20) !== 0;
  const sizeFlag = descriptor >> 6;
  const sizeBytes = sizeFlag === 0 ? (singleSegment ? 1 : 0) : 1 << sizeFlag;
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3]!;
  let at = 5 + (singleSegment ? 0 : 1) + dictionaryBytes + sizeBytes;
  for (let last = false; !last; ) {
    if (at + 3 > bytes.length) return cut;
    const block = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16);
    last = (block & 1) === 1;
    // A run-length block stores one byte, whatever its size field holds.
    at += 3 + (((block >> 1) & 3) === 1 ? 1 : block >> 3);
  }
  if (descriptor & 4) at += 4;
  if (at > bytes.length) return cut;
  return at === bytes.length ? null : `the value has ${bytes.length - at} bytes after its zstd frame`;
}
