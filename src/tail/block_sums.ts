import { readSync } from 'node:fs';
import { crc32 } from 'node:zlib';
import { withoutNulsAtEnd } from './nuls.ts';

/** In this part of a file each line is a block, as long as there are not too many. */
const LINES_BYTES_MAX = 65_536;
const LINES_MAX = 2_048;
/** A block behind that part is as long as this share of what is before it. */
const SHARE = 64;
const BLOCK_BYTES_MIN = 1_024;
const BLOCK_BYTES_MAX = 65_536;
const LINE_BLOCK_BYTES_MAX = 4_096;
/** In sums that are written as text, so many lines are blocks of their own. */
const TEXT_LINES_MAX = 128;
/** A block behind them is at least as long as this share of what is before it. */
const TEXT_SHARE = 16;
/** Blocks that are made longer to save memory are at least so long at first. */
const SHRUNK_BYTES_MIN = 256;
/** Further bytes of a file are not covered. */
const COVERED_BYTES_MAX = 0xffff_ffff - BLOCK_BYTES_MAX;
/** Behind so many bytes of holes of a sparse file, nothing is covered, and no content is looked for. */
const NULS_MAX = 16 * 1024 * 1024;
const NEW_LINE = 10;

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? 0xedb88320 : 0);
  return value;
});
/** Of the end of a block, and its sum. */
const BYTES_OF_SUM = 8;
const NULS = Buffer.alloc(BLOCK_BYTES_MAX);
const NONE = new Uint32Array();
/** Holds a few blocks of the largest size. */
export const scratch = Buffer.allocUnsafeSlow(4 * BLOCK_BYTES_MAX);

/**
 * Checksums of all that was read of a file, in blocks: they tell later whether the file still holds it, and
 * which parts of it changed. At the start of the file a block is a line. Further blocks grow with the offset,
 * so a file of any size has few of them. Each sum is that of all bytes up to the end of its block, so one
 * call compares any run of blocks, and a block joins the next one if its sum is forgotten.
 */
export class BlockSums {
  /** Where the first block begins: what is before it is not covered. */
  readonly from: number;
  /** End and sum of each block, in turn. */
  private list = NONE;
  private blocks = 0;
  private to: number;
  private crc: number;
  private readonly first: number;
  private isFrozen = false;
  private nuls = 0;
  /** Closed blocks are not shorter; 0 as long as each line may be one. */
  private shortest_bytes = 0;
  /** So many blocks at most are lines. */
  private lines_max = LINES_MAX;

  /** @param sum the CRC-32 of what is before `from` */
  constructor(from = 0, sum = 0) {
    this.from = from;
    this.to = from;
    this.crc = sum;
    this.first = sum;
  }

  /** Offset behind all that is covered. */
  get end(): number {
    return this.to;
  }

  /** CRC-32 of the file up to `end`. */
  get sum(): number {
    return this.crc;
  }

  /** Whether bytes that were added are not covered. */
  get isPartial(): boolean {
    return this.isFrozen;
  }

  /** The number of blocks; the last one may still grow. */
  get count(): number {
    return this.blocks + (this.to > this.closedTo ? 1 : 0);
  }

  private get closedTo(): number {
    return this.blocks === 0 ? this.from : this.list[2 * this.blocks - 2]!;
  }

  startOf(block: number): number {
    return block === 0 ? this.from : this.list[2 * block - 2]!;
  }

  endOf(block: number): number {
    return block < this.blocks ? this.list[2 * block]! : this.to;
  }

  /** The CRC-32 of all bytes before a block. */
  sumBefore(block: number): number {
    return block === 0 ? this.first : this.list[2 * block - 1]!;
  }

  sumAt(block: number): number {
    return block < this.blocks ? this.list[2 * block + 1]! : this.crc;
  }

  /** Whether this block is one line. */
  isLine(block: number): boolean {
    return this.shortest_bytes === 0 && block < this.lines_max && this.startOf(block) < LINES_BYTES_MAX;
  }

