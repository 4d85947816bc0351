import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import kafkajs from 'kafkajs';
import { batchKeyOf, type HostKey } from '../../src/config/batch_key.ts';
import { kafkaDestination } from '../../src/deliver/kafka.ts';
import type { Destination } from '../../src/deliver/sender.ts';
import { createKafka } from '../../src/kafka/client.ts';
import type { Binding } from '../../src/spool/cursor.ts';
import { type Batch, batchId, fromKafka } from '../../src/wire/header.ts';
import { checkSignature } from '../../src/wire/signature.ts';
import { makeBatch, newEpoch } from '../support/batches.ts';
import { testSettings } from '../support/kafka.ts';
import { until } from '../support/patience.ts';
import { testMaster } from '../support/signing.ts';
import { createTopics, deleteTopic, offsetsOf, readTopic } from '../support/topic.ts';

type SetAside = (refused: { batch: Batch; reason: string }) => Promise<void>;

/** A destination on a topic of the test's own, and an admin client. */
async function site(
  t: TestContext,
  setAside: SetAside = () => assert.fail('nothing is refused'),
  key: HostKey | null = null,
) {
  const settings = await testSettings(t);
  const kafka = createKafka(settings);
  const bound = new Map<number, Binding>();
  const { topic } = settings.kafka;
  const destination = kafkaDestination({
    ...{ kafka, topic, host: settings.host, setAside, key },
    bindings: { bindings: bound, bind: (epoch, binding) => void bound.set(epoch, binding) },
  });
  const admin = kafka.admin();
  await admin.connect();
  t.after(async () => {
    await destination.close();
    await admin.disconnect();
  });
  return { settings, topic, destination, bound, admin };
}

async function waitsFor(destination: Destination, pattern: RegExp): Promise<void> {
  await until(
    () => pattern.test(destination.waiting() ?? ''),
    () => `${pattern}: ${destination.waiting()}`,
  );
}

test('a topic that is deleted while an epoch is bound to it is made again, and sending goes on', async (t) => {
  const { settings, topic, destination, bound, admin } = await site(t);
  const epoch = newEpoch();
  await destination.deliver([makeBatch({ epoch, sequence: 1 })]);
  const binding = bound.get(epoch)!;
  await deleteTopic(admin, topic);
  const second = makeBatch({ epoch, sequence: 2 });
  await destination.deliver([second]);
  assert.equal(destination.waiting(), null);
  assert.deepEqual(bound.get(epoch), binding);
  const [message] = await readTopic(settings, topic, 1);
  assert.equal(batchId(fromKafka(message!.headers!, message!.value).header), batchId(second.header));
});

test('a topic with too few partitions for what is bound gets them: nothing counts as sent before', async (t) => {
  const { topic, destination, bound, admin } = await site(t);
  await createTopics(admin, { topic, numPartitions: 1 });
  const epoch = newEpoch();
  bound.set(epoch, { topic, partition: 2 });
  await destination.deliver([makeBatch({ epoch, sequence: 1 })]);
  const offsets = await offsetsOf(admin, topic);
  assert.deepEqual(offsets.map(({ partition, high }) => `${partition}:${high}`).sort(), [
    '0:0',
    '1:0',
    '2:1',
  ]);
});

test('a refused batch that cannot be set aside is tried again until it can; gap rows go then', async (t) => {
  const kept: Batch[] = [];
  let isFull = true;
  const { settings, topic, destination, admin } = await site(t, async ({ batch }) => {
    if (isFull) throw Object.assign(new Error('no space left'), { code: 'ENOSPC' });
    kept.push(batch);
  });
  // The broker takes the gap row's small batch, but not this one.
  const configEntries = [{ name: 'max.message.bytes', value: '2000' }];
  await createTopics(admin, { topic, numPartitions: 1, configEntries });
  const text = (row: number): string => Buffer.from(String(Math.sin(row))).toString('base64');
  const batch = makeBatch({ epoch: newEpoch(), sequence: 1, rows: 500, text });
  assert.ok(batch.value.length > 3_000);
  const delivering = destination.deliver([batch]);
  await waitsFor(destination, /cannot be set aside: no space left/);
  assert.deepEqual(kept, []);
  isFull = false;
  await delivering;
  assert.deepEqual(kept, [batch]);
  const [message] = await readTopic(settings, topic, 1);
  const { header } = fromKafka(message!.headers!, message!.value);
  assert.equal(batchId(header), batchId(batch.header));
  assert.ok(header.rows < 500);
});

test('gap rows that are refused too wait, and what they stand for stays set aside', async (t) => {
  const kept: Batch[] = [];
  const { topic, destination, admin } = await site(t, async ({ batch }) => void kept.push(batch));
  const limit = (value: string) => [{ name: 'max.message.bytes', value }];
  await createTopics(admin, { topic, numPartitions: 1, configEntries: limit('100') });
  const batch = makeBatch({ epoch: newEpoch(), sequence: 1 });
  const delivering = destination.deliver([batch]);
  await waitsFor(destination, /Kafka does not accept batches/);
  await admin.alterConfigs({
    validateOnly: false,
    resources: [{ type: kafkajs.ConfigResourceTypes.TOPIC, name: topic, configEntries: limit('100000') }],
  });
  await delivering;
  assert.deepEqual(kept, [batch]);
});

test('a clock that is hours ahead, on a topic that refuses its stamps: the batch waits until the clock is right', async (t) => {
  const { settings, topic, destination, admin } = await site(t);
  const configEntries = [
    { name: 'message.timestamp.type', value: 'CreateTime' },
    { name: 'message.timestamp.after.max.ms', value: '3600000' },
  ];
  await createTopics(admin, { topic, numPartitions: 1, configEntries });
  const now = Date.now.bind(Date);
  const clock = t.mock.method(Date, 'now', () => now() + 2 * 3_600_000);
  const batch = makeBatch({ epoch: newEpoch(), sequence: 1 });
  const delivering = destination.deliver([batch]);
  await waitsFor(destination, /clock.*\[CLOCK_WRONG\]$/);
  clock.mock.restore();
  await delivering;
  assert.equal(destination.waiting(), null);
  const [message] = await readTopic(settings, topic, 1);
  assert.deepEqual(message!.value, batch.value);
});

test('batches of this host are signed at their send; those of its former name are not', async (t) => {
  const key = batchKeyOf(testMaster().hostKey('host-1')) as HostKey;
  const { settings, topic, destination, admin } = await site(t, undefined, key);
  await createTopics(admin, { topic, numPartitions: 1 });
  const epoch = newEpoch();
  await destination.deliver([
    makeBatch({ epoch, sequence: 1 }),
    makeBatch({ host: 'former', epoch, sequence: 2 }),
  ]);
  const found = (await readTopic(settings, topic, 2)).map(({ headers, value }) => {
    const { header } = fromKafka(headers, value);
    const secrets = () => [key.secret];
    return checkSignature({ topic, partition: 0, headers, value }, header.host, secrets).state;
  });
  assert.deepEqual(found, ['right', 'missing']);
});
