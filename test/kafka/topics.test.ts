import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createKafka } from '../../src/kafka/client.ts';
import {
  createTopic,
  differences,
  ensureTopic,
  findTopic,
  wantedTopics,
  withAdmin,
} from '../../src/kafka/topics.ts';
import { testSettings } from '../support/kafka.ts';

test('topics made here have the settings that are wanted, and nothing to differ in', async (t) => {
  const settings = await testSettings(t);
  await withAdmin(createKafka(settings), async (admin) => {
    for (const wanted of Object.values(wantedTopics(settings.kafka.topic))) {
      assert.equal(await findTopic(admin, wanted.topic), null);
      assert.equal(await createTopic(admin, wanted), true);
      const found = await findTopic(admin, wanted.topic);
      assert.equal(found!.partitions.length, wanted.partitions);
      for (const { name, value } of wanted.settings) assert.equal(found!.settings!.get(name), value);
      assert.deepEqual(differences(wanted, found!.settings), []);
    }
  });
});

test('several that start at once make one topic, and each goes on', async (t) => {
  const settings = await testSettings(t);
  const { batches } = wantedTopics(settings.kafka.topic);
  const outcomes = await Promise.all(
    Array.from({ length: 4 }, () => withAdmin(createKafka(settings), (admin) => createTopic(admin, batches))),
  );
  assert.equal(outcomes.filter(Boolean).length, 1);
  const { state } = await withAdmin(createKafka(settings), (admin) => ensureTopic(admin, batches));
  assert.equal(state, 'present');
});

test('other values that serve as well are no difference', () => {
  const { batches } = wantedTopics('x');
  const names = (found: Record<string, string>): string[] =>
    differences(batches, new Map(Object.entries(found)))!.map(({ name }) => name);
  assert.deepEqual(names({ 'retention.ms': '-1', 'max.message.bytes': '5000000' }), []);
  assert.deepEqual(names({ 'retention.ms': '86400000' }), []);
  assert.deepEqual(names({ 'retention.ms': '86399999', 'cleanup.policy': 'compact,delete' }), [
    'cleanup.policy',
    'retention.ms',
  ]);
  assert.equal(differences(batches, null), null);
});
