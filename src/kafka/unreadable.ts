import { createRequire } from 'node:module';
import type { KafkaMessage } from 'kafkajs';
import { AfterlogError, reasonOf } from '../base/errors.ts';
import { limits } from '../base/limits.ts';
import { TooLarge } from './codecs.ts';

/** Messages of one record batch that nobody can read; a stand-in for them has the last one's offset. */
export interface Unreadable {
  first: number;
  last: number;
  /** Such as ` (zstd) unpack to more than 8388608 bytes`: behind the messages' name. */
  why: string;
}

const unreadable = new WeakMap<KafkaMessage, Unreadable>();

/** What a message stands for instead of itself; its value is the whole record batch. null: it was read. */
export const unreadableOf = (message: KafkaMessage): Unreadable | null => unreadable.get(message) ?? null;

/** One sentence without an end: `Message 7 of topic/0 (gzip) unpacks to …`. */
export function unreadableText(topic: string, partition: number, { first, last, why }: Unreadable): string {
  const which = first === last ? `Message ${first}` : `Messages ${first} to ${last}`;
  return `${which} of ${topic}/${partition}${why}`;
}

interface Decoder {
  buffer: Buffer;
  offset: number;
}
type DecodeRecordBatch = (decoder: Decoder) => Promise<{ records: KafkaMessage[] }>;

const require = createRequire(import.meta.url);
const PARTIAL = 'KafkaJSPartialMessageError';
const codecs = ['', 'gzip', 'snappy', 'lz4', 'zstd'];
const IS_TRANSACTIONAL = 0x10;
/** Memory of a record beside its key and value. */
const RECORD_BYTES = 64;

/**
 * kafkajs decodes a whole fetch, and if one record batch in it cannot be decoded, the fetch fails, now and at
 * each try: the consumer stands still. With the patch a stand-in takes its place, which carries the record
 * batch and its offsets. A fetch also ends before record batches that would unpack to more memory than a
 * fetch may take; the next one begins with them. It holds for every fetch after it.
 */
export function keepUnreadable(): void {
  const path = require.resolve('kafkajs/src/protocol/recordBatch/v0/decoder');
  const decode = require(path) as DecodeRecordBatch;
  const { KafkaJSPartialMessageError } = require('kafkajs/src/errors') as Record<
    string,
    new (
      why: string,
    ) => Error
  >;
  /** Of each partition's part of a fetch. */
  const decoded_bytes = new WeakMap<Buffer, number>();
  const patched: DecodeRecordBatch = async (decoder) => {
    const { buffer, offset } = decoder;
    const before = decoded_bytes.get(buffer) ?? 0;
    // As at the end of a fetch, which may cut a record batch: kafkajs takes what came before.
    if (before >= limits.consume.unpacked_bytes_max) throw new KafkaJSPartialMessageError!('enough');
    const decoded = await decode(decoder)
      .then((found) => {
        // kafkajs takes it for no compression.
        if (codecOf(buffer, offset) >= codecs.length) throw new Error('its compression is not known');
        return found;
      })
      .catch((error: Error) => {
        if (error.name === PARTIAL || error instanceof AfterlogError) throw error;
        return { records: standIns(buffer.subarray(offset, decoder.offset), error) };
      });
    const bytes = decoded.records.reduce((sum, { key, value }) => {
      return sum + RECORD_BYTES + (key?.length ?? 0) + (value?.length ?? 0);
    }, 0);
    decoded_bytes.set(buffer, before + bytes);
    return decoded;
  };
  // kafkajs loads the decoders of a fetch with the first one, so the replacement is there by then.
  require.cache[path]!.exports = patched;
}

const codecOf = (buffer: Buffer, offset: number): number => buffer.readInt16BE(offset + 21) & 7;

/**
 * The stand-in is at the last offset. One without a value is at the first, so that the offsets before it
 * count as read and not as lost.
 */
function standIns(recordBatch: Buffer, error: Error): KafkaMessage[] {
  const first = Number(recordBatch.readBigInt64BE(0));
  const attributes = recordBatch.readInt16BE(21);
  const last = first + Math.max(0, recordBatch.readInt32BE(23));
  const name = codecs[codecOf(recordBatch, 0)] ?? '';
  const s = first === last ? 's' : '';
  const what =
    error instanceof TooLarge
      ? `unpack${s} to more than ${limits.consume.unpacked_bytes_max} bytes`
      : `cannot be decoded: ${reasonOf(error)}`;
  const base = {
    key: null,
    headers: {},
    attributes: 0,
    timestamp: String(recordBatch.readBigInt64BE(35)),
    // Messages of a transaction that was given up are left out by these.
    batchContext: {
      inTransaction: (attributes & IS_TRANSACTIONAL) > 0,
      producerId: String(recordBatch.readBigInt64BE(43)),
    },
  };
  const value = Buffer.from(recordBatch);
  const found: KafkaMessage[] = [{ ...base, offset: String(last), value }];
  if (first < last) found.unshift({ ...base, offset: String(first), value: null });
  for (const message of found)
    unreadable.set(message, { first, last, why: `${name && ` (${name})`} ${what}` });
  return found;
}
