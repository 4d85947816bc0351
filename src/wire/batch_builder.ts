import { crc32 } from 'node:zlib';
import { limits } from '../base/limits.ts';
import { endings, type Line, timestampKinds } from '../parse/line/line.ts';
import { generation, NAMES_MAX, nameText, recycleNames } from '../parse/line/names.ts';
import { type Batch, type BatchHeader, SCHEMA_VERSION } from './header.ts';
import { BlockWriter, bytesOf, putVarint } from './native.ts';
import { compressFrame } from './zstd_frame.ts';

/** The labels of a sandbox in its rows. */
export interface SlotLabel {
  workspace: string;
  template: string;
}

/** The fields that all rows of one stream share. `slot` and the fields behind it belong to the builder. */
export interface StreamLabels {
  sandbox_id: string;
  log: string;
  workspace: string;
  template: string;
  /** stream_started_at as the two words of its nanoseconds since 1970. */
  started_low: number;
  started_high: number;
  slot: number;
  slot_batch: number;
  /** The labels of its rows in this batch; empty ones may be filled until the batch is finished. */
  slot_label?: SlotLabel | undefined;
}

const records = ['line', 'gap', 'seal', 'nuls'];
export const record = { line: 0, gap: 1, seal: 2, nuls: 3 } as const;

/** Bytes of a row without its text: 4 columns of 8, one of 4, 9 of 2, 6 of 1, two varints of up to 3. */
const ROW_BYTES = 4 * 8 + 4 + 9 * 2 + 6 + 2 * 3;
/** Column names, types and fixed dictionaries of a block. */
const FRAME_BYTES = 4_096;
const LOW_WORD = 0xffff_ffffn;
/** Room for gap and seal rows, which lines leave free: a step of the tail makes at most two. */
const MARKS_MAX = 64;
const MARK_BYTES_MAX = 1_024;
// Copied because it is read for each line, and V8 is slow at lookups in an object as large as the limits.
const { rows_max: batch_rows_max } = limits.batch;
const ROWS = batch_rows_max + MARKS_MAX;
const LINES_BYTES_MAX = limits.batch.block_bytes_max - MARKS_MAX * MARK_BYTES_MAX;

/**
 * Collects rows of many sandboxes into the columns of one Native block. The hot path fills it, so every
 * column is a typed array of its own and no row allocates anything. A block stays within `block_bytes_max`:
 * callers ask `fits` before each row.
 */
export class BatchBuilder {
  rows = 0;
  private readonly host: string;
  private batch = 1;
  private marks = 0;
  private blockBytes = FRAME_BYTES;
  private readonly recordOf = new Uint8Array(ROWS);
  private readonly slotOf = new Uint16Array(ROWS);
  private readonly kindOf = new Uint8Array(ROWS);
  private readonly endingOf = new Uint8Array(ROWS);
  private readonly backOf = new Uint32Array(ROWS);
  // UInt64 columns as pairs of words: a BigInt would be one object for each row.
  private readonly startedOf = new Uint32Array(ROWS * 2);
  private readonly positionOf = new Uint32Array(ROWS * 2);
  private readonly timestampOf = new Uint32Array(ROWS * 2);
  private readonly observedOf = new Uint32Array(ROWS * 2);
  private readonly source = new NameColumn();
  private readonly severity = new NameColumn();
  private readonly event = new NameColumn();
  private readonly title = new NameColumn();
  private readonly prefixes = Buffer.allocUnsafeSlow(limits.batch.block_bytes_max);
  private prefixBytes = 0;
  private readonly messages = Buffer.allocUnsafeSlow(limits.batch.block_bytes_max);
  private messageBytes = 0;
  /** The labels at the time of their first row; they may change within a batch. */
  private streams: (Pick<StreamLabels, 'sandbox_id' | 'log'> & SlotLabel)[] = [];
  private readonly observed = new Uint32Array(2);
  private columns = 0;
  private hasEntries = false;
  private readonly block = new BlockWriter(limits.batch.block_bytes_max + FRAME_BYTES);

