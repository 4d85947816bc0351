import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { allSettings } from '../../src/config/schema.ts';
import { afterlog } from '../support/command.ts';
import { sha256 } from '../support/sha256.ts';
import { temporaryDir } from '../support/temporary.ts';

async function file(t: TestContext, text: string): Promise<string> {
  const path = join(await temporaryDir(t), 'afterlog.yaml');
  writeFileSync(path, text);
  return path;
}

const SECRETS = /hunter2|[0-9a-f]{64}/;

test('config prints each setting with where it comes from, and no secret', async (t) => {
  const path = await file(
    t,
    `data_dir: /srv
kafka:
  sasl_password: hunter2
  sasl_mechanism: plain
  sasl_username: agent
tokens: [${sha256('a')}:team-a, ${sha256('b')}]
`,
  );
  const environment = {
    AFTERLOG_CONFIG: path,
    AFTERLOG_CLICKHOUSE_URL: 'http://me:hunter2@clickhouse:8123/?password=hunter2',
    AFTERLOG_CLICKHOUSE_PASSWORD: 'hunter2',
  };
  const shown = await afterlog(['config', '--listen', '0.0.0.0:80'], environment);
  assert.equal(shown.code, 0, shown.stderr);
  const rows = new Map(
    String(shown.stdout)
      .split('\n')
      .map((line) => [line.split(/ {2,}/)[0]!, line.split(/ {2,}/).slice(1)]),
  );
  assert.deepEqual(rows.get('data_dir'), ['/srv', `${path}:1`]);
  assert.deepEqual(rows.get('state_dir'), ['/srv/.afterlog', 'default']);
  assert.deepEqual(rows.get('listen'), ['0.0.0.0:80', '--listen']);
  assert.deepEqual(rows.get('kafka.sasl_password'), ['********', `${path}:3`]);
  assert.deepEqual(rows.get('clickhouse.password'), ['********', 'AFTERLOG_CLICKHOUSE_PASSWORD']);
  // The login in the address is shown as the login.
  assert.deepEqual(rows.get('clickhouse.url'), [
    'http://clickhouse:8123/?password=********',
    'AFTERLOG_CLICKHOUSE_URL',
  ]);
  assert.deepEqual(rows.get('tokens'), ['********:team-a, ********', `${path}:6`]);
  assert.deepEqual(rows.get('kafka.brokers'), ['-', 'default']);
  assert.deepEqual(rows.get('config'), [path, 'AFTERLOG_CONFIG']);
  for (const { name } of allSettings) assert.ok(rows.has(name), name);

  const json = await afterlog(['config', '--json'], environment);
  const lines = String(json.stdout)
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.equal(lines.length, allSettings.length);
  const found = lines.find(({ setting }) => setting === 'kafka.sasl_username');
  assert.deepEqual(found, {
    setting: 'kafka.sasl_username',
    value: 'agent',
    source: 'file',
    where: `${path}:5`,
  });
  assert.doesNotMatch(`${shown.stdout}${shown.stderr}${json.stdout}`, SECRETS);
});

test('config ends with 2 and says all that is wrong', async (t) => {
  const path = await file(t, 'listen: nowhere\nkafka: { brokers: [a] }\n');
  const { code, stdout, stderr } = await afterlog(['config', '--host', 'a b'], {
    AFTERLOG_CONFIG: path,
    AFTERLOG_HOTS: 'x',
  });
  assert.deepEqual([code, String(stdout)], [2, '']);
  for (const text of [`listen (${path}:1)`, `kafka.brokers (${path}:2)`, 'host (--host)', 'AFTERLOG_HOTS']) {
    assert.ok(stderr.includes(text), `${text} in ${stderr}`);
  }
  assert.match(stderr, /\[SETTING_INVALID\]\n {2}→ /);
});

test('config --schema describes every setting of the file, with its variable, its flag and its default', async () => {
  const { code, stdout } = await afterlog(['config', '--schema'], { AFTERLOG_LISTEN: 'wrong' });
  assert.equal(code, 0);
  const schema = JSON.parse(String(stdout));
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  assert.equal(schema.additionalProperties, false);
  for (const { name, path, env, flag, default: value } of allSettings) {
    const field = path.reduce((at, part) => at?.properties?.[part], schema);
    if (name === 'config') assert.equal(field, undefined);
    else {
      assert.ok(field.description, name);
      assert.deepEqual([field['x-env'], field['x-flag'], field.default], [env, flag, value]);
      for (const { pattern } of [field, field.items ?? {}]) {
        // What a validator of JSON Schema does with it.
        if (pattern !== undefined) assert.doesNotThrow(() => new RegExp(pattern, 'u'));
      }
    }
  }
  assert.equal(schema.properties.clickhouse.properties.password.writeOnly, true);
  assert.deepEqual(schema.properties.kafka.properties.sasl_mechanism.enum, [
    'plain',
    'scram-sha-256',
    'scram-sha-512',
  ]);
});
