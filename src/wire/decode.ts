import { Readable } from 'node:stream';
import { createZstdDecompress, zstdDecompressSync } from 'node:zlib';
import { AfterlogError } from '../base/errors.ts';
import { limits } from '../base/limits.ts';

/**
 * A String as its bytes (a console is not always UTF-8); a 64-bit integer or DateTime64 (its ticks) as
 * bigint.
 */
export type ColumnValue = Buffer | bigint | number;

export interface Block {
  rows: number;
  /** Name → type and one value for each row, in the block's order. */
  columns: Map<string, { type: string; values: ColumnValue[] }>;
}

class BlockReader {
  at = 0;
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  take(count: number): Buffer {
    if (count > this.bytes.length - this.at)
      throw damaged(`the block ends inside a value, at byte ${this.at}`);
    this.at += count;
    return this.bytes.subarray(this.at - count, this.at);
  }

  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.take(1)[0]!;
      value += (byte & 127) * factor;
      if (value > Number.MAX_SAFE_INTEGER) throw damaged(`an impossible length at byte ${this.at}`);
      if (byte < 128) return value;
    }
  }

  /** A count of values of at least `width` bytes each; more than the block can hold is an error. */
  count(value: number | bigint, width: number): number {
    if (Number(value) * width > this.bytes.length - this.at) {
      throw damaged(`an impossible count, ${value}, at byte ${this.at}`);
    }
    return Number(value);
  }

  string(): Buffer {
    return this.take(this.varint());
  }
}

/** For each type the width of a value in bytes, and its reader. A String has at least its length byte. */
const readers: Record<string, { width: number; read: (from: BlockReader) => ColumnValue }> = {
  String: { width: 1, read: (from) => from.string() },
  UInt64: { width: 8, read: (from) => from.take(8).readBigUInt64LE() },
  Int64: { width: 8, read: (from) => from.take(8).readBigInt64LE() },
  "DateTime64(9, 'UTC')": { width: 8, read: (from) => from.take(8).readBigInt64LE() },
  UInt32: { width: 4, read: (from) => from.take(4).readUInt32LE() },
  UInt16: { width: 2, read: (from) => from.take(2).readUInt16LE() },
  UInt8: { width: 1, read: (from) => from.take(1)[0]! },
  /** Days since 1970. */
  Date: { width: 2, read: (from) => from.take(2).readUInt16LE() },
};

function readerOf(type: string): { width: number; read: (from: BlockReader) => ColumnValue } {
  const reader = readers[type];
  if (reader) return reader;
  throw damaged(
    `the column type ${JSON.stringify(type.slice(0, 60))} is not one of ${Object.keys(readers).join(', ')}`,
  );
}

/** Reads into `values`, which after an error holds the values before it. */
function plain(
  type: string,
  count: number | bigint,
  from: BlockReader,
  values: ColumnValue[],
): ColumnValue[] {
  const { width, read } = readerOf(type);
  for (let left = from.count(count, width); left > 0; left--) values.push(read(from));
  return values;
}

/**
 * LowCardinality in the Native format: key version (1), flags with the index width in the low byte, the
 * dictionary, and for each row an index into it.
 */
function lowCardinality(inner: string, rows: number, from: BlockReader, values: ColumnValue[]): void {
  const version = from.take(8).readBigUInt64LE();
  if (version !== 1n) throw damaged(`LowCardinality version ${version}`);
  const flags = from.take(8).readBigUInt64LE();
  // 0x100: a dictionary shared with other blocks; 0x200: keys follow.
  if ((flags & 0xffn) > 2n || (flags & 0x300n) !== 0x200n) throw damaged(`LowCardinality flags ${flags}`);
  const width = 1 << Number(flags & 0xffn);
  const size = from.take(8).readBigUInt64LE();
  if (size > BigInt(limits.batch.taken_rows_max)) throw damaged(`a dictionary of ${size} keys`);
  const keys = plain(inner, size, from, []);
  const indexed = from.take(8).readBigUInt64LE();
  if (indexed !== BigInt(rows)) throw damaged(`a LowCardinality column of ${indexed} rows among ${rows}`);
  for (let row = 0; row < rows; row++) {
    const key = keys[from.take(width).readUIntLE(0, width)];
    if (key === undefined) throw damaged('an index beyond its dictionary');
    values.push(key);
  }
}