  /** The block that holds the byte at this offset; `count` if none does. */
  blockAt(offset: number): number {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.endOf(middle) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The first block that begins at this offset or behind it. */
  blockFrom(offset: number): number {
    const block = this.blockAt(offset);
    return block < this.count && this.startOf(block) < offset ? block + 1 : block;
  }

  /** The last block that ends within `bytes` of the start of `block`; at least `block` itself. */
  lastWithin(block: number, bytes: number): number {
    const within = this.blockAt(this.startOf(block) + bytes) - 1;
    return Math.max(block, Math.min(within, this.count - 1));
  }

  /** The same sums; what is added to them is not added to these. */
  clone(): BlockSums {
    const other = new BlockSums(this.from, this.first);
    other.list = this.list.slice(0, 2 * this.blocks);
    other.blocks = this.blocks;
    other.to = this.to;
    other.crc = this.crc;
    other.isFrozen = this.isFrozen;
    other.nuls = this.nuls;
    other.shortest_bytes = this.shortest_bytes;
    other.lines_max = this.lines_max;
    return other;
  }

  /** The sums from a block on, the less exact the farther behind it, as `fromText` reads them. */
  textFrom(first: number): string {
    const hasBlock = first < this.count;
    const [from, sum] = hasBlock ? [this.startOf(first), this.sumBefore(first)] : [this.to, this.crc];
    const list: number[] = [];
    let to = from;
    let lines = 0;
    for (let block = first; block < this.count; block++) {
      const end = this.endOf(block);
      const isLine = lines < TEXT_LINES_MAX && this.isLine(block);
      if (isLine) lines++;
      else if (end - to < (to - from) / TEXT_SHARE && block < this.count - 1) continue;
      list.push(end, this.sumAt(block));
      to = end;
    }
    const bytes = Buffer.from(Uint32Array.from(list).buffer);
    return [from, sum, lines, bytes.toString('base64')].join();
  }

  /** As `textFrom` wrote them. */
  static fromText(text: string): BlockSums {
    const [from, sum, lines, list] = text.split(',') as [string, string, string, string];
    const bytes = Uint8Array.from(Buffer.from(list, 'base64'));
    const sums = new BlockSums(Number(from), Number(sum));
    sums.list = new Uint32Array(bytes.buffer);
    sums.blocks = sums.list.length / 2;
    sums.lines_max = Number(lines);
    if (sums.blocks > 0) [sums.to, sums.crc] = [sums.closedTo, sums.list.at(-1)!];
    return sums;
  }

  /** Joins blocks until the sums take at most so much memory, as far as longer blocks are possible. */
  shrinkTo(bytes: number): void {
    if (this.list.byteLength <= bytes) return;
    while (this.blocks * BYTES_OF_SUM > bytes && this.shortest_bytes < BLOCK_BYTES_MAX)
      this.join(Math.max(SHRUNK_BYTES_MIN, 2 * this.shortest_bytes));
    this.list = this.list.slice(0, 2 * this.blocks);
  }

  private join(shortest_bytes: number): void {
    let [kept, to] = [0, this.from];
    for (let block = 0; block < this.blocks; block++) {
      const [end, sum] = [this.list[2 * block]!, this.list[2 * block + 1]!];
      if (end - to < shortest_bytes && block < this.blocks - 1) continue;
      this.list[2 * kept] = end;
      this.list[2 * kept + 1] = sum;
      kept++;
      to = end;
    }
    this.blocks = kept;
    this.shortest_bytes = shortest_bytes;
  }

  /** The next bytes of the file. */
  add(bytes: Buffer): void {
    if (this.isFrozen || this.to + bytes.length > COVERED_BYTES_MAX) {
      this.isFrozen ||= bytes.length > 0;
      return;
    }
    for (let at = 0; at < bytes.length; ) {
      const start = this.closedTo;
      at = this.isLine(this.blocks) ? this.addLines(bytes, at) : this.addBlock(bytes, at, start);
    }
  }

  private addBlock(bytes: Buffer, at: number, start: number): number {
    const share = 2 ** Math.floor(Math.log2(Math.max(1, start / SHARE)));
    const size = Math.min(Math.max(share, BLOCK_BYTES_MIN, this.shortest_bytes), BLOCK_BYTES_MAX);
    // Blocks of two contents end at the same offsets.
    const end = (Math.floor(start / size) + 1) * size;
    const to = Math.min(bytes.length, at + end - this.to);
    this.crc = crc32(bytes.subarray(at, to), this.crc);
    this.to += to - at;
    if (this.to === end) this.close();
    return to;
  }

  /** A call for each line would cost more than all else. */
  private addLines(bytes: Buffer, from: number): number {
    let crc = ~this.crc;
    let left = LINE_BLOCK_BYTES_MAX - (this.to - this.closedTo);
    let at = from;
    let last = from;
    while (at < bytes.length) {
      const byte = bytes[at++]!;
      crc = TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
      if (byte !== NEW_LINE && --left > 0) continue;
      this.crc = ~crc >>> 0;
      this.to += at - last;
      last = at;
      this.close();
      if (!this.isLine(this.blocks)) return at;
      left = LINE_BLOCK_BYTES_MAX;
    }
    this.crc = ~crc >>> 0;
    this.to += at - last;
    return at;
  }

  /** The next bytes of the file are NULs. */
  addNuls(count: number): void {
    this.nuls += count;
    if (this.nuls > NULS_MAX) this.isFrozen = true;
    for (let left = count; left > 0 && !this.isFrozen; left -= NULS.length)
      this.add(NULS.subarray(0, Math.min(left, NULS.length)));
  }

  private close(): void {
    if (2 * this.blocks === this.list.length) {
      const more = new Uint32Array(2 * Math.max(8, Math.ceil(this.blocks * 1.25)));
      more.set(this.list);
      this.list = more;
    }
    this.list[2 * this.blocks] = this.to;
    this.list[2 * this.blocks + 1] = this.crc;
    this.blocks++;
  }
}

/** Whether these bytes of a file are those of the blocks from `block` to `last`. */
export const areBlocks = (sums: BlockSums, block: number, last: number, bytes: Buffer): boolean =>
  crc32(bytes, sums.sumBefore(block)) === sums.sumAt(last);

/** Reads the blocks from `block` to `last` into `scratch`. @returns null if the file is shorter */
export function readBlocks(fd: number, sums: BlockSums, block: number, last: number): Buffer | null {
  const start = sums.startOf(block);
  const bytes = sums.endOf(last) - start;
  return readSync(fd, scratch, 0, bytes, start) === bytes ? scratch.subarray(0, bytes) : null;
}

/**
 * Adds what the file holds behind the sums, up to `end`.
 * @param bytes_max add no more now
 * @returns how many bytes were added
 */
export function addFrom(
  fd: number,
  sums: BlockSums,
  end: number,
  bytes_max = Number.POSITIVE_INFINITY,
): number {
  let added = 0;
  while (sums.end < end && !sums.isPartial && added < bytes_max) {
    const length = readSync(fd, scratch, 0, Math.min(scratch.length, end - sums.end), sums.end);
    if (length === 0) break;
    sums.add(scratch.subarray(0, length));
    added += length;
  }
  return added;
}

const oneByte = Buffer.alloc(1);

/** The byte at this offset of a file; undefined behind its end. */
export const byteAt = (fd: number, offset: number): number | undefined =>
  readSync(fd, oneByte, 0, 1, offset) === 1 ? oneByte[0] : undefined;

/** The offset behind a file's last byte that is no NUL; `size` if more NULs are behind it than are read. */
export function contentEnd(fd: number, size: number): number {
  for (let to = size; to > 0; ) {
    if (size - to >= NULS_MAX) return size;
    const from = Math.max(0, to - scratch.length);
    const length = readSync(fd, scratch, 0, to - from, from);
    const content = withoutNulsAtEnd(scratch.subarray(0, length));
    if (content.length > 0) return from + content.length;
    to = from;
  }
  return 0;
}
