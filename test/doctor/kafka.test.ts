import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import kafkajs from 'kafkajs';
import type { Settings } from '../../src/config/settings.ts';
import { startConsumer } from '../../src/consume/consumer.ts';
import { createKafka } from '../../src/kafka/client.ts';
import { createTopic, wantedTopics, withAdmin } from '../../src/kafka/topics.ts';
import { newEpoch, run } from '../support/batches.ts';

import { site } from '../support/consumer_site.ts';
import { diagnose, environmentOf } from '../support/doctor.ts';
import { kafkaBroker, testSettings } from '../support/kafka.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { until } from '../support/patience.ts';
import { startProxy } from '../support/proxy.ts';
import { createTopics, makeTopic } from '../support/topic.ts';

/** No data dir and no ClickHouse: only Kafka is of interest. */
const kafkaOnly = (
  settings: Settings,
  brokers = settings.kafka.brokers.join(','),
): Record<string, string> => ({
  ...environmentOf(settings),
  AFTERLOG_DATA_DIR: '',
  AFTERLOG_STATE_DIR: '',
  AFTERLOG_CLICKHOUSE_URL: '',
  AFTERLOG_KAFKA_BROKERS: brokers,
});

async function topicWith(settings: Settings, configs: Record<string, string>): Promise<void> {
  const configEntries = Object.entries(configs).map(([name, value]) => ({ name, value }));
  const topic = { topic: settings.kafka.topic, numPartitions: 1, configEntries };
  await withAdmin(createKafka(settings), (admin) => createTopics(admin, topic));
}

test('without brokers nothing is said of Kafka but that', async (t) => {
  const settings = await testSettings(t, { kafkaBrokers: '' });
  const found = await diagnose(environmentOf(settings));
  assert.match(found.one('setup/way').message, /No brokers are set.*Kafka is not checked/);
  for (const group of ['kafka', 'topic', 'group']) assert.deepEqual(found.of(group), []);
});

test('a broker that does not answer is a warning beside one that does, alone an error', async (t) => {
  const settings = await testSettings(t);
  const both = await diagnose(kafkaOnly(settings, `${NOWHERE},${kafkaBroker()}`));
  const [dead, alive] = both.all('kafka/broker');
  assert.deepEqual([dead!.level, alive!.level], ['warning', 'ok']);
  assert.match(dead!.message, /127\.0\.0\.1:9 does not answer: .*ECONNREFUSED/);
  assert.match(alive!.message, /Kafka 4\.0 or newer/);
  assert.ok(both.of('topic').length > 0);

  const alone = await diagnose(kafkaOnly(settings, NOWHERE));
  assert.equal(alone.one('kafka/broker').level, 'error');
  assert.match(alone.one('kafka/skipped').message, /no broker answers/);
  assert.deepEqual([alone.of('topic'), alone.of('group')], [[], []]);
});

test('what takes a connection and never answers does not hold it up', async (t) => {
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  t.after(() => silent.close());
  const { port } = silent.address() as { port: number };
  const settings = await testSettings(t, { kafkaBrokers: `127.0.0.1:${port}` });
  const environment = {
    ...{ ...kafkaOnly(settings), AFTERLOG_CLICKHOUSE_URL: `http://127.0.0.1:${port}` },
    NODE_OPTIONS: '', // with its own patience
  };
  const found = await diagnose(environment);
  for (const name of ['kafka/broker', 'clickhouse/reach'])
    assert.match(found.one(name).message, /no answer within 5 s/);
});

test('an address that a broker names and that nobody reaches is an error', async (t) => {
  const settings = await testSettings(t);
  const [host, port] = kafkaBroker().split(':') as [string, string];
  const place = (number: number): Buffer => {
    const bytes = Buffer.alloc(host.length + 4);
    bytes.write(host);
    bytes.writeInt32BE(number, host.length);
    return bytes;
  };
  const proxy = await startProxy(t, `http://${kafkaBroker()}`, (answer) => {
    const at = answer.indexOf(place(Number(port)));
    if (at >= 0) place(9).copy(answer, at);
    return answer;
  });
  const found = await diagnose(kafkaOnly(settings, new URL(proxy.url).host));
  assert.equal(found.one('kafka/broker').level, 'ok');
  const advertised = found.one('kafka/advertised');
  assert.equal(advertised.level, 'error');
  assert.match(advertised.message, /advertised broker 127\.0\.0\.1:9 does not answer/);
  assert.match(advertised.cure!, /advertised\.listeners/);
});

test('missing topics are a note, and are not made', async (t) => {
  const settings = await testSettings(t);
  const found = await diagnose(kafkaOnly(settings));
  assert.deepEqual(
    found.all('topic/missing').map(({ level, command }) => [level, command]),
    [
      ['note', 'afterlog migrate'],
      ['note', 'afterlog migrate'],
    ],
  );
  const topics = await withAdmin(createKafka(settings), (admin) => admin.listTopics());
  assert.deepEqual(
    topics.filter((name) => name.startsWith(settings.kafka.topic)),
    [],
  );
});

test('a topic that cannot be made is an error with the brokers’ reason', async (t) => {
  const settings = await testSettings(t);
  // A dot and an underscore are the same to Kafka's metrics, so it refuses the second of two such names.
  const topic = settings.kafka.topic.replace('_', '.');
  await topicWith({ ...settings, kafka: { ...settings.kafka, topic } }, {});
  const [first] = (await diagnose(kafkaOnly(settings))).all('topic/missing');
  assert.equal(first!.level, 'error');
  assert.match(first!.message, /cannot be created: Kafka refuses .*INVALID_TOPIC_EXCEPTION/);
});

