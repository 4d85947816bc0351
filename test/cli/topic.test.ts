import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { makeBatch, newEpoch, run } from '../support/batches.ts';
import { afterlog } from '../support/command.ts';
import { testSettings } from '../support/kafka.ts';
import { poisonBatch } from '../support/letters.ts';
import { asMessage, makeTopic } from '../support/topic.ts';

async function site(t: TestContext, partitions = 1) {
  const settings = await testSettings(t);
  const topic = await makeTopic(t, settings, partitions);
  const name = settings.kafka.topic;
  const environment = { AFTERLOG_KAFKA_BROKERS: settings.kafka.brokers.join(), AFTERLOG_KAFKA_TOPIC: name };
  const show = async (...args: string[]) => {
    const { code, stdout, stderr } = await afterlog(['topic', ...args], environment);
    return { code, lines: String(stdout).split('\n').slice(0, -1), stderr };
  };
  return { topic, name, environment, show };
}

test('the last batches of each partition are shown with their first rows', async (t) => {
  const { topic, name, show } = await site(t, 2);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 5, { rows: 2 }), 0);
  await topic.send([makeBatch({ epoch, sequence: 6, rows: 12, text: (row) => `\x1b[2J${row}\x07` })], 1);
  const { code, lines } = await show();
  assert.equal(code, 0);
  const heads = lines.filter((line) => line.startsWith(name));
  assert.deepEqual(
    heads.map((line) => line.split(/ {2,}/)[0]),
    [`${name}/0/2`, `${name}/0/3`, `${name}/0/4`, `${name}/1/0`],
  );
  assert.match(heads[0]!, new RegExp(`  \\S+ \\S+  host-1/${epoch}/3  2 rows  \\d+ B  \\d\\.\\d:1$`));
  assert.equal(lines[1], `  sb-${epoch} console`);
  assert.match(lines[2]!, /^ {9}400 {2}\d{4}-\d\d-\d\d \S+ app {7}line 4$/);
  assert.match(lines.at(-2)!, / app {7}9␇$/, 'what a guest wrote cannot act on the terminal');
  assert.equal(lines.at(-1), '  … 2 more rows; use --rows to show them');
});

test('partition, offset, host and sandbox choose what is shown', async (t) => {
  const { topic, name, show } = await site(t, 2);
  const epoch = newEpoch();
  await topic.send(run(epoch, 1, 5, { rows: 1 }), 0);
  await topic.send([poisonBatch(epoch, 6, { host: 'host-2' })], 1);
  const places = (lines: string[]) =>
    lines.filter((line) => line.startsWith(name)).map((line) => line.split(' ')[0]);
  assert.deepEqual(places((await show('--partition', '0', '--offset', '3')).lines), [
    `${name}/0/3`,
    `${name}/0/4`,
  ]);
  assert.deepEqual(places((await show('--last', '1')).lines), [`${name}/0/4`, `${name}/1/0`]);
  assert.deepEqual(places((await show('--host', 'host-2')).lines), [`${name}/1/0`]);
  const { lines } = await show('--sandbox', `sb-${epoch}-b`);
  assert.deepEqual(places(lines), [`${name}/1/0`]);
  assert.equal(lines.length, 2 + 4, 'only the rows of this sandbox');
  assert.match(lines[2]!, /5300 {2}── gap: 100 bytes: a gap of its own ──$/);
  const none = await show('--sandbox', 'sb');
  assert.deepEqual([none.code, none.lines], [0, []]);
  assert.match(none.stderr, /None of the last 1000 messages of each partition matches/);
  const wrong = await show('--partition', '7');
  assert.deepEqual([wrong.code, wrong.lines], [2, []]);
  assert.match(wrong.stderr, /has no partition 7; it has 0 to 1/);
});

test('damaged messages are shown with what is wrong, and stop nothing', async (t) => {
  const { topic, show } = await site(t);
  const epoch = newEpoch();
  const [cut, wrong] = run(epoch, 1, 2).map(asMessage);
  cut!.value = (cut!.value as Buffer).subarray(0, -3);
  wrong!.headers!.crc32 = '1';
  const messages = [
    cut!,
    wrong!,
    { value: 'hello' },
    { key: 'k', value: null },
    makeBatch({ epoch, sequence: 3 }),
  ];
  await topic.send(messages);
  const { code, lines } = await show('--offset', '0', '--rows', '1');
  assert.equal(code, 0);
  const faults = lines.filter((line) => line.startsWith('  damaged: ')).join('\n');
  for (const fault of [/its header says/, /CRC-32/, /header 'batch' is missing/]) assert.match(faults, fault);
  assert.equal(faults.split('\n').length, 4);
  assert.ok(
    lines.some((line) => line.endsWith(' line 10')),
    'rows of a message that only its header belies',
  );
  assert.ok(lines.some((line) => line.endsWith(' line 20')));
  const objects = (await show('--offset', '0', '--json')).lines.map((line) => JSON.parse(line));
  assert.deepEqual(
    objects.map(({ offset, batch, rows, decoded }) => [offset, batch, rows, decoded.length]),
    [
      ...[
        [0, null, null, 0],
        [1, null, null, 10],
        [2, null, null, 0],
        [3, null, null, 0],
      ],
      [4, `host-1/${epoch}/3`, 10, 10],
    ],
  );
  const { record, message, position, ending, timestamp, ingest_day } = objects[4].decoded[9];
  assert.deepEqual(
    { record, message, position, ending },
    { record: 'line', message: 'line 29', position: '2900', ending: '\r\n' },
  );
  assert.match(`${timestamp} ${ingest_day}`, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z \d{4}-\d\d-\d\d$/);
});

test('a topic that is missing or empty, and no brokers, are told apart', async (t) => {
  const { topic: _, name, environment, show } = await site(t);
  const empty = await show();
  assert.deepEqual([empty.code, empty.lines], [0, []]);
  assert.match(empty.stderr, new RegExp(`${name}/0 has no messages`));
  const missing = await afterlog(['topic', '--kafka-topic', `${name}-not`], environment);
  assert.equal(missing.code, 1);
  assert.match(missing.stderr, new RegExp(`There is no topic ${name}-not\\. \\[TOPIC_MISSING\\]`));
  const none = await afterlog(['topic']);
  assert.equal(none.code, 2);
  assert.match(none.stderr, /AFTERLOG_KAFKA_BROKERS\) is empty/);
});
