import { type IHeaders, type Kafka, type KafkaMessage, Partitioners, type Producer } from 'kafkajs';
import { AfterlogError, type ErrorCode } from '../base/errors.ts';
import { report } from '../base/faults.ts';
import { kafkaFault } from '../kafka/client.ts';
import { createTopic, deadLetterTopic, wantedTopics, withAdmin } from '../kafka/topics.ts';
import { loggableReason } from '../store/refusal.ts';

export interface TopicMessage {
  topic: string;
  partition: number;
  message: KafkaMessage;
}

export interface DeadLetters {
  /**
   * Returns when all in-sync replicas have the message. After a crash before the offset is committed, the
   * message is sent again: dlq-topic, dlq-partition and dlq-offset identify repeats.
   * @param code of the error, if the message was set aside before its batch was tried: then no gap rows take
   *   its place
   * @throws AfterlogError KAFKA_UNREACHABLE, KAFKA_REFUSED; the next call starts anew
   */
  send(origin: TopicMessage, reason: string, code?: ErrorCode): Promise<void>;
  stop(): Promise<void>;
}

/** Sends messages that cannot land, whole, to a second topic. No connection is opened before the first. */
export function deadLetters(kafka: Kafka, topic: string): DeadLetters {
  const name = deadLetterTopic(topic);
  let opening: Promise<Producer> | null = null;

  async function open(): Promise<Producer> {
    await withAdmin(kafka, (admin) => createTopic(admin, wantedTopics(topic).dead_letters));
    const producer = kafka.producer({
      allowAutoTopicCreation: false,
      createPartitioner: Partitioners.DefaultPartitioner,
    });
    await producer.connect();
    return producer;
  }

  async function close(): Promise<void> {
    const producer = await opening?.catch(() => null);
    opening = null;
    await producer?.disconnect().catch(() => {});
  }

  return {
    async send(origin, given, code) {
      // It may repeat a header of the message, of any length.
      const reason = given.slice(0, 1_000);
      try {
        opening ??= open();
        await sendTo(await opening, name, origin, reason, code);
      } catch (error) {
        await close();
        const where = `${origin.topic}/${origin.partition}/${origin.message.offset}`;
        const what = `The dead-letter topic ${name} does not accept message ${where}, whose partition waits`;
        throw kafkaFault(what, error);
      }
      const { topic, partition, message } = origin;
      const { offset } = message;
      const why = loggableReason(reason);
      const what = `Message ${topic}/${partition}/${offset} cannot land and was set aside in ${name}: ${why}.`;
      report(new AfterlogError(code ?? 'BATCH_REFUSED', what), { topic: name, partition, offset }, 'error');
    },
    stop: close,
  };
}

async function sendTo(
  producer: Producer,
  name: string,
  origin: TopicMessage,
  reason: string,
  code?: ErrorCode,
): Promise<void> {
  const { key, value, headers } = origin.message;
  const marks: IHeaders = {
    ...headers,
    'dlq-reason': reason,
    // Also an empty one, so that no header of the message itself counts as it.
    'dlq-code': code ?? '',
    'dlq-topic': origin.topic,
    'dlq-partition': String(origin.partition),
    'dlq-offset': origin.message.offset,
  };
  try {
    await producer.send({ topic: name, acks: -1, messages: [{ key, value, headers: marks }] });
  } catch (error) {
    const type = (error as { cause?: { type?: string }; type?: string }).type;
    if (type !== 'MESSAGE_TOO_LARGE' && type !== 'RECORD_LIST_TOO_LARGE') throw error;
    // A message of another program, larger than ours can be: record its place instead of waiting forever.
    const messages = [{ key, value: null, headers: { ...marks, 'dlq-value': 'too large, left in place' } }];
    await producer.send({ topic: name, acks: -1, messages });
  }
}
