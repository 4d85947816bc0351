import { type Kafka, Partitioners } from 'kafkajs';
import { AfterlogError } from '../base/errors.ts';
import { kafkaFault } from '../kafka/client.ts';
import type { ReadMessage } from '../kafka/topic_reader.ts';

/**
 * Header of a message without a value that dismisses an earlier letter of its partition. It lies in the topic
 * of the letters, so it lives at least as long as its letter, and needs no cleaning up.
 */
const DISMISSES = 'dlq-dismisses';

/**
 * The offset of the letter that a message dismisses; null if it is a letter itself. A consumer adds the topic
 * of each message that it sets aside, so no message of the topic of the batches can become a dismissal.
 */
export function dismissedOffset({ partition, offset, message }: ReadMessage): number | null {
  const { headers = {}, value } = message;
  const id = /^(\d{1,10})\/(\d{1,16})$/.exec(String(headers[DISMISSES] ?? ''));
  if (id === null || value !== null || headers['dlq-topic'] !== undefined) return null;
  const at = Number(id[2]);
  return Number(id[1]) === partition && at < offset ? at : null;
}

/**
 * Returns when all in-sync replicas have the dismissals.
 * @param ids `<partition>/<offset>`
 * @throws AfterlogError KAFKA_UNREACHABLE, KAFKA_REFUSED; it can be repeated
 */
export async function sendDismissals(kafka: Kafka, topic: string, ids: string[]): Promise<void> {
  const producer = kafka.producer({
    allowAutoTopicCreation: false,
    createPartitioner: Partitioners.DefaultPartitioner,
  });
  try {
    await producer.connect();
    const messages = ids.map((id) => ({
      partition: Number(id.split('/')[0]),
      value: null,
      // An older version lists it as a letter, with this reason.
      headers: { [DISMISSES]: id, 'dlq-reason': `dismisses dead letter ${id}` },
    }));
    const answers = await producer.send({ topic, acks: -1, messages });
    // kafkajs sends nothing, without an error, to a partition that it does not know.
    if (answers.length < new Set(messages.map(({ partition }) => partition)).size)
      throw new Error('its partition is not known');
  } catch (error) {
    if (error instanceof AfterlogError) throw error;
    throw kafkaFault(`The dead-letter topic ${topic} does not accept a dismissal`, error);
  } finally {
    await producer.disconnect().catch(() => {});
  }
}
