import { setTimeout as sleep } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import kafkajs, { type Admin, type Kafka, type Message, type Producer } from 'kafkajs';
import { AfterlogError } from '../base/errors.ts';
import { report, Trouble, unwritable } from '../base/faults.ts';
import { limits } from '../base/limits.ts';
import { log } from '../base/log.ts';
import type { HostKey } from '../config/batch_key.ts';
import { kafkaFault } from '../kafka/client.ts';
import { createTopic, wantedTopics, withAdmin } from '../kafka/topics.ts';
import type { Binding } from '../spool/cursor.ts';
import { gapBatch, refusedReason } from '../wire/gap_batch.ts';
import { type Batch, batchId, toKafkaHeaders } from '../wire/header.ts';
import { SIGNATURE, signatureOf } from '../wire/signature.ts';
import type { Destination } from './sender.ts';

/**
 * The errors of a broker that will never accept this message: 10 MESSAGE_TOO_LARGE, 18 RECORD_LIST_TOO_LARGE,
 * 43 UNSUPPORTED_FOR_MESSAGE_FORMAT, 87 INVALID_RECORD. (32 INVALID_TIMESTAMP is over when the clock is
 * right: each send has a stamp of its own.)
 */
const REFUSALS = new Set([10, 18, 43, 87]);

/** The lasting bindings of epochs to partitions, in the spool's cursor file. */
export interface Bindings {
  bindings: Map<number, Binding>;
  bind(epoch: number, binding: Binding): void;
}

export interface KafkaOptions {
  kafka: Kafka;
  topic: string;
  host: string;
  bindings: Bindings;
  /** Signs every batch of its host at its send, also those that were spooled before there was a key. */
  key?: HostKey | null;
  /** Stores a batch that the broker refuses for good, before gap rows take its place. */
  setAside: (refused: { batch: Batch; reason: string }) => Promise<void>;
}

/**
 * Sends batches to the topic: in order, one send in flight, acknowledged by all replicas. If the outcome of a
 * send is not known, a new producer sends it again; the topic may then hold a batch twice, which the consumer
 * skips.
 */
export function kafkaDestination(options: KafkaOptions): Destination {
  return new KafkaDestination(options);
}

class KafkaDestination implements Destination {
  readonly send_bytes_max = limits.batch.message_bytes_max;
  private readonly options: KafkaOptions;
  private producer: Producer | null = null;
  private readonly trouble: Trouble;
  private readonly leave = new AbortController();

  constructor(options: KafkaOptions) {
    this.options = options;
    this.trouble = new Trouble('Kafka accepts batches again.', { topic: options.topic });
  }

  waiting(): string | null {
    return this.trouble.reason;
  }

  async deliver(batches: Batch[]): Promise<void> {
    for (let from = 0; from < batches.length; ) {
      const { epoch } = batches[from]!.header;
      let to = from + 1;
      while (to < batches.length && batches[to]!.header.epoch === epoch) to++;
      await this.sendAll(batches.slice(from, to));
      from = to;
    }
  }

  /** Batches of one epoch. */
  private async sendAll(batches: Batch[]): Promise<void> {
    let refusal: string | null = null;
    let isReplaced = false;
    let isPlaceMissing = false;
    for (
      let pause: number = limits.send.retry_first_ms;
      ;
      pause = Math.min(pause * 2, limits.send.retry_longest_ms)
    ) {
      try {
        if (refusal !== null && !isReplaced) {
          batches = [await this.replace(batches[0]!, refusal)];
          isReplaced = true;
        }
        const binding = await this.bindingOf(batches[0]!.header.epoch);
        if (isPlaceMissing) await this.partitions(binding.topic, binding.partition + 1);
        await this.send(binding, batches);
        this.trouble.ends();
        return;
      } catch (error) {
        await this.dropProducer();
        this.leave.signal.throwIfAborted();
        isPlaceMissing = isMissing(error);
        const found = refusalOf(error);
        if (found !== null && batches.length > 1) {
          for (const batch of batches) await this.sendAll([batch]);
          return;
        }
        // Refused gap rows are not set aside: they would overwrite the batch that they stand for.
        if (found !== null && refusal === null) {
          refusal = found;
          continue;
        }
        this.complain(error);
        await sleep(pause, undefined, { signal: this.leave.signal });
      }
    }
  }

