import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { unzip, zstdDecompress } from 'node:zlib';
import kafkajs from 'kafkajs';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { lz4BytesMax } from './lz4_frame.ts';
import { snappyBlocks } from './snappy_blocks.ts';

/** What a fetch found is more than a consumer has memory for. */
export class TooLarge extends Error {}

type Unpack = (packed: Buffer, bytes_max: number) => Promise<Buffer>;

const inflate = promisify(unzip);
const inflateZstd = promisify(zstdDecompress);
const require = createRequire(import.meta.url);

const unpackers: [keyof typeof kafkajs.CompressionCodecs, Unpack][] = [
  [kafkajs.CompressionTypes.GZIP, (packed, bytes_max) => inflate(packed, { maxOutputLength: bytes_max })],
  [kafkajs.CompressionTypes.ZSTD, (packed, bytes_max) => inflateZstd(packed, { maxOutputLength: bytes_max })],
  [kafkajs.CompressionTypes.LZ4, unpackLz4],
  [kafkajs.CompressionTypes.Snappy, unpackSnappy],
];

/**
 * Gives kafkajs all of Kafka's compressions, to read: batches are sent as they are, because they are
 * compressed already. kafkajs itself knows only gzip, and unpacks it to any size.
 */
export function addCodecs(): void {
  for (const [type, unpack] of unpackers) {
    const codec = {
      compress: () => Promise.reject(new Error('afterlog sends nothing compressed')),
      decompress: (packed: Buffer) => bounded(unpack, packed),
    };
    kafkajs.CompressionCodecs[type] = () => codec;
  }
}

async function bounded(unpack: Unpack, packed: Buffer): Promise<Buffer> {
  const bytes_max = limits.consume.unpacked_bytes_max;
  try {
    return await unpack(packed, bytes_max);
  } catch (error) {
    // Of zlib, if its output would be longer.
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw new TooLarge();
    throw error;
  }
}

/** The package has no bound of its own, so the frame's headers are read first. */
async function unpackLz4(packed: Buffer, bytes_max: number): Promise<Buffer> {
  if (lz4BytesMax(packed) > bytes_max) throw new TooLarge();
  const { decompressFrame } = load<typeof import('lz4-napi')>('lz4-napi');
  return await decompressFrame(packed);
}

async function unpackSnappy(packed: Buffer, bytes_max: number): Promise<Buffer> {
  const blocks = snappyBlocks(packed);
  const bytes = blocks.reduce((sum, block) => sum + block.unpacked_bytes, 0);
  if (bytes > bytes_max) throw new TooLarge();
  const { uncompress } = load<typeof import('snappy')>('snappy');
  const parts: Buffer[] = [];
  for (const { packed: block } of blocks) parts.push((await uncompress(block, { asBuffer: true })) as Buffer);
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, bytes);
}

/**
 * Loaded at the first such message: most topics have none, and a host without the package needs it only then.
 * @throws AfterlogError CODEC_MISSING
 */
function load<Module>(name: string): Module {
  try {
    return require(name) as Module;
  } catch (error) {
    const what = `The package ${name}, which unpacks messages of the topic, cannot be loaded`;
    throw new AfterlogError('CODEC_MISSING', `${what}: ${reasonOf(error).split('\n')[0]}`, error);
  }
}
