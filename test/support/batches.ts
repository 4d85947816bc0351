import { crc32, zstdCompressSync } from 'node:zlib';
import { newEpoch } from '../../src/wire/epoch.ts';
import type { Batch, BatchHeader } from '../../src/wire/header.ts';

/**
 * Batches for tests, written by a separate, simple and slow writer of the Native format, so that a mistake in
 * encoder, decoder and lander does not stay hidden.
 */

const varint = (value: number): Buffer => {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push((value & 127) | 128);
  return Buffer.from([...bytes, value]);
};
const bytes = (text: string | Buffer): Buffer => {
  const raw = Buffer.from(text as string);
  return Buffer.concat([varint(raw.length), raw]);
};
const u64 = (value: number | bigint): Buffer => {
  const out = Buffer.alloc(8);
  out.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return out;
};
const fixed = (width: number) => (value: number) => {
  const out = Buffer.alloc(width);
  out.writeUIntLE(value, 0, width);
  return out;
};

/** A column of a Native block. */
const writers: Record<string, (value: never) => Buffer> = {
  String: bytes,
  UInt64: u64,
  Int64: u64,
  "DateTime64(9, 'UTC')": u64,
  UInt32: fixed(4),
  UInt16: fixed(2),
  UInt8: fixed(1),
  Date: fixed(2),
};

export type Value = string | Buffer | number | bigint;
export interface Column {
  name: string;
  type: string;
  values: Value[];
}

function lowCardinality(inner: string, values: Value[]): Buffer {
  const keys = [...new Set(values)];
  const index = new Map(keys.map((key, at) => [key, at]));
  const wide = keys.length > 255;
  const indexes = Buffer.alloc(values.length * (wide ? 2 : 1));
  values.forEach((value, row) => {
    if (wide) indexes.writeUInt16LE(index.get(value)!, row * 2);
    else indexes.writeUInt8(index.get(value)!, row);
  });
  const write = writers[inner] as (value: Value) => Buffer;
  const flags = (wide ? 1 : 0) | (1 << 9) | (1 << 10);
  return Buffer.concat([
    ...[u64(1), u64(flags), u64(keys.length)],
    ...keys.map(write),
    u64(values.length),
    indexes,
  ]);
}

export function nativeBlock(columns: Column[]): Buffer {
  const rows = columns[0]!.values.length;
  const parts = [varint(columns.length), varint(rows)];
  for (const { name, type, values } of columns) {
    const inner = /^LowCardinality\((.+)\)$/.exec(type)?.[1];
    const write = writers[type] as (value: Value) => Buffer;
    parts.push(bytes(name), bytes(type));
    parts.push(inner ? lowCardinality(inner, values) : Buffer.concat(values.map(write)));
  }
  return Buffer.concat(parts);
}

/** Puts the length and CRC-32 of a value into the header, so that the batch passes every check. */
export function seal(header: Omit<BatchHeader, 'length' | 'crc32'>, value: Buffer): Batch {
  return { header: { ...header, length: value.length, crc32: crc32(value) }, value };
}

export interface Wanted {
  host?: string;
  epoch: number;
  sequence: number;
  rows?: number;
  sandbox_id?: string;
  log?: string;
  /** Days since 1970. */
  day?: number;
  schema?: number;
  /** Text of a row; default: `line <n>`. */
  text?: (row: number) => string;
  /** Changes the columns before they are encoded, for batches that ClickHouse must refuse. */
  spoil?: (columns: Column[]) => Column[];
}

const day_today = Math.floor(Date.now() / 86_400_000);

/**
 * Days since 1970 at the start of the test file (midnight may pass while it runs). Rows of a day older than
 * the table's TTL would vanish.
 */
export const today = (): number => day_today;
export { newEpoch };

/**
 * A batch with lines of one sandbox. Row r of sequence s has the position ((s - 1) × rows + r) × 100, so that
 * batches of equal size make one stream without overlap.
 */
export function makeBatch(wanted: Wanted): Batch {
  const { host = 'host-1', epoch, sequence, rows = 10, log = 'console', day = today() } = wanted;
  const each = <T extends Value>(value: (row: number) => T): T[] =>
    Array.from({ length: rows }, (_, row) => value(row));
  const first = (sequence - 1) * rows;
  const started = BigInt(Math.floor(epoch / 2048)) * 1_000_000n;
  const plain: Column[] = [
    { name: 'record', type: 'LowCardinality(String)', values: each(() => 'line') },
    {
      name: 'sandbox_id',
      type: 'LowCardinality(String)',
      values: each(() => wanted.sandbox_id ?? `sb-${epoch}`),
    },
    { name: 'log', type: 'LowCardinality(String)', values: each(() => log) },
    { name: 'stream_started_at', type: "DateTime64(9, 'UTC')", values: each(() => started) },
    { name: 'position', type: 'UInt64', values: each((row) => (first + row) * 100) },
    { name: 'timestamp', type: "DateTime64(9, 'UTC')", values: each((row) => started + BigInt(first + row)) },
    { name: 'timestamp_kind', type: 'LowCardinality(String)', values: each(() => 'line') },
    { name: 'observed_at', type: "DateTime64(9, 'UTC')", values: each(() => started) },
    { name: 'ingest_day', type: 'Date', values: each(() => day) },
    { name: 'host', type: 'LowCardinality(String)', values: each(() => host) },
    { name: 'batch_epoch', type: 'LowCardinality(UInt64)', values: each(() => epoch) },
    { name: 'batch_sequence', type: 'LowCardinality(UInt64)', values: each(() => sequence) },
    { name: 'source', type: 'LowCardinality(String)', values: each(() => 'app') },
    { name: 'entry_back', type: 'UInt32', values: each(() => 0) },
    { name: 'message', type: 'String', values: each((row) => wanted.text?.(row) ?? `line ${first + row}`) },
    { name: 'ending', type: 'LowCardinality(String)', values: each(() => '\r\n') },
  ];
  const block = nativeBlock(wanted.spoil?.(plain) ?? plain);
  return seal(
    { host, epoch, sequence, ingest_day: day, schema: wanted.schema ?? 1, rows, block_bytes: block.length },
    zstdCompressSync(block),
  );
}

/** Batches `from` to `to` of an epoch. */
export const run = (epoch: number, from: number, to: number, more: Partial<Wanted> = {}) =>
  Array.from({ length: to - from + 1 }, (_, at) => makeBatch({ epoch, sequence: from + at, ...more }));
