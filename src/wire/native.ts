/**
 * The parts of ClickHouse's Native format: a block is the number of columns, the number of rows, and for each
 * column its name, its type and its values. Source: ClickHouse, "Native" format and the serialization of
 * LowCardinality.
 */

/** Appends the parts of a block; grows on demand, so that one writer serves every block of a process. */
export class BlockWriter {
  private bytes: Buffer;
  private length = 0;

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  reset(): void {
    this.length = 0;
  }

  written(): Buffer {
    return this.bytes.subarray(0, this.length);
  }

  private room(size: number): void {
    if (this.length + size <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.bytes.length * 2, this.length + size));
    this.bytes.copy(larger, 0, 0, this.length);
    this.bytes = larger;
  }

  varint(value: number): void {
    this.room(5);
    this.length = putVarint(this.bytes, this.length, value);
  }

  text(value: string): void {
    const size = Buffer.byteLength(value);
    this.varint(size);
    this.room(size);
    this.length += this.bytes.write(value, this.length);
  }

  /** `value` is a non-negative safe integer, written as UInt64. */
  uint64(value: number): void {
    this.room(8);
    this.bytes.writeUInt32LE(value % 0x1_0000_0000, this.length);
    this.bytes.writeUInt32LE(Math.floor(value / 0x1_0000_0000), this.length + 4);
    this.length += 8;
  }

  uint16(value: number): void {
    this.room(2);
    this.length = this.bytes.writeUInt16LE(value, this.length);
  }

  raw(source: Uint8Array): void {
    this.room(source.length);
    this.bytes.set(source, this.length);
    this.length += source.length;
  }

  fill(value: number, size: number): void {
    this.room(size);
    this.bytes.fill(value, this.length, this.length + size);
    this.length += size;
  }

  column(name: string, type: string): void {
    this.text(name);
    this.text(type);
  }

  /**
   * The head of a LowCardinality column whose keys are in the block. `wide`: indexes of 16 bits instead of 8.
   */
  dictionary(count: number, wide: boolean): void {
    const hasKeys = 1 << 9;
    const replacesKeys = 1 << 10;
    this.uint64(1); // serialization version: shared dictionaries with additional keys
    this.uint64((wide ? 1 : 0) | hasKeys | replacesKeys);
    this.uint64(count);
  }
}

/** @returns the offset after the varint; `value` is at most 2^31 - 1 */
export function putVarint(target: Uint8Array, at: number, value: number): number {
  while (value >= 128) {
    target[at++] = (value & 127) | 128;
    value >>>= 7;
  }
  target[at++] = value;
  return at;
}

/** The bytes of an array in memory: little-endian on every platform of Node.js except s390x. */
export const bytesOf = (array: Uint8Array | Uint16Array | Uint32Array): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