/**
 * A block as far as it decodes. A column that ends early has fewer values; the columns behind it are missing.
 */
export interface PartialBlock extends Block {
  /** The fault that ended the decoding; null if there is none. */
  fault: AfterlogError | null;
}

/** Decodes a Native block for tools, dead letters and tests; consumers only walk it (check_block.ts). */
export function decodePartly(bytes: Buffer): PartialBlock {
  const from = new BlockReader(bytes);
  const block: PartialBlock = { rows: 0, columns: new Map(), fault: null };
  try {
    readBlock(from, block);
  } catch (error) {
    if (!(error instanceof AfterlogError)) throw error;
    block.fault = error;
  }
  return block;
}

function readBlock(from: BlockReader, block: Block): void {
  const count = from.count(from.varint(), 2);
  const rows = from.varint();
  if (rows > limits.batch.taken_rows_max || (count === 0 && rows > 0))
    throw damaged(`a block of ${rows} rows in ${count} columns`);
  block.rows = rows;
  for (let index = 0; index < count; index++) {
    const name = from.string().toString();
    const type = from.string().toString();
    if (block.columns.has(name)) throw damaged(`column ${JSON.stringify(name)} twice`);
    const values: ColumnValue[] = [];
    block.columns.set(name, { type, values });
    const inner = /^LowCardinality\((.+)\)$/.exec(type)?.[1];
    // A column without rows is written without its LowCardinality preamble.
    if (inner && rows > 0) lowCardinality(inner, rows, from, values);
    else plain(inner ?? type, rows, from, values);
  }
  if (from.at !== from.bytes.length) throw damaged(`${from.bytes.length - from.at} bytes follow the block`);
}

/**
 * @throws AfterlogError BATCH_DAMAGED with the fault and its place, or the column type that is not supported
 */
export function decodeBlock(bytes: Buffer): Block {
  const { fault, ...block } = decodePartly(bytes);
  if (fault !== null) throw fault;
  return block;
}

/** Decodes a batch's value: one zstd frame of one Native block. @throws AfterlogError BATCH_DAMAGED */
export function decodeValue(value: Buffer): Block {
  let bytes: Buffer;
  try {
    bytes = zstdDecompressSync(value, { maxOutputLength: limits.batch.taken_bytes_max });
  } catch (error) {
    throw damaged(`it does not unpack: ${(error as Error).message}`);
  }
  return decodeBlock(bytes);
}

/** Why a value is hopeless whatever a server's state, or null if it decodes. */
export function undecodable(value: Buffer): string | null {
  try {
    decodeValue(value);
    return null;
  } catch (error) {
    return (error as Error).message;
  }
}

/**
 * Decodes as much of a value as possible, even if it is cut off or is not zstd. Never throws because of the
 * content.
 */
export async function decodeValuePartly(value: Buffer): Promise<PartialBlock> {
  const chunks: Buffer[] = [];
  let broken: Error | null = null;
  let size = 0;
  try {
    for await (const chunk of Readable.from([value]).pipe(createZstdDecompress())) {
      size += (chunk as Buffer).length;
      if (size > limits.batch.taken_bytes_max)
        throw new Error(`to more than ${limits.batch.taken_bytes_max} bytes`);
      chunks.push(chunk as Buffer);
    }
  } catch (error) {
    broken = error as Error;
  }
  const block = decodePartly(Buffer.concat(chunks));
  if (broken !== null) block.fault = damaged(`it does not unpack: ${broken.message}`);
  return block;
}

/** The block as one object a row; an omitted column is absent. */
export function rowsOf(block: Block): Record<string, ColumnValue>[] {
  return Array.from({ length: block.rows }, (_, row) =>
    Object.fromEntries(Array.from(block.columns, ([name, { values }]) => [name, values[row]!])),
  );
}

function damaged(what: string): AfterlogError {
  return new AfterlogError('BATCH_DAMAGED', `A batch cannot be decoded: ${what}.`);
}
