import { createRequire } from 'node:module';
import kafkajs from 'kafkajs';
import { crashPoint } from '../base/crash_point.ts';
import { AfterlogError } from '../base/errors.ts';
import { addCodecs } from './codecs.ts';
import { patchConnections } from './connection_patch.ts';
import { crc32c } from './crc32c.ts';
import { keepUnreadable } from './unreadable.ts';

/**
 * All changes that are made to the inside of kafkajs begin here. They replace methods of its prototypes,
 * so they hold only for the version below; package.json pins it.
 */
const WRITTEN_FOR = '2.2.4';

const require = createRequire(import.meta.url);
let isPatched = false;

/**
 * Patches kafkajs, once in a process. Every part that makes a kafkajs client calls this first.
 * @throws AfterlogError KAFKAJS_UNKNOWN another version of kafkajs is installed
 */
export function patchKafkaJs(): void {
  if (isPatched) return;
  const { version } = require('kafkajs/package.json') as { version: string };
  requireVersion(version);
  isPatched = true;
  stopIdleTimers();
  keepCommits();
  keepLargeBuffers();
  addCodecs();
  keepUnreadable();
  patchConnections();
}

/** @throws AfterlogError KAFKAJS_UNKNOWN unless `found` is the version that the patches were written for */
export function requireVersion(found: string): void {
  if (found === WRITTEN_FOR) return;
  const what = `kafkajs ${found} is installed, but afterlog changes the inside of kafkajs ${WRITTEN_FOR}.`;
  throw new AfterlogError('KAFKAJS_UNKNOWN', `${what} Nothing was sent or read.`);
}

interface RequestQueue {
  pending: unknown[];
  throttledUntil: number;
}

/**
 * kafkajs keeps a timer of 1 ms running on every connection that ever got an answer. The timer checks for
 * requests that were held back by throttling, even when there are none, and asks for a time that has passed
 * (newer Node.js warns of the negative delay: TimeoutNegativeWarning). An idle process spends 2 to 4 % of a
 * core on it. A request that is held back starts the timer itself when it is queued, so without such requests
 * no timer is needed.
 */
function stopIdleTimers(): void {
  const { prototype } = require('kafkajs/src/network/requestQueue') as {
    prototype: { scheduleCheckPendingRequests(this: RequestQueue): void };
  };
  const schedule = prototype.scheduleCheckPendingRequests;
  prototype.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0 || this.throttledUntil > Date.now()) schedule.call(this);
  };
}

interface ConsumerGroup {
  cluster: {
    fetchTopicsOffset(
      topics: { topic: string; fromBeginning: boolean; partitions: { partition: number }[] }[],
    ): Promise<{ partitions: { offset: string }[] }[]>;
  };
  offsetManager: { nextOffset(topic: string, partition: number): { toString(): string } };
  seek(to: { topic: string; partition: number; offset: string }): void;
  recoverFromOffsetOutOfRange(at: { topic: string; partition: number }): Promise<void>;
  recoverFromFetch(error: Error): Promise<void>;
}

/**
 * When an offset is out of range, kafkajs commits a reset for the group before it has read anything. If the
 * consumer is then killed, nothing shows what retention deleted. The patch only continues at the first
 * message that is left; the committed offset stays the last one that landed. A topic that ends before the
 * offset was made again: that is worth a commit, because the topic may have grown past the old offset by the
 * next check.
 */
function keepCommits(): void {
  const { prototype } = require('kafkajs/src/consumer/consumerGroup') as { prototype: ConsumerGroup };
  const reset = prototype.recoverFromOffsetOutOfRange;
  prototype.recoverFromOffsetOutOfRange = async function (this: ConsumerGroup, at): Promise<void> {
    const { topic, partition } = at;
    const wanted = [{ topic, fromBeginning: true, partitions: [{ partition }] }];
    const [found] = await this.cluster.fetchTopicsOffset(wanted);
    const { offset } = found!.partitions[0]!;
    const isBehind = Number(this.offsetManager.nextOffset(topic, partition)) < Number(offset);
    if (isBehind) this.seek({ topic, partition, offset });
    else await reset.call(this, at);
    crashPoint('consume.out_of_range');
  };
  const recover = prototype.recoverFromFetch;
  prototype.recoverFromFetch = async function (this: ConsumerGroup, error): Promise<void> {
    // A topic that is gone may be back at the next fetch as a different one: the member has to begin anew.
    const { type } = error as { type?: string };
    if (type === 'UNKNOWN_TOPIC_OR_PARTITION') {
      throw Object.assign(new kafkajs.KafkaJSNonRetriableError(error), { type });
    }
    await recover.call(this, error);
  };
}

interface Encoder {
  /** The bytes written last, and how many of them are used. */
  buf: Buffer;
  offset: number;
  readonly buffer: Buffer;
  /** The parts written before them, in order, and their size. */
  parts?: Buffer[];
  parts_bytes?: number;
}
interface EncoderPrototype {
  size(this: Encoder): number;
  writeBufferInternal(this: Encoder, bytes: Buffer): void;
  writeEncoder(this: Encoder, other: Encoder): Encoder;
  writeEncoderArray(this: Encoder, others: Encoder[]): Encoder;
}

/** A smaller buffer is copied: that costs less than keeping it. */
const LARGE_BYTES = 4_096;
const ENCODER_BYTES = 512;

/**
 * kafkajs encodes a request from the inside out. Each of eight layers copies the whole inner layer into a new
 * buffer of zeros with the next power of two as its size: about 10 MB for a send of 900 KB, which also keeps
 * the garbage collector busy. With the patch an encoder keeps the large buffers that it is given; they are
 * copied where the checksum and the socket need them in one piece. The checksum is computed four times as
 * fast.
 */
function keepLargeBuffers(): void {
  const { prototype } = require('kafkajs/src/protocol/encoder') as { prototype: EncoderPrototype };
  // kafkajs loads its checksum with the first send, so the replacement is in its cache by then.
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
