import type { Message } from 'kafkajs';
import {
  batchKeyOf,
  hostKeyOf,
  hostKeyText,
  type MasterKey,
  newMasterKey,
} from '../../src/config/batch_key.ts';
import { type Batch, toKafkaHeaders } from '../../src/wire/header.ts';
import { SIGNATURE, signatureOf } from '../../src/wire/signature.ts';
import { asMessage } from './topic.ts';

/** A master key of a test's own, and what is made with it. */
export function testMaster() {
  const text = newMasterKey();
  const master = batchKeyOf(text) as MasterKey;
  return {
    text,
    id: master.id,
    hostKey: (host: string): string => hostKeyText(hostKeyOf(master, host)),
    /** The batch as its host's agent sends it, or signed with the key of `by`. */
    signed(topic: string, batch: Batch, { by = batch.header.host, partition = 0 } = {}): Message {
      const headers = toKafkaHeaders(batch.header);
      const message = { topic, partition, headers, value: batch.value };
      const signature = signatureOf(hostKeyOf(master, by), message);
      return { ...asMessage(batch), headers: { ...headers, [SIGNATURE]: signature } };
    },
  };
}
