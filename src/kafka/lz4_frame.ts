/** Frames as Kafka's clients write them: lz4_Frame_format.md, without legacy and skippable frames. */
const MAGIC = 0x184d2204;
const HAS_BLOCK_CHECKSUMS = 0x10;
const HAS_CONTENT_SIZE = 0x08;
const HAS_CONTENT_CHECKSUM = 0x04;
const HAS_DICTIONARY = 0x01;
const IS_PLAIN = 0x8000_0000;
/** A byte of LZ4 stands for at most 255 bytes. */
const RATIO_MAX = 255;

/**
 * The bytes to which LZ4 frames unpack at most, from the headers of their blocks: nothing is unpacked.
 * @throws Error it is no LZ4 frame, or cut
 */
export function lz4BytesMax(packed: Buffer): number {
  let bytes_max = 0;
  for (let at = 0; at < packed.length; ) {
    const frame = readFrame(packed, at);
    bytes_max += frame.bytes_max;
    at = frame.end;
  }
  return bytes_max;
}

function readFrame(packed: Buffer, start: number): { bytes_max: number; end: number } {
  if (uint32(packed, start) !== MAGIC) throw new Error('it is no LZ4 frame');
  const flags = packed[start + 4] ?? 0;
  const size = (packed[start + 5] ?? 0) >> 4;
  if (size < 4 || size > 7) throw new Error('its LZ4 frame has no known block size');
  const block_bytes = 4 ** size * 256;
  let at = start + 7 + (flags & HAS_CONTENT_SIZE ? 8 : 0) + (flags & HAS_DICTIONARY ? 4 : 0);
  let bytes_max = 0;
  for (;;) {
    const word = uint32(packed, at);
    at += 4;
    if (word === 0) break;
    const isPlain = word >= IS_PLAIN;
    const length = isPlain ? word - IS_PLAIN : word;
    bytes_max += Math.min(block_bytes, isPlain ? length : length * RATIO_MAX);
    at += length + (flags & HAS_BLOCK_CHECKSUMS ? 4 : 0);
  }
  return { bytes_max, end: at + (flags & HAS_CONTENT_CHECKSUM ? 4 : 0) };
}

function uint32(bytes: Buffer, at: number): number {
  if (at + 4 > bytes.length) throw new Error('its LZ4 frame is cut');
  return bytes.readUInt32LE(at);
}
