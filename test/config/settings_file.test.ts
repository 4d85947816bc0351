import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ReadSettings, readSettings } from '../../src/config/settings.ts';
import { temporaryDir } from '../support/temporary.ts';

/** Reads settings from a file of this text. */
async function fileOf(t: TestContext, text: string | Buffer) {
  const path = join(await temporaryDir(t), 'some.yaml');
  writeFileSync(path, text);
  return {
    path,
    read: (environment: Record<string, string> = {}): ReadSettings =>
      readSettings({}, { AFTERLOG_CONFIG: path, ...environment }),
    complaint: (environment: Record<string, string> = {}): string => {
      try {
        readSettings({}, { AFTERLOG_CONFIG: path, ...environment });
      } catch (error) {
        return (error as Error).message.replaceAll(path, 'FILE');
      }
      return '';
    },
  };
}

test('the file is overridden by the environment; each value knows its line', async (t) => {
  const { path, read } = await fileOf(
    t,
    '# ours\ndata_dir: /srv\nkafka:\n  brokers:\n    - a:1\n    - b:2\n  topic: t # here\n',
  );
  const { settings, origins } = read({ AFTERLOG_KAFKA_TOPIC: 'other' });
  assert.deepEqual(settings.kafka.brokers, ['a:1', 'b:2']);
  assert.equal(settings.kafka.topic, 'other');
  assert.equal(origins.get('data_dir')!.where, `${path}:2`);
  assert.equal(origins.get('kafka.brokers')!.where, `${path}:4`);
  assert.equal(origins.get('kafka.topic')!.source, 'environment');
});

test('values are text as it was written, whatever YAML makes of them', async (t) => {
  const { read } = await fileOf(
    t,
    'host: 1.10\nkafka: { topic: 123, tls: True, group: "0x10" }\nclickhouse: { password: 0123, username: yes }\n',
  );
  const { host, kafka, clickhouse } = read().settings;
  assert.deepEqual([host, kafka.topic, kafka.group, kafka.tls], ['1.10', '123', '0x10', true]);
  assert.deepEqual([clickhouse.password, clickhouse.username], ['0123', 'yes']);
});

test('a list may be text with commas; empty keys, sections and files set nothing; anchors are followed', async (t) => {
  assert.deepEqual((await fileOf(t, 'kafka: { brokers: "a:1,b:2" }')).read().settings.kafka.brokers, [
    'a:1',
    'b:2',
  ]);
  for (const text of ['', '# nothing\n', '---\n', 'kafka:\nhost:\nlisten: ~\n']) {
    assert.equal((await fileOf(t, text)).read().settings.listen, '127.0.0.1:8600', text);
  }
  const anchored = await fileOf(
    t,
    'listen: &here 127.0.0.1:1\nagent_listen: *here\nkafka: { brokers: &b [*here] }\n',
  );
  assert.equal(anchored.read().settings.agent_listen, '127.0.0.1:1');
  assert.deepEqual(anchored.read().settings.kafka.brokers, ['127.0.0.1:1']);
});

