import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Kafka, logLevel } from 'kafkajs';
import { patchKafkaJs } from '../../src/kafka/patches.ts';
import { createTopic, wantedTopics, withAdmin } from '../../src/kafka/topics.ts';
import { type Fault, startFaultyNetwork } from '../support/faulty_network.ts';
import { kafkaBroker } from '../support/kafka.ts';
import { METADATA } from '../support/kafka_frames.ts';
import { uniqueName } from '../support/temporary.ts';

patchKafkaJs();

function kafkaAt(broker: string): Kafka {
  return new Kafka({
    brokers: [broker],
    requestTimeout: 2_000,
    retry: { retries: 5, initialRetryTime: 5, maxRetryTime: 20 },
    logLevel: logLevel.NOTHING,
  });
}

for (const how of ['closed', 'reset', 'half_closed'] as const) {
  test(`an answer that is cut at any of its bytes, and then ${how}: the same client asks again`, async (t) => {
    const topic = uniqueName('topic');
    await withAdmin(kafkaAt(kafkaBroker()), (admin) => createTopic(admin, wantedTopics(topic).batches));
    const network = await startFaultyNetwork(t, kafkaBroker(), true);
    let length = 1;
    let cut: number | null = null;
    network.fault = ({ bytes, api }): Fault | null => {
      if (api !== METADATA) return null;
      length = bytes.length;
      if (cut === null) return null;
      const after = cut;
      cut = null;
      return { after, how };
    };
    await withAdmin(kafkaAt(network.address), async (admin) => {
      for (let at = 0; at < length; at++) {
        cut = at;
        const ask = () => admin.fetchTopicMetadata({ topics: [topic] });
        await assert.rejects(ask);
        const { topics } = await ask();
        assert.equal(topics[0]!.partitions.length, 12, `cut at ${at}`);
      }
    });
    assert.equal(network.met, length);
  });
}
