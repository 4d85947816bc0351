import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createKafka } from '../../src/kafka/client.ts';
import { type FollowTopic, followTopic } from '../../src/kafka/follow_topic.ts';
import { type ReadMessage, TopicReader } from '../../src/kafka/topic_reader.ts';
import { makeBatch, newEpoch, run } from '../support/batches.ts';
import { testSettings } from '../support/kafka.ts';
import { overrideLimits } from '../support/limits.ts';
import { makeTopic } from '../support/topic.ts';

overrideLimits({ consume: { partitions_seen_ms: 100 } });

async function site(t: TestContext, partitions: number) {
  const settings = await testSettings(t);
  const topic = await makeTopic(t, settings, partitions);
  const reader = await TopicReader.open(createKafka(settings), settings.kafka.topic);
  t.after(() => reader.close());
  const stop = new AbortController();
  const told: string[] = [];
  const followed = (offsets: [number, number][], more: Partial<FollowTopic> = {}) => {
    const messages = followTopic(reader, {
      ...{ offsets: new Map(offsets), isWhole: true, not_before_ms: 0, signal: stop.signal },
      onTrouble: (trouble) => void told.push(trouble?.code ?? 'over'),
      onOvertaken: (partition, from, to) => void told.push(`${partition}: ${from} to ${to - 1}`),
      ...more,
    });
    return {
      messages,
      next: async () => {
        const { partition, offset } = (await messages.next()).value as ReadMessage;
        return [partition, offset];
      },
    };
  };
  return { topic, stop, told, followed };
}

test('what comes later is followed, in every partition, until the signal', async (t) => {
  const { topic, stop, told, followed } = await site(t, 3);
  const { messages, next } = followed([0, 1, 2].map((partition) => [partition, 0]));
  const epoch = newEpoch();
  for (const partition of [2, 0, 1]) {
    await topic.send([makeBatch({ epoch, sequence: partition + 1 })], partition);
    assert.deepEqual(await next(), [partition, 0]);
  }
  stop.abort();
  assert.deepEqual(await messages.next(), { done: true, value: undefined });
  assert.deepEqual(told, []);
});

test('an added partition is read from its first message on, unless only some are wanted', async (t) => {
  const { topic, followed } = await site(t, 1);
  const whole = followed([[0, 0]]);
  const one = followed([[0, 0]], { isWhole: false });
  const epoch = newEpoch();
  await topic.addPartitions(2);
  await topic.send(run(epoch, 1, 1), 1);
  assert.deepEqual(await whole.next(), [1, 0]);
  await topic.send(run(epoch, 2, 2), 0);
  assert.deepEqual(await whole.next(), [0, 0]);
  assert.deepEqual(await one.next(), [0, 0]);
});

test('messages that were deleted before they were read are told', async (t) => {
  const { topic, told, followed } = await site(t, 1);
  await topic.send(run(newEpoch(), 1, 6));
  await topic.deleteBefore(4);
  const { next } = followed([[0, 1]]);
  assert.deepEqual(await next(), [0, 4]);
  assert.deepEqual(told, ['0: 1 to 3']);
});

test('a topic that is made again is read from its beginning', async (t) => {
  const { topic, told, followed } = await site(t, 1);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 3));
  const { next } = followed([[0, 2]]);
  assert.deepEqual(await next(), [0, 2]);
  const later = next();
  await topic.makeAgain();
  await topic.send(run(epoch, 4, 8));
  assert.deepEqual(await later, [0, 0]);
  assert.deepEqual(told.slice(0, 2), ['TOPIC_MISSING', 'over']);
});