test('what is wrong in the file is named with its line', async (t) => {
  const cases: [string, RegExp][] = [
    [
      'host: a\nkafka:\n  topc: x',
      /^There is no setting kafka\.topc \(FILE:3\)\. Did you mean kafka\.topic\?$/,
    ],
    ['brokers: a:1', /no setting brokers \(FILE:1\)\. Did you mean kafka\.brokers\?/],
    ['kafka: { kafkaTopic: x }', /Did you mean kafka\.topic\?/],
    ['\nkafka.topic: x', /kafka\.topic \(FILE:2\) is written with a dot; write it as `kafka: { topic: … }`/],
    ['config: x', /config \(FILE:1\) cannot be in the settings file; use AFTERLOG_CONFIG/],
    ['listen: nowhere', /^Setting listen \(FILE:1\) is "nowhere"; allowed: host:port/],
    [
      'kafka: broker:9092',
      /kafka \(FILE:1\) is a single value; allowed: a mapping of these settings: brokers, topic,/,
    ],
    ['kafka: [a]', /kafka \(FILE:1\) is a list; allowed: a mapping of these settings/],
    ['listen: { port: 1 }', /listen \(FILE:1\) is a mapping; allowed: host:port/],
    ['listen: [a:1]', /listen \(FILE:1\) is a list/],
    ['kafka: { brokers: [[a:1]] }', /kafka\.brokers \(FILE:1\) is a list; allowed: host:port/],
    ['kafka: &k\n  brokers: *k', /kafka\.brokers \(FILE:2\) is a mapping/],
    ['kafka:\n  brokers: &b [*b]', /kafka\.brokers \(FILE:2\) is a list/],
    ['- host: a', /The settings file FILE contains a list instead of settings such as/],
    ['just text', /contains a single value/],
    ['host: a\nhost: b', /not valid YAML at FILE:2: Map keys must be unique/],
    ['kafka:\n\ttopic: x', /not valid YAML at FILE:2: Tabs are not allowed as indentation/],
    ['a: 1\n---\nb: 2', /not valid YAML at FILE:2: .*multiple documents/],
    ['clickhouse: { password: !vault hunter2 }', /not valid YAML at FILE:1: Unresolved tag/],
    ['clickhouse: { password: "hunter2', /not valid YAML at FILE:1: Missing closing/],
    ['password: hunter2 "hunter2"\n  hunter2: {', /not valid YAML at FILE/],
    ['<<: { host: a }', /There is no setting <</],
  ];
  for (const [text, pattern] of cases) {
    const complaint = (await fileOf(t, text)).complaint();
    assert.match(complaint, pattern, text);
    assert.doesNotMatch(complaint, /hunter2/);
  }
});

test('a file that was named and is missing, or cannot be read, is an error; an unnamed one need not be there', async (t) => {
  const dir = await temporaryDir(t);
  assert.throws(() => readSettings({ config: join(dir, 'none') }, {}), /none \(--config\) does not exist/);
  assert.throws(
    () => readSettings({}, { AFTERLOG_CONFIG: dir }),
    /\(AFTERLOG_CONFIG\) cannot be read: EISDIR/,
  );
  const { file, settings } = readSettings({}, { AFTERLOG_CONFIG: '' });
  assert.deepEqual([file.isThere, settings.listen], [false, '127.0.0.1:8600']);
});

test('a secret may be in a file of its own; its last line break is not part of it', async (t) => {
  const dir = await temporaryDir(t);
  const path = join(dir, 'password');
  writeFileSync(path, 'hunter 2\n');
  const { settings, origins } = readSettings({}, { AFTERLOG_CLICKHOUSE_PASSWORD_FILE: path });
  assert.equal(settings.clickhouse.password, 'hunter 2');
  assert.equal(origins.get('clickhouse.password')!.where, 'AFTERLOG_CLICKHOUSE_PASSWORD_FILE');
  writeFileSync(path, 'hunter\n2\n');
  const environment: Record<string, string> = { AFTERLOG_CLICKHOUSE_PASSWORD_FILE: path };
  assert.throws(() => readSettings({}, environment), /clickhouse\.password .* is a value that is not shown/);
  environment.AFTERLOG_CLICKHOUSE_PASSWORD = 'x';
  assert.throws(
    () => readSettings({}, environment),
    /_PASSWORD and AFTERLOG_CLICKHOUSE_PASSWORD_FILE are both set/,
  );
  assert.throws(
    () => readSettings({}, { AFTERLOG_TOKENS_FILE: join(dir, 'none') }),
    /tokens \(AFTERLOG_TOKENS_FILE\) cannot be read: ENOENT/,
  );
  writeFileSync(path, `${'a'.repeat(64)}\n${'b'.repeat(64)}:team\n`);
  const tokens = readSettings({}, { AFTERLOG_TOKENS_FILE: path }).settings.tokens;
  assert.deepEqual(tokens, ['a'.repeat(64), `${'b'.repeat(64)}:team`]);
});
