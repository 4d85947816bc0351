import { limits } from '../base/limits.ts';
import { columnTypes, fixedWidths } from './columns.ts';
import type { BatchHeader } from './header.ts';

/**
 * Walks a Native block from its first to its last byte, and builds nothing. It is exactly one block: bytes
 * that follow it would be the next block for ClickHouse, with rows of any host. Its columns are known, each
 * comes once, and each row has the host, epoch, sequence and day of the batch's header.
 * @returns null, or the fault
 */
export function checkBlock(block: Buffer, header: BatchHeader): string | null {
  try {
    new BlockWalk(block).walk(header);
    return null;
  } catch (error) {
    if (error instanceof Fault) return error.message;
    throw error;
  }
}

class Fault extends Error {}

const lowCardinality = /^LowCardinality\((.+)\)$/;
const columnsMax = Object.keys(columnTypes).length;
/** Bytes of the longest name or type that is known. */
const NAME_BYTES_MAX = 64;

/** The columns that are the same in all rows of a batch, each as the bytes of its value. */
const identityOf = (header: BatchHeader): Map<string, Buffer> =>
  new Map([
    ['host', Buffer.concat([lengthOf(header.host), Buffer.from(header.host)])],
    ['batch_epoch', unsigned(header.epoch, 8)],
    ['batch_sequence', unsigned(header.sequence, 8)],
    ['ingest_day', unsigned(header.ingest_day, 2)],
  ]);

function lengthOf(text: string): Buffer {
  const bytes: number[] = [];
  let left = Buffer.byteLength(text);
  for (; left >= 128; left >>>= 7) bytes.push((left & 127) | 128);
  return Buffer.from([...bytes, left]);
}

function unsigned(value: number, width: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes.subarray(0, width);
}

class BlockWalk {
  private at = 0;
  private readonly block: Buffer;

  constructor(block: Buffer) {
    this.block = block;
  }

  walk(header: BatchHeader): void {
    const columns = this.varint();
    if (columns > columnsMax) throw new Fault(`the block has ${columns} columns, there are ${columnsMax}`);
    const rows = this.varint();
    if (rows !== header.rows) throw new Fault(`the block has ${rows} rows, its header says ${header.rows}`);
    const missing = identityOf(header);
    const seen = new Set<string>();
    for (let index = 0; index < columns; index++) {
      const name = this.name();
      const found = this.name();
      const inner = lowCardinality.exec(found)?.[1];
      const type = Object.hasOwn(columnTypes, name) ? columnTypes[name] : undefined;
      if (type === undefined) throw new Fault(`there is no column ${JSON.stringify(name)}`);
      if ((inner ?? found) !== type)
        throw new Fault(`column ${name} has the type ${JSON.stringify(found)}, not ${type}`);
      if (seen.has(name)) throw new Fault(`column ${name} comes twice`);
      seen.add(name);
      const only = missing.get(name);
      missing.delete(name);
      if (only !== undefined) this.constant(name, only, rows, inner !== undefined);
      else if (inner !== undefined) this.dictionary(type, rows);
      else this.values(type, rows);
    }
    for (const name of missing.keys()) throw new Fault(`the block has no column ${name}`);
    const left = this.block.length - this.at;
    if (left !== 0) throw new Fault(`${left} bytes follow the block`);
  }

  /** A column whose rows all have the value with the bytes `only`. */
  private constant(name: string, only: Buffer, rows: number, isLowCardinality: boolean): void {
    const other = new Fault(`column ${name} has rows that are not those of the header`);
    if (isLowCardinality) {
      const { keys, width } = this.dictionaryHead();
      if (keys !== 1 || !this.is(only)) throw other;
      // All indexes are 0, so each is the index before it.
      const from = this.indexes(width, rows);
      if (this.block[from] !== 0 || !this.repeats(from, 1, width * rows)) throw other;
      return;
    }
    const from = this.at;
    if (!this.is(only)) throw other;
    this.skip((rows - 1) * only.length);
    if (!this.repeats(from, only.length, rows)) throw other;
  }

  /** Reads `only`, if it comes next. */
  private is(only: Buffer): boolean {
    const { block, at } = this;
    this.skip(only.length);
    return block.compare(only, 0, only.length, at, this.at) === 0;
  }

  /** Whether `count` values of `width` bytes from `from` on are all the same: each is the one before it. */
  private repeats(from: number, width: number, count: number): boolean {
    const end = from + width * count;
    return this.block.compare(this.block, from + width, end, from, end - width) === 0;
  }

  private dictionary(type: string, rows: number): void {
    const { keys, width } = this.dictionaryHead();
    this.values(type, keys);
    this.indexes(width, rows);
  }

  /** See lowCardinality() in decode.ts. */
  private dictionaryHead(): { keys: number; width: number } {
    const { block, at } = this;
    this.skip(24);
    const flags = block.readUInt32LE(at + 8);
    const isKnown = block.readBigUInt64LE(at) === 1n && block.readUInt32LE(at + 12) === 0;
    if (!isKnown || (flags & 0xff) > 2 || (flags & 0x300) !== 0x200)
      throw new Fault(`an unknown LowCardinality form at byte ${at}`);
    const keys = Number(block.readBigUInt64LE(at + 16));
    if (keys > limits.batch.taken_rows_max) throw new Fault(`a dictionary of ${keys} keys at byte ${at}`);
    return { keys, width: 1 << (flags & 0xff) };
  }

  /** ClickHouse checks that each index is within its dictionary. @returns where the indexes begin */
  private indexes(width: number, rows: number): number {
    const { block, at } = this;
    this.skip(8);
    if (block.readBigUInt64LE(at) !== BigInt(rows))
      throw new Fault(`a LowCardinality column of another length than the block at byte ${at}`);
    const from = this.at;
    this.skip(rows * width);
    return from;
  }

  private values(type: string, count: number): void {
    const width = fixedWidths[type];
    if (width !== undefined) this.skip(count * width);
    else this.texts(count);
  }

  private texts(count: number): void {
    const { block } = this;
    const end = block.length;
    let { at } = this;
    for (; count > 0; count--) {
      if (at >= end) throw this.cut();
      const length = block[at]!;
      if (length < 128) at += 1 + length;
      else {
        this.at = at;
        this.skip(this.varint());
        at = this.at;
      }
    }
    this.at = at;
    this.skip(0);
  }

  private name(): string {
    const length = this.varint();
    if (length > NAME_BYTES_MAX) throw new Fault(`a name or type of ${length} bytes`);
    const from = this.at;
    this.skip(length);
    return this.block.toString('latin1', from, this.at);
  }

  private varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.block[this.at];
      if (byte === undefined) throw this.cut();
      this.at++;
      value += (byte & 127) * factor;
      if (value > 0xffff_ffff) throw new Fault(`an impossible number at byte ${this.at}`);
      if (byte < 128) return value;
      if (factor > 0xffff_ffff) throw new Fault(`an impossible number at byte ${this.at}`);
    }
  }

  private skip(bytes: number): void {
    this.at += bytes;
    if (this.at > this.block.length) throw this.cut();
  }

  private cut(): Fault {
    return new Fault('the block ends inside a value');
  }
}
