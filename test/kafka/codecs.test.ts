import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import kafkajs from 'kafkajs';
import { compressFrameSync } from 'lz4-napi';
import { compressSync } from 'snappy';
import { addCodecs, TooLarge } from '../../src/kafka/codecs.ts';
import { lz4BytesMax } from '../../src/kafka/lz4_frame.ts';
import { overrideLimits } from '../support/limits.ts';

addCodecs();

/** As the library xerial, and so the Java client, writes it. */
function xerial(bytes: Buffer, block_bytes: number): Buffer {
  const parts: Buffer[] = [Buffer.from('82534e415050590000000001' + '00000001', 'hex')];
  for (let at = 0; at < bytes.length; at += block_bytes) {
    const block = compressSync(bytes.subarray(at, at + block_bytes));
    const length = Buffer.alloc(4);
    length.writeInt32BE(block.length);
    parts.push(length, block);
  }
  return Buffer.concat(parts);
}

const packers: [string, 1 | 2 | 3 | 4, (bytes: Buffer) => Buffer][] = [
  ['gzip', kafkajs.CompressionTypes.GZIP, gzipSync],
  ['zstd', kafkajs.CompressionTypes.ZSTD, zstdCompressSync],
  ['lz4', kafkajs.CompressionTypes.LZ4, (bytes) => compressFrameSync(bytes)],
  ['snappy in blocks', kafkajs.CompressionTypes.Snappy, (bytes) => xerial(bytes, 32_768)],
  ['bare snappy', kafkajs.CompressionTypes.Snappy, (bytes) => compressSync(bytes)],
];
const unpack = (type: 1 | 2 | 3 | 4, packed: Buffer): Promise<Buffer> =>
  kafkajs.CompressionCodecs[type]().decompress(packed);

const contents = [
  Buffer.from('a'),
  Buffer.from('hello '.repeat(30_000)),
  Buffer.from(Array.from({ length: 100_000 }, (_, at) => (at * at * 31) & 255)),
];

for (const [name, type, pack] of packers) {
  test(`${name}: what was packed comes back, up to the limit`, async (t) => {
    for (const bytes of contents) assert.deepEqual(await unpack(type, pack(bytes)), bytes);
    overrideLimits({ consume: { unpacked_bytes_max: 200_000 } }, t);
    assert.equal((await unpack(type, pack(Buffer.alloc(190_000)))).length, 190_000);
    await assert.rejects(unpack(type, pack(Buffer.alloc(5_000_000))), TooLarge);
  });

  test(`${name}: cut or changed bytes are an error, never a crash or a hang`, async () => {
    const packed = pack(contents[2]!);
    for (const at of [1, 3, 5, 9, 18, 40, packed.length >> 1, packed.length - 1]) {
      await assert.rejects(unpack(type, packed.subarray(0, at)), `${name} cut at ${at}`);
      const changed = Buffer.from(packed);
      changed[at]! ^= 0xff;
      await unpack(type, changed).catch(() => {});
    }
  });
}

test('the bound of an LZ4 frame is never below its content', () => {
  for (const bytes of contents) {
    const packed = compressFrameSync(bytes);
    assert.ok(lz4BytesMax(packed) >= bytes.length);
    assert.ok(lz4BytesMax(Buffer.concat([packed, packed])) >= 2 * bytes.length);
  }
  assert.throws(() => lz4BytesMax(Buffer.from('no frame')), /no LZ4 frame/);
});