  constructor(host: string) {
    this.host = host;
    this.blockBytes += host.length * 4;
  }

  /**
   * Whether a line of `textBytes` of this stream still fits; a line of `line_bytes_max` fits any empty batch.
   */
  fits(labels: StreamLabels, textBytes: number): boolean {
    const bytes = this.blockBytes + textBytes + ROW_BYTES;
    if (this.rows >= batch_rows_max || bytes > LINES_BYTES_MAX) return false;
    return labels.slot_batch === this.batch || bytes + labelBytes(labels) <= LINES_BYTES_MAX;
  }

  /** Whether the gap and seal rows of a step of the tail still fit. */
  fitsMarks(): boolean {
    return this.marks <= MARKS_MAX / 2;
  }

  /** Sets the stream of the rows that follow, and the host clock when their bytes were read. */
  use(labels: StreamLabels, observedSeconds: number, observedNanos: number): void {
    putNanoseconds(this.observed, 0, observedSeconds, observedNanos);
    if (labels.slot_batch === this.batch) return;
    labels.slot_batch = this.batch;
    const { sandbox_id, log, workspace, template } = labels;
    const slot = { sandbox_id, log, workspace, template };
    labels.slot = this.streams.push(slot) - 1;
    labels.slot_label = slot;
    this.blockBytes += labelBytes(labels);
  }

  addLine(labels: StreamLabels, position: number, source: Uint8Array, line: Line): void {
    const row = this.row(labels, record.line, position);
    this.kindOf[row] = line.kind;
    this.endingOf[row] = line.ending;
    this.backOf[row] = line.entry_back;
    if (line.entry_back !== 0) this.hasEntries = true;
    putNanoseconds(this.timestampOf, row, line.seconds, line.nanos);
    this.blockBytes += this.source.put(row, line.source);
    this.blockBytes += this.severity.put(row, line.severity);
    this.blockBytes += this.event.put(row, line.event);
    this.blockBytes += this.title.put(row, line.title);
    this.prefixBytes = putText(this.prefixes, this.prefixBytes, source, line.start, line.message_start);
    this.messageBytes = putText(
      this.messages,
      this.messageBytes,
      source,
      line.message_start,
      line.message_end,
    );
    this.blockBytes += line.message_end - line.start + ROW_BYTES;
  }

  /**
   * Adds a gap or seal row. `message` is JSON; `timestamp` is in ns since 1970, by default when it was
   * observed.
   */
  addMark(labels: StreamLabels, what: number, position: number, message: string, timestamp?: bigint): void {
    this.marks++;
    const row = this.row(labels, what, position);
    this.kindOf[row] = 0;
    this.endingOf[row] = 0;
    this.backOf[row] = 0;
    this.timestampOf[row * 2] = timestamp === undefined ? this.observed[0]! : Number(timestamp & LOW_WORD);
    this.timestampOf[row * 2 + 1] =
      timestamp === undefined ? this.observed[1]! : Number((timestamp >> 32n) & LOW_WORD);
    this.source.put(row, 0);
    this.severity.put(row, 0);
    this.event.put(row, 0);
    this.title.put(row, 0);
    const text = Buffer.from(message);
    this.prefixBytes = putVarint(this.prefixes, this.prefixBytes, 0);
    this.messageBytes = putText(this.messages, this.messageBytes, text, 0, text.length);
    this.blockBytes += text.length + ROW_BYTES;
  }

  private row(labels: StreamLabels, what: number, position: number): number {
    const row = this.rows++;
    this.recordOf[row] = what;
    this.slotOf[row] = labels.slot;
    this.startedOf[row * 2] = labels.started_low;
    this.startedOf[row * 2 + 1] = labels.started_high;
    this.positionOf[row * 2] = position;
    this.positionOf[row * 2 + 1] = position / 0x1_0000_0000;
    this.observedOf[row * 2] = this.observed[0]!;
    this.observedOf[row * 2 + 1] = this.observed[1]!;
    return row;
  }

