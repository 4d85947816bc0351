import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  batchKeyOf,
  type HostKey,
  hostKeyOf,
  hostKeyText,
  type MasterKey,
  newMasterKey,
} from '../../src/config/batch_key.ts';
import { loadSettings, type Settings } from '../../src/config/settings.ts';
import { agentKey, masterKeys, signatureMode, withHostKey } from '../../src/config/signing.ts';

const text = newMasterKey();
const master = batchKeyOf(text) as MasterKey;
const keyOf = (host: string): string => hostKeyText(hostKeyOf(master, host));

const settingsWith = (...keys: string[]): Settings =>
  loadSettings({ host: 'vm-1', kafkaBrokers: 'a:1' }, { AFTERLOG_KAFKA_BATCH_KEY: keys.join('\n') });

test('the key of a host has its name, the id of its master key, and no part of that key', () => {
  for (const host of ['vm-1', 'a,b', 'ä%2C', '日本', `${'x'.repeat(199)}y`]) {
    const key = batchKeyOf(keyOf(host)) as HostKey;
    assert.deepEqual([key.kind, key.host, key.id], ['host', host, master.id]);
    assert.deepEqual(key.secret, hostKeyOf(master, host).secret);
    assert.deepEqual(agentKey(loadSettings({ host, kafkaBatchKey: keyOf(host) }, {})), key);
  }
  assert.notDeepEqual(hostKeyOf(master, 'a').secret, hostKeyOf(master, 'b').secret);
  assert.ok(!keyOf('a').includes(master.secret.toString('hex')));
  assert.ok(!master.secret.toString('hex').startsWith(master.id));
});

test('the two forms cannot be confused, and a text that is neither is refused', () => {
  const hex = 'a'.repeat(64);
  for (const wrong of [
    ...[hex, `afterlog_${hex.slice(0, 48)}`, `${text}0`, text.slice(0, -1), text.toUpperCase()],
    ...[`afterlog_host_${hex}`, keyOf('').slice(0, -1), `afterlog_master_${hex}_vm-1`, 'afterlog_host_vm-1'],
  ]) {
    assert.throws(
      () => loadSettings({ kafkaBatchKey: wrong }, {}),
      (error: Error) => {
        assert.match(
          error.message,
          /^Setting kafka\.batch_key \(--kafka-batch-key\) has a value that is not shown;/,
        );
        assert.ok(!error.message.includes(wrong));
        return true;
      },
    );
  }
});

test('an agent takes the one key of its own host, and no master key', () => {
  assert.equal(agentKey(settingsWith(keyOf('vm-1')))?.host, 'vm-1');
  assert.equal(agentKey(settingsWith()), null);
  assert.throws(() => agentKey(settingsWith(text)), /holds a master key.*`afterlog token --host vm-1`/);
  assert.throws(
    () => agentKey(settingsWith(keyOf('vm-2'))),
    /is the key of host vm-2, and this host is vm-1/,
  );
  assert.throws(() => agentKey(settingsWith(keyOf('vm-1'), keyOf('vm-1'))), /holds 2 keys/);
});

test('a consumer takes several master keys, and no key of a host', () => {
  const other = newMasterKey();
  assert.deepEqual(
    masterKeys(settingsWith(other, text)).map(({ id }) => id),
    [batchKeyOf(other).id, master.id],
  );
  assert.throws(() => masterKeys(settingsWith(text, keyOf('vm-1'))), /holds the key of host vm-1/);
});

test('signatures are checked once there is a key, and a check without a key is refused', () => {
  assert.equal(signatureMode(settingsWith()), 'ignore');
  assert.equal(signatureMode(settingsWith(text)), 'verify');
  assert.equal(
    signatureMode(loadSettings({ kafkaBatchKey: text, kafkaBatchSignatures: 'require' }, {})),
    'require',
  );
  assert.equal(
    signatureMode(loadSettings({ kafkaBatchKey: text, kafkaBatchSignatures: 'ignore' }, {})),
    'ignore',
  );
  for (const kafkaBatchKey of [undefined, '']) {
    assert.throws(
      () => loadSettings({ kafkaBatchSignatures: 'require', kafkaBatchKey }, {}),
      /kafka\.batch_signatures \(--kafka-batch-signatures\) also needs kafka\.batch_key/,
    );
  }
});

test('all roles in one process: the agent signs with the key of its host', () => {
  const settings = settingsWith(text);
  assert.equal(agentKey(withHostKey(settings))?.host, 'vm-1');
  assert.equal(withHostKey(settingsWith()).kafka.batch_key.length, 0);
  assert.equal(agentKey(withHostKey(settingsWith(keyOf('vm-1'))))?.host, 'vm-1');
});
