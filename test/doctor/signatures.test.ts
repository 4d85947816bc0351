import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SignatureMode } from '../../src/config/signing.ts';
import { type SignatureSample, signatureReport } from '../../src/doctor/signatures.ts';

type Sampled = SignatureSample['batches'][number];
type State = Sampled['signature']['state'];

const KEY = '0123abcd';
let now_ms = Date.parse('2026-11-29T12:00:00Z');

function batch(host: string, state: State = 'right', hasLanded = true): Sampled {
  const signature: Sampled['signature'] =
    state === 'wrong' ? { state, key: KEY, reason: 'is not that of it' } : { state, key: KEY };
  return { host, at_ms: now_ms++, hasLanded, signature };
}

const report = (batches: Sampled[], mode: SignatureMode = 'verify', { unread = 0, ids = [KEY] } = {}) =>
  signatureReport({ batches, unread }, mode, ids);

test('`require` is safe when the newest batch of every host is signed and nothing else waits to land', () => {
  const [found, ...more] = report([batch('a', 'missing'), batch('a'), batch('b')]);
  assert.deepEqual([found!.level, more], ['ok', []]);
  assert.match(found!.message, /^Of 3 batches since 2026-11-29T12:00:\d\dZ, of 2 hosts, .* is safe\./);
});

test('hosts that send unsigned batches are named: before `require` as a note, then as an error', () => {
  const batches = [batch('a'), batch('b', 'missing'), batch('c', 'missing')];
  const [before] = report(batches);
  assert.equal(before!.level, 'note');
  assert.match(before!.message, /the newest of hosts b, c are not signed: .*require would set them aside/);
  assert.equal(before!.command, 'afterlog token --host b');
  const [then] = report(batches, 'require');
  assert.equal(then!.level, 'error');
  assert.match(then!.message, /the consumer sets them aside/);
});

test('no command contains a name that a shell would take for more', () => {
  assert.equal(report([batch('$(id)', 'missing')])[0]!.command, undefined);
  assert.equal(report([batch('--x', 'missing')])[0]!.command, undefined);
});

test('of many hosts only some are named', () => {
  const many = Array.from({ length: 12 }, (_, at) => batch(`h${at}`, 'missing'));
  assert.match(report(many)[0]!.message, /h8, h9 and 2 more are not signed/);
});

test('unsigned batches that wait, or too many to look at, are a reason to wait', () => {
  const [waits] = report([batch('a', 'missing', false), batch('a')]);
  assert.deepEqual(
    [waits!.level, /1 unsigned batch in the topic must land first/.test(waits!.message)],
    ['note', true],
  );
  const [unread] = report([batch('a')], 'verify', { unread: 7 });
  assert.match(unread!.message, /7 batches in the topic must land first, and too many to check/);
});

test('a wrong signature is a warning with its reason, and does not make `require` unsafe', () => {
  const [wrong, safe] = report([batch('a'), batch('a', 'wrong')]);
  assert.equal(wrong!.level, 'warning');
  assert.match(
    wrong!.message,
    /^1 batch of the newest, in the name of host a, cannot be .* is not that of it/,
  );
  assert.equal(safe!.level, 'ok');
});

test('in a rotation it counts the hosts by master key', () => {
  const [keys] = report([batch('a'), batch('a'), batch('b')], 'verify', { ids: ['ffffffff', KEY] });
  assert.match(keys!.message, /ffffffff: 0 hosts, 0123abcd: 2 hosts\.$/);
});

test('an empty topic says nothing about signatures', () => {
  assert.deepEqual(
    report([]).map(({ level }) => level),
    ['note'],
  );
});