  /** Encodes and compresses the rows so far as one batch, and starts the next one. */
  finish(epoch: number, sequence: number, ingestDay: number): Batch {
    const block = this.encode(epoch, sequence, ingestDay);
    if (block.length > limits.batch.block_bytes_max)
      throw new Error(`a block of ${block.length} bytes is over its limit`);
    const value = compressFrame(block);
    const header: BatchHeader = {
      host: this.host,
      epoch,
      sequence,
      ingest_day: ingestDay,
      schema: SCHEMA_VERSION,
      rows: this.rows,
      block_bytes: block.length,
      length: value.length,
      crc32: crc32(value),
    };
    this.rows = 0;
    this.batch++;
    this.marks = 0;
    this.streams = [];
    this.hasEntries = false;
    this.blockBytes = FRAME_BYTES + this.host.length * 4;
    this.prefixBytes = 0;
    this.messageBytes = 0;
    recycleNames();
    return { header, value };
  }

  private encode(epoch: number, sequence: number, ingestDay: number): Buffer {
    const { block, rows, streams } = this;
    block.reset();
    this.columns = 0;
    block.varint(0); // the number of columns, which is known at the end
    block.varint(rows);
    // These come first, so that the check of a consumer fails at once for rows of another host.
    this.constant('host', 'String', () => block.text(this.host));
    this.constant('batch_epoch', 'UInt64', () => block.uint64(epoch));
    this.constant('batch_sequence', 'UInt64', () => block.uint64(sequence));
    this.constant('ingest_day', 'Date', () => block.uint16(ingestDay));
    this.texts('record', records, this.recordOf);
    this.texts(
      'sandbox_id',
      streams.map((stream) => stream.sandbox_id),
      this.slotOf,
    );
    this.texts(
      'log',
      streams.map((stream) => stream.log),
      this.slotOf,
    );
    this.texts(
      'workspace',
      streams.map((stream) => stream.workspace),
      this.slotOf,
    );
    this.texts(
      'template',
      streams.map((stream) => stream.template),
      this.slotOf,
    );
    this.words('stream_started_at', "DateTime64(9, 'UTC')", this.startedOf);
    this.words('position', 'UInt64', this.positionOf);
    this.words('timestamp', "DateTime64(9, 'UTC')", this.timestampOf);
    this.texts('timestamp_kind', timestampKinds, this.kindOf);
    this.words('observed_at', "DateTime64(9, 'UTC')", this.observedOf);
    for (const name of ['source', 'severity', 'event', 'title'] as const) {
      this.texts(name, this[name].take(), this[name].keyOf);
    }
    if (this.hasEntries) this.column('entry_back', 'UInt32', bytesOf(this.backOf.subarray(0, rows)));
    this.column('prefix', 'String', this.prefixes.subarray(0, this.prefixBytes));
    this.column('message', 'String', this.messages.subarray(0, this.messageBytes));
    this.texts('ending', endings, this.endingOf);
    const bytes = block.written();
    bytes[0] = this.columns;
    return bytes;
  }

  private column(name: string, type: string, values: Uint8Array): void {
    this.columns++;
    this.block.column(name, type);
    this.block.raw(values);
  }

  private words(name: string, type: string, values: Uint32Array): void {
    this.column(name, type, bytesOf(values.subarray(0, this.rows * 2)));
  }

  /** A column with one value for all rows: one key, and indexes that are all 0. */
  private constant(name: string, type: string, key: () => void): void {
    const { block, rows } = this;
    this.columns++;
    block.column(name, `LowCardinality(${type})`);
    block.dictionary(1, false);
    key();
    block.uint64(rows);
    block.fill(0, rows);
  }

