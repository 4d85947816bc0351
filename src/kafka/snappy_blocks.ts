export interface SnappyBlock {
  packed: Buffer;
  /** As the block itself declares it; a block that unpacks to another size is damaged. */
  unpacked_bytes: number;
}

/** The Java client writes the format of the library xerial, others one bare block. */
const XERIAL = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
/** The name and two versions. */
const XERIAL_HEADER_BYTES = 16;

/** @throws Error a block is cut */
export function snappyBlocks(packed: Buffer): SnappyBlock[] {
  if (!packed.subarray(0, XERIAL.length).equals(XERIAL)) return [blockOf(packed)];
  if (packed.length < XERIAL_HEADER_BYTES) throw new Error('its snappy header is cut');
  const blocks: SnappyBlock[] = [];
  for (let at = XERIAL_HEADER_BYTES; at < packed.length; ) {
    const end = at + 4 + (at + 4 <= packed.length ? packed.readUInt32BE(at) : Number.POSITIVE_INFINITY);
    if (end > packed.length) throw new Error('its snappy block is cut');
    blocks.push(blockOf(packed.subarray(at + 4, end)));
    at = end;
  }
  return blocks;
}

/** A block begins with its size: seven bits a byte, the lowest first. */
function blockOf(packed: Buffer): SnappyBlock {
  let unpacked_bytes = 0;
  for (let at = 0; at < 5; at++) {
    const byte = packed[at];
    if (byte === undefined) break;
    unpacked_bytes += (byte & 0x7f) * 128 ** at;
    if (byte < 0x80) return { packed, unpacked_bytes };
  }
  throw new Error('its snappy block has no size');
}
