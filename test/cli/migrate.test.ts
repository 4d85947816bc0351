import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createKafka } from '../../src/kafka/client.ts';
import { withAdmin } from '../../src/kafka/topics.ts';
import { clickhouse, rowsOf } from '../support/clickhouse.ts';
import { afterlog } from '../support/command.ts';
import { environmentOf } from '../support/doctor.ts';
import { testSettings } from '../support/kafka.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { createTopics } from '../support/topic.ts';

async function prepare(t: TestContext, flags: Record<string, unknown> = {}) {
  const settings = await testSettings(t, flags);
  const run = (...args: string[]) => afterlog(['migrate', ...args], environmentOf(settings));
  const { topic } = settings.kafka;
  const topics = async (): Promise<string[]> =>
    (await withAdmin(createKafka(settings), (admin) => admin.listTopics())).filter((name) =>
      name.startsWith(topic),
    );
  return { settings, topic, run, topics };
}

test('--plan says what would be done and does nothing; then it is done, and a second run has nothing to do', async (t) => {
  const { settings, topic, run, topics } = await prepare(t);
  const { database } = settings.clickhouse;
  const plan = await run('--plan');
  assert.equal(plan.code, 0, plan.stderr);
  assert.match(String(plan.stdout), /would apply\n {2}0001_console_logs, statements: 1\n/);
  assert.match(
    String(plan.stdout),
    new RegExp(`Topic ${topic}: would be created, partitions: 12, .*LogAppendTime`),
  );
  assert.match(String(plan.stdout), new RegExp(`Topic ${topic}-dlq: would be created, partitions: 1, `));
  assert.deepEqual(await topics(), []);
  const databases = await rowsOf(clickhouse(t), `SELECT 1 FROM system.databases WHERE name = '${database}'`);
  assert.deepEqual(databases, []);

  const done = await run();
  assert.equal(done.code, 0, done.stderr);
  assert.match(String(done.stdout), /applied 0001_console_logs, 0002_streams/);
  assert.deepEqual((await topics()).sort(), [topic, `${topic}-dlq`]);
  const again = String((await run()).stdout);
  assert.match(again, /is up to date\.\n/);
  assert.match(again, new RegExp(`Topic ${topic} exists, partitions: 12\\.\n`));
});

test('--json is one object a migration and a topic', async (t) => {
  const { topic, run } = await prepare(t);
  const lines = async (...args: string[]) =>
    String((await run('--json', ...args)).stdout)
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
  const planned = await lines('--plan');
  assert.deepEqual(planned[0], { migration: '0001_console_logs', state: 'pending', statements: 1 });
  assert.equal(planned.at(-1).state, 'missing');
  const done = await lines();
  assert.deepEqual(
    done.map(({ state }) => state),
    planned.map(({ state }) => (state === 'pending' ? 'applied' : 'created')),
  );
  const [batches] = await lines();
  assert.deepEqual([batches.topic, batches.state, batches.differences], [topic, 'present', []]);
  assert.equal(batches.settings['message.timestamp.type'], 'LogAppendTime');
});

test('a topic that is there stays as it is; what does not serve is told, with the command that changes it', async (t) => {
  const { settings, topic, run } = await prepare(t);
  const configEntries = [
    { name: 'retention.ms', value: '60000' },
    { name: 'compression.type', value: 'uncompressed' },
  ];
  await withAdmin(createKafka(settings), (admin) =>
    createTopics(admin, { topic, numPartitions: 3, configEntries }),
  );
  const { code, stdout } = await run();
  assert.equal(code, 0);
  const text = String(stdout);
  assert.match(text, new RegExp(`Topic ${topic} exists, partitions: 3; some of its settings are wrong:`));
  assert.match(
    text,
    /retention\.ms is 60000, should be 604800000: batches that have not landed by then are lost/,
  );
  assert.match(
    text,
    new RegExp(`kafka-configs\\.sh .* --entity-name ${topic} --add-config retention\\.ms=604800000\n`),
  );
  assert.match(String((await run()).stdout), /retention\.ms is 60000/);
});

test('without brokers there is no word of topics', async (t) => {
  const { run } = await prepare(t, { kafkaBrokers: '' });
  assert.doesNotMatch(String((await run()).stdout), /[Tt]opic/);
});

test('brokers that refuse, or do not answer, end it with 1 and a cure', async (t) => {
  const refused = await prepare(t);
  const { settings, topic } = refused;
  // A dot and an underscore are the same to Kafka's metrics, so it refuses the second of two such names.
  const other = { topic: topic.replace('_', '.') };
  await withAdmin(createKafka(settings), (admin) => createTopics(admin, other));
  for (const args of [['--plan'], []]) {
    const { code, stderr } = await refused.run(...args);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /Kafka refuses to make the topic \S+ \(INVALID_TOPIC_EXCEPTION.*\[KAFKA_REFUSED\]\n {2}→ /,
    );
  }
  const silent = await (await prepare(t, { kafkaBrokers: NOWHERE })).run();
  assert.deepEqual(silent.code, 1);
  assert.match(String(silent.stdout), /applied 0001_console_logs/);
  assert.match(silent.stderr, /127\.0\.0\.1:9 .*\[KAFKA_UNREACHABLE\]/);
});
