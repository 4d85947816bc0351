import { crc32 } from 'node:zlib';
import { AfterlogError } from '../base/errors.ts';
import { checkWholeFrame } from './zstd_frame.ts';

/** The schema version in every batch; a table has it if its migrations include that number. */
export const SCHEMA_VERSION = 1;

/**
 * The metadata of a batch, which can be read without decoding it: as Kafka headers, and in the spool. `epoch`
 * and `sequence` are safe integers; the sequences of an epoch start at 1 and have no holes.
 */
export interface BatchHeader {
  host: string;
  epoch: number;
  sequence: number;
  /** Days since 1970-01-01 UTC: the `ingest_day` of every row. */
  ingest_day: number;
  schema: number;
  rows: number;
  /** Size of the block before compression, bytes. */
  block_bytes: number;
  /** Size and CRC-32 of the value (one zstd frame). */
  length: number;
  crc32: number;
}

/** A batch. `value` is one zstd frame that holds one ClickHouse Native block. */
export interface Batch {
  header: BatchHeader;
  value: Buffer;
}

/** The headers of a message, as Kafka clients return them. */
export type MessageHeaders = Record<string, Buffer | string | (Buffer | string)[] | undefined>;

/** `<host>/<epoch>/<sequence>`. A host name has no slashes, so the id can be split again. */
export const batchId = (header: BatchHeader): string => `${header.host}/${header.epoch}/${header.sequence}`;

const DAY_MS = 86_400_000;

/** Days since 1970-01-01 UTC, by this machine's clock. */
export const today = (): number => Math.floor(Date.now() / DAY_MS);

export const dayText = (day: number): string => new Date(day * DAY_MS).toISOString().slice(0, 10);

export function toKafkaHeaders(header: BatchHeader): Record<string, string> {
  return {
    batch: batchId(header),
    day: dayText(header.ingest_day),
    schema: String(header.schema),
    rows: String(header.rows),
    block: String(header.block_bytes),
    length: String(header.length),
    crc32: String(header.crc32),
  };
}

/**
 * Reads and checks a batch from outside: its headers are complete, length and CRC-32 are right, and the value
 * is one whole zstd frame. (ClickHouse answers 200 to a body whose last frame is cut, and drops the rows.)
 * @throws AfterlogError BATCH_DAMAGED with the fault
 */
export function fromKafka(headers: MessageHeaders | undefined, value: Buffer | null): Batch {
  const text = (name: string): string => {
    const found = headers?.[name];
    if (found === undefined || Array.isArray(found)) throw damaged(`header '${name}' is missing or repeated`);
    return found.toString();
  };
  const whole = (name: string, found = text(name)): number => {
    const number = Number(found);
    if (!/^\d{1,16}$/.test(found) || !Number.isSafeInteger(number)) {
      throw damaged(`header '${name}' is '${found}', not a whole number`);
    }
    return number;
  };
  const id = /^([^/]+)\/(\d+)\/(\d+)$/.exec(text('batch'));
  if (!id) throw damaged(`header 'batch' is '${text('batch')}', not <host>/<epoch>/<sequence>`);
  const day = Date.parse(`${text('day')}T00:00:00Z`) / DAY_MS;
  if (!Number.isInteger(day) || day < 0 || day > 65_535) throw damaged(`header 'day' is '${text('day')}'`);
  if (value === null) throw damaged('the value is empty');
  const header: BatchHeader = {
    host: id[1]!,
    epoch: whole('batch', id[2]),
    sequence: whole('batch', id[3]),
    ingest_day: day,
    schema: whole('schema'),
    rows: whole('rows'),
    block_bytes: whole('block'),
    length: whole('length'),
    crc32: whole('crc32'),
  };
  return checked({ header, value });
}

/** @throws AfterlogError BATCH_DAMAGED unless the value is whole and the one of its header */
export function checked({ header, value }: Batch): Batch {
  if (value.length !== header.length) {
    throw damaged(`the value has ${value.length} bytes, its header says ${header.length}`);
  }
  if (crc32(value) !== header.crc32) throw damaged('the value does not have the CRC-32 of its header');
  const fault = checkWholeFrame(value);
  if (fault !== null) throw damaged(fault);
  return { header, value };
}

export function damaged(what: string): AfterlogError {
  return new AfterlogError('BATCH_DAMAGED', `A batch cannot be used: ${what}.`);
}