  /**
   * A text column as its keys and one index for each row. It is left out if all its texts are empty, the
   * table's default. Indexes are as narrow as the keys allow, because every row costs compression and
   * insertion.
   */
  private texts(name: string, keys: readonly string[], indexes: Uint8Array | Uint16Array): void {
    const { block, rows } = this;
    const first = keys[0]!;
    if (keys.every((key) => key === first)) {
      if (first !== '') this.constant(name, 'String', () => block.text(first));
      return;
    }
    this.columns++;
    block.column(name, 'LowCardinality(String)');
    const isWide = keys.length > 256;
    block.dictionary(keys.length, isWide);
    for (const key of keys) block.text(key);
    block.uint64(rows);
    const used = indexes.subarray(0, rows);
    block.raw(isWide ? bytesOf(used) : used instanceof Uint8Array ? used : Uint8Array.from(used));
  }
}

/**
 * Bytes of a stream's texts in the dictionaries of a block: at most three a character, and room for late
 * labels.
 */
const labelBytes = ({ sandbox_id, workspace, template }: StreamLabels): number =>
  16 +
  3 * (sandbox_id.length + workspace.length + template.length) +
  (workspace === '' && template === '' ? 2 * limits.labels.text_bytes_max : 0);

/** A column of name ids, each with its key in the dictionary of this batch. */
class NameColumn {
  readonly keyOf = new Uint16Array(ROWS);
  private readonly keyOfName = new Uint16Array(NAMES_MAX).fill(0xffff);
  private ids: number[] = [];
  private texts: string[] = [];
  private generation = 0;

  /** @returns the growth of the block's dictionary, in bytes */
  put(row: number, id: number): number {
    if (this.generation !== generation) this.forgetIds();
    let key = this.keyOfName[id]!;
    if (key !== 0xffff) {
      this.keyOf[row] = key;
      return 0;
    }
    this.ids.push(id);
    const text = nameText(id);
    key = this.texts.length === this.ids.length - 1 ? -1 : this.texts.indexOf(text);
    if (key < 0) key = this.texts.push(text) - 1;
    this.keyOfName[id] = key;
    this.keyOf[row] = key;
    return text.length * 3 + 2;
  }

  /** Another batch has ended meanwhile, and ids may have other names: the keys stay, with their texts. */
  private forgetIds(): void {
    for (const id of this.ids) this.keyOfName[id] = 0xffff;
    this.ids = [];
    this.generation = generation;
  }

  take(): string[] {
    const keys = this.texts;
    this.forgetIds();
    this.texts = [];
    return keys;
  }
}

/** Copies short texts byte by byte: a call into the runtime would cost more than the copy. */
function putText(target: Buffer, at: number, source: Uint8Array, start: number, end: number): number {
  const length = end - start;
  at = putVarint(target, at, length);
  if (length <= 16) {
    while (start < end) target[at++] = source[start++]!;
    return at;
  }
  (source as Buffer).copy(target, at, start, end);
  return at + length;
}

// Most rows have the same second as the row before, so its part of the product is kept.
let keptSecond = -1;
let keptLow = 0;
let keptHigh = 0;

/** Writes seconds * 10^9 + nanos as two words, in steps that stay exact in doubles. */
export function putNanoseconds(target: Uint32Array, row: number, seconds: number, nanos: number): void {
  if (seconds !== keptSecond) {
    const upper = Math.floor(seconds / 0x1_0000) * 1e9; // times 2^16 seconds
    const lower = (seconds % 0x1_0000) * 1e9 + (upper % 0x1_0000) * 0x1_0000;
    keptSecond = seconds;
    keptLow = lower % 0x1_0000_0000;
    keptHigh = Math.floor(upper / 0x1_0000) + Math.floor(lower / 0x1_0000_0000);
  }
  const low = keptLow + nanos;
  target[row * 2] = low;
  target[row * 2 + 1] = low >= 0x1_0000_0000 ? keptHigh + 1 : keptHigh;
}