test('a compression that a topic has from its brokers is named as theirs', async (t) => {
  const settings = await testSettings(t);
  await topicWith(settings, {});
  const found = await diagnose(kafkaOnly(settings));
  const { level, message, command } = found.one('topic/compression.type');
  assert.equal(level, 'warning');
  assert.match(message, /^\S+ has compression\.type=producer from its brokers: /);
  assert.match(command!, /--add-config compression\.type=uncompressed$/);
});

test('settings of a topic that do not serve are named, each with the command that mends it', async (t) => {
  const settings = await testSettings(t);
  const wrong = {
    'cleanup.policy': 'compact',
    'message.timestamp.type': 'CreateTime',
    'compression.type': 'lz4',
    'retention.ms': '60000',
    'max.message.bytes': '2000',
  };
  await topicWith(settings, { ...wrong, 'retention.bytes': '1000000' });
  const found = await diagnose(kafkaOnly(settings));
  const { topic } = settings.kafka;
  const level = (name: string): string => found.one(`topic/${name}`).level;
  assert.deepEqual(Object.keys(wrong).map(level), ['error', 'warning', 'warning', 'warning', 'error']);
  assert.match(found.one('topic/retention.bytes').message, /retention\.bytes=1000000/);
  assert.match(found.one('topic/compression.type').message, /unpacks to more than 8 MiB is set aside/);
  const mended = new Map<string, string>();
  for (const name of Object.keys(wrong)) {
    const { message, command } = found.one(`topic/${name}`);
    assert.ok(message.startsWith(`${topic} has ${name}=${wrong[name as keyof typeof wrong]}: `), message);
    const [, entity, setting, value] = /--entity-name (\S+) --add-config ([^=]+)=(\S+)$/.exec(command!)!;
    assert.deepEqual([entity, setting], [topic, name]);
    mended.set(name, value!);
  }
  await withAdmin(createKafka(settings), (admin) =>
    admin.alterConfigs({
      validateOnly: false,
      resources: [
        {
          type: kafkajs.ConfigResourceTypes.TOPIC,
          name: topic,
          configEntries: [...mended].map(([name, value]) => ({ name, value })),
        },
      ],
    }),
  );
  assert.equal((await diagnose(kafkaOnly(settings))).one('topic/settings').level, 'ok');
});

test('dead letters are counted', async (t) => {
  const settings = await testSettings(t);
  const kafka = createKafka(settings);
  const wanted = wantedTopics(settings.kafka.topic).dead_letters;
  await withAdmin(kafka, (admin) => createTopic(admin, wanted));
  assert.equal((await diagnose(kafkaOnly(settings))).one('topic/dead_letters').level, 'ok');
  await send(t, settings, wanted.topic, [{ value: 'one' }, { value: 'two' }]);
  const found = (await diagnose(kafkaOnly(settings))).one('topic/dead_letters');
  assert.equal(found.level, 'warning');
  assert.match(found.message, /holds 2 messages: batches that could/);
});

test('a clock behind the brokers’ is seen by messages from the future', async (t) => {
  const settings = await testSettings(t);
  await topicWith(settings, { 'message.timestamp.type': 'CreateTime' });
  await send(t, settings, settings.kafka.topic, [{ value: 'now' }]);
  assert.equal((await diagnose(kafkaOnly(settings))).one('clock/kafka').level, 'ok');
  const timestamp = String(Date.now() + 600_000);
  await send(t, settings, settings.kafka.topic, [{ value: 'later', timestamp }]);
  const found = (await diagnose(kafkaOnly(settings))).one('clock/kafka');
  assert.equal(found.level, 'warning');
  assert.match(found.message, /partition 0, from offset 1/);
});

test('consumers: none, behind, overtaken by retention, running', async (t) => {
  const { settings } = await site(t);
  const topic = await makeTopic(t, settings);
  assert.equal((await diagnose(kafkaOnly(settings))).one('group/state').level, 'note');
  await topic.send(run(newEpoch(), 1, 4));
  const never = (await diagnose(kafkaOnly(settings))).one('group/state');
  assert.deepEqual([never.level, never.command], ['warning', 'afterlog consumer']);
  assert.match(never.message, /No consumer .* has ever stored a batch; it is 4 batches behind/);

  const first = await startConsumer(settings);
  await until(async () => (await topic.committed()) === 4);
  const running = (await diagnose(kafkaOnly(settings))).one('group/state');
  assert.equal(running.level, 'ok');
  assert.match(running.message, /1 consumer in the group .*, 0 batches behind/);
  await first.stop();

  await topic.send(run(newEpoch(), 1, 3));
  await topic.deleteBefore(6);
  const found = await diagnose(kafkaOnly(settings));
  assert.match(found.one('group/state').message, /No consumer of the group .* runs; it is 1 batch behind/);
  assert.match(
    found.one('group/overtaken').message,
    /Messages 4 to 5 of .*\/0 expired before a consumer stored them/,
  );
});

async function send(
  t: TestContext,
  settings: Settings,
  topic: string,
  messages: kafkajs.Message[],
): Promise<void> {
  const producer = createKafka(settings).producer({
    createPartitioner: kafkajs.Partitioners.DefaultPartitioner,
  });
  t.after(() => producer.disconnect());
  await producer.connect();
  await producer.send({ topic, acks: -1, messages });
}