  private async send(binding: Binding, batches: Batch[]): Promise<void> {
    const { topic, partition } = binding;
    this.producer ??= await this.connect();
    const messages: Message[] = batches.map((batch) => ({
      key: batch.header.host,
      value: batch.value,
      partition,
      headers: this.headersOf(batch, binding),
    }));
    const compression = kafkajs.CompressionTypes.None;
    const answers = await this.producer.send({ topic, acks: -1, messages, compression });
    // kafkajs sends nothing, and reports no error, for a partition that the topic does not have.
    if (!answers.some((answer) => answer.partition === partition))
      throw new PartitionMissing(topic, partition);
  }

  /** Batches that were spooled before the host was renamed go unsigned: the new name's key is not theirs. */
  private headersOf({ header, value }: Batch, { topic, partition }: Binding): Record<string, string> {
    const headers = toKafkaHeaders(header);
    const { key } = this.options;
    if (!key || key.host !== header.host) return headers;
    return { ...headers, [SIGNATURE]: signatureOf(key, { topic, partition, headers, value }) };
  }

  private async connect(): Promise<Producer> {
    const producer = this.options.kafka.producer({
      allowAutoTopicCreation: false,
      maxInFlightRequests: 1,
      // Retries happen here, with a new producer: kafkajs' own would hide how long they take.
      retry: { retries: 0 },
    });
    await producer.connect();
    return producer;
  }

  /**
   * The topic and partition of an epoch, fixed at its first send, because order holds only within a
   * partition.
   */
  private async bindingOf(epoch: number): Promise<Binding> {
    const { bindings, topic, host } = this.options;
    const known = bindings.bindings.get(epoch);
    if (known) return known;
    const binding = { topic, partition: crc32(host) % (await this.partitions(topic)) };
    try {
      bindings.bind(epoch, binding);
    } catch (error) {
      throw unwritable('The partition of the batches cannot be saved', error);
    }
    return binding;
  }

  /**
   * The number of partitions of a topic. Makes the topic, or partitions up to `least` (0: none was bound
   * yet).
   */
  private async partitions(topic: string, least = 0): Promise<number> {
    const places = async (admin: Admin): Promise<number> => {
      if (!(await admin.listTopics()).includes(topic)) {
        await createTopic(admin, wantedTopics(topic).batches);
        if (least === 0) log.info({ topic }, 'The topic did not exist and was made.');
        else
          report(new AfterlogError('TOPIC_LOST', `Topic ${topic} was gone and was made again.`), { topic });
      }
      const metadata = await admin.fetchTopicMetadata({ topics: [topic] });
      const count = metadata.topics[0]!.partitions.length;
      if (count >= least) return count;
      await admin.createPartitions({ topicPartitions: [{ topic, count: least }] });
      const what = `Topic ${topic} had ${count} partitions, but batches are bound to number ${least - 1}: more were added.`;
      report(new AfterlogError('TOPIC_LOST', what), { topic });
      return least;
    };
    return withAdmin(this.options.kafka, places, 0);
  }

  /** Sets a refused batch aside. @returns the gap rows that are sent in its place with the same id */
  private async replace(batch: Batch, reason: string): Promise<Batch> {
    try {
      await this.options.setAside({ batch, reason });
    } catch (error) {
      throw unwritable(`Batch ${batchId(batch.header)}, refused by Kafka, cannot be set aside`, error);
    }
    return gapBatch(batch, refusedReason(batch.header, reason, ' by Kafka'));
  }

  private complain(error: unknown): void {
    const what = `Kafka does not accept batches for ${this.options.topic}`;
    this.trouble.begins(error instanceof AfterlogError ? error : kafkaFault(what, error));
  }

  private async dropProducer(): Promise<void> {
    const { producer } = this;
    this.producer = null;
    await producer?.disconnect().catch(() => {});
  }

  async close(): Promise<void> {
    this.leave.abort();
    await this.dropProducer();
  }
}

class PartitionMissing extends Error {
  readonly type = 'UNKNOWN_TOPIC_OR_PARTITION';

  constructor(topic: string, partition: number) {
    super(`${topic} has no partition ${partition}`);
  }
}

/** True if the topic or the partition of a send does not exist (any more). */
function isMissing(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) {
    if ((at as { type?: string }).type === 'UNKNOWN_TOPIC_OR_PARTITION') return true;
  }
  return false;
}

function refusalOf(error: unknown): string | null {
  for (let at = error; at instanceof Error; at = at.cause) {
    if (at instanceof kafkajs.KafkaJSProtocolError && REFUSALS.has(at.code))
      return `${at.type}: ${at.message}`;
  }
  return null;
}
