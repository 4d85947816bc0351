import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { afterlog } from '../support/command.ts';
import { NOWHERE } from '../support/nowhere.ts';
import { testMaster } from '../support/signing.ts';
import { temporaryDir } from '../support/temporary.ts';

const KEY = 'AFTERLOG_KAFKA_BATCH_KEY';
const master = testMaster();

test('`token --batch-key` makes a new master key, and `token --host` the key of a host from the first one', async (t) => {
  const made = await afterlog(['token', '--batch-key']);
  const [first = '', ...more] = String(made.stdout).trim().split('\n');
  assert.deepEqual([made.code, more], [0, []]);
  assert.match(made.stderr, /^Give master key [0-9a-f]{8} to consumers only/);
  const file = join(await temporaryDir(t), 'keys');
  writeFileSync(file, `${first}\n${master.text}\n`);
  const key = await afterlog(['token', '--host', 'vm-1'], { [`${KEY}_FILE`]: file });
  assert.match(String(key.stdout), /^afterlog_host_[0-9a-f]{8}_[0-9a-f]{64}_vm-1\n$/);
  const object = await afterlog(['token', '--host', 'vm-1', '--json'], { [KEY]: master.text });
  assert.deepEqual(JSON.parse(String(object.stdout)), {
    ...{ host: 'vm-1', batch_key: master.hostKey('vm-1'), key_id: master.id },
  });
  const id = /^afterlog_host_(\w{8})/.exec(String(key.stdout))![1]!;
  assert.ok(made.stderr.includes(`master key ${id}`), 'the first one of two');
});

test('what `token` cannot do is said in a sentence, without the key', async () => {
  for (const [args, environment, expected] of [
    [['token', '--host', 'a'], {}, /kafka\.batch_key .* is empty; required: the master key/],
    [
      ['token', '--host', 'a'],
      { [KEY]: master.hostKey('b') },
      /holds the key of host b; it needs master keys/,
    ],
    [['token', '--host', 'a', '--scope', 'read'], {}, /has no other options/],
    [['token', '--batch-key', '--workspace', 'w'], {}, /cannot be used with/],
  ] as [string[], Record<string, string>, RegExp][]) {
    const { code, stdout, stderr } = await afterlog(args, environment);
    assert.deepEqual([code, String(stdout)], [2, ''], args.join(' '));
    assert.match(stderr, expected);
    assert.doesNotMatch(stderr, /[0-9a-f]{64}/);
  }
});

test('agent and consumer refuse to start with the key of the other, or of another host', async (t) => {
  const data = await temporaryDir(t);
  mkdirSync(join(data, 'vms'));
  const common = { AFTERLOG_DATA_DIR: data, AFTERLOG_HOST: 'a', AFTERLOG_KAFKA_BROKERS: NOWHERE };
  for (const [role, key, expected] of [
    ['agent', master.text, /holds a master key, and an agent takes only the key of its host/],
    ['agent', master.hostKey('b'), /is the key of host b, and this host is a/],
    ['consumer', master.hostKey('a'), /holds the key of host a; it needs master keys/],
  ] as [string, string, RegExp][]) {
    const { code, stderr } = await afterlog([role], { ...common, [KEY]: key });
    assert.equal(code, 2, stderr);
    assert.match(stderr, expected);
  }
});
