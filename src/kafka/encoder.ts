import { createRequire } from 'node:module';
import { crc32c } from './crc32c.ts';

/** What is used of the inside of kafkajs 2.2.4 (the version is pinned). */
interface Encoder {
  /** What was written last, and how much of it is used. */
  buf: Buffer;
  offset: number;
  readonly buffer: Buffer;
  /** What was written before that, in order, and its size. */
  parts?: Buffer[];
  parts_bytes?: number;
}
interface EncoderPrototype {
  size(this: Encoder): number;
  writeBufferInternal(this: Encoder, bytes: Buffer): void;
  writeEncoder(this: Encoder, other: Encoder): Encoder;
  writeEncoderArray(this: Encoder, others: Encoder[]): Encoder;
  keepsLarge?: true;
}

/** A shorter one is copied: that costs less than to remember it. */
const LARGE_BYTES = 4_096;
const ENCODER_BYTES = 512;

/**
 * kafkajs 2.2.4 encodes a request inside out, and each of eight layers copies all of the one within into a new buffer of
 * zeros, of the next power of two: for a send of 900 KB about 10 MB, which also keeps the garbage collector busy. Here an
 * encoder remembers the large buffers that it is given; they are copied where the checksum and the socket need them in one piece. The
 * checksum is computed four times as fast.
 */
export function keepLargeBuffers(): void {
  const require = createRequire(import.meta.url);
  const { prototype } = require('kafkajs/src/protocol/encoder') as { prototype: EncoderPrototype };
  if (prototype.keepsLarge) return;
  prototype.keepsLarge = true;
  // What computes it is loaded with the first send.
  const checksum = require.resolve('kafkajs/src/protocol/recordBatch/crc32C');
  require(checksum);
  require.cache[checksum]!.exports = crc32c;
  const copy = prototype.writeBufferInternal;
  prototype.writeBufferInternal = function (bytes): void {
    if (bytes.length < LARGE_BYTES) copy.call(this, bytes);
    else keep(this, bytes);
  };
  prototype.writeEncoder = function (other): Encoder {
    for (const part of other.parts ?? []) prototype.writeBufferInternal.call(this, part);
    copy.call(this, other.buf.subarray(0, other.offset));
    return this;
  };
  prototype.writeEncoderArray = function (others): Encoder {
    for (const other of others) prototype.writeEncoder.call(this, other);
    return this;
  };
  prototype.size = function (): number {
    return (this.parts_bytes ?? 0) + this.offset;
  };
  Object.defineProperty(prototype, 'buffer', {
    get(this: Encoder): Buffer {
      if (this.parts === undefined) return this.buf.subarray(0, this.offset);
      endPart(this);
      if (this.parts.length > 1) this.parts = [Buffer.concat(this.parts, this.parts_bytes)];
      return this.parts[0]!;
    },
  });
}

function keep(encoder: Encoder, bytes: Buffer): void {
  endPart(encoder);
  encoder.parts!.push(bytes);
  encoder.parts_bytes! += bytes.length;
}

function endPart(encoder: Encoder): void {
  encoder.parts ??= [];
  encoder.parts_bytes ??= 0;
  if (encoder.offset === 0) return;
  encoder.parts.push(encoder.buf.subarray(0, encoder.offset));
  encoder.parts_bytes += encoder.offset;
  encoder.buf = Buffer.alloc(ENCODER_BYTES);
  encoder.offset = 0;
}
