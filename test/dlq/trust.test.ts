import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Message } from 'kafkajs';
import { loadSettings } from '../../src/config/settings.ts';
import { type Letter, letterOf } from '../../src/dlq/letter.ts';
import { trustBy } from '../../src/dlq/trust.ts';
import { makeBatch, newEpoch } from '../support/batches.ts';
import { testMaster } from '../support/signing.ts';
import { asMessage } from '../support/topic.ts';

const master = testMaster();
const batch = makeBatch({ epoch: newEpoch(), sequence: 1 });
const right = master.signed('t', batch, { partition: 3 });
const wrong = master.signed('t', batch, { by: 'host-2', partition: 3 });
const missing = asMessage(batch);

/** The letter that a consumer makes of a message of partition 3. */
const letterFrom = ({ headers, value }: Message, code: string): Letter =>
  letterOf({
    ...{ id: '0/0', at_ms: 0, value: value as Buffer },
    headers: {
      ...headers,
      ...{ 'dlq-reason': 'x', 'dlq-code': code, 'dlq-topic': 't', 'dlq-partition': '3', 'dlq-offset': '7' },
    },
  });

function isTrusted(message: Message, code: string, key?: string, mode?: string): boolean {
  const flags = { kafkaBatchKey: key, kafkaBatchSignatures: mode };
  return trustBy(loadSettings(flags, {}))(letterFrom(message, code)) === null;
}

test('a letter with a right signature is replayed, whatever it was set aside for', () => {
  for (const code of ['', 'SIGNATURE_WRONG', 'SIGNATURE_MISSING']) {
    for (const mode of [undefined, 'verify', 'require']) assert.ok(isTrusted(right, code, master.text, mode));
  }
});

test('what was set aside for its signature needs a right one, unless the operator says otherwise', () => {
  for (const [message, code, vouched] of [
    [wrong, 'SIGNATURE_WRONG', 'ignore'],
    [missing, 'SIGNATURE_MISSING', 'verify'],
  ] as const) {
    assert.ok(!isTrusted(message, code), 'a machine without a key');
    assert.ok(!isTrusted(message, code, master.text));
    assert.ok(!isTrusted(message, code, master.text, 'require'));
    assert.ok(isTrusted(message, code, master.text, vouched));
    const reason = trustBy(loadSettings({ kafkaBatchKey: master.text }, {}))(letterFrom(message, code));
    assert.match(reason!, new RegExp(`replay it with --kafka-batch-signatures ${vouched}`));
  }
});

test('other letters are judged as a consumer with these settings would', () => {
  assert.ok(isTrusted(missing, ''));
  assert.ok(isTrusted(missing, '', master.text));
  assert.ok(!isTrusted(missing, '', master.text, 'require'));
  assert.ok(!isTrusted(wrong, '', master.text));
});

test('a letter that no consumer wrote is not replayed where signatures are checked', () => {
  const forged = letterOf({
    ...{ id: '0/0', at_ms: 0, key: Buffer.from('host-1'), value: batch.value },
    headers: { ...missing.headers!, 'dlq-code': 'SIGNATURE_MISSING' },
  });
  for (const mode of [undefined, 'verify', 'require']) {
    const settings = loadSettings({ kafkaBatchKey: master.text, kafkaBatchSignatures: mode }, {});
    assert.match(trustBy(settings)(forged)!, /its partition is not known/);
  }
});

test('a batch that never was in Kafka is of this host', () => {
  const letter = letterOf({ id: 'x', at_ms: 0, path: 'x', headers: missing.headers!, value: batch.value });
  for (const kafkaBatchKey of [master.text, master.hostKey('host-1')]) {
    const settings = loadSettings({ kafkaBatchKey, kafkaBatchSignatures: 'require' }, {});
    assert.equal(trustBy(settings)(letter), null);
  }
});
