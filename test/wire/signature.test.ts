import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MessageHeaders, toKafkaHeaders } from '../../src/wire/header.ts';
import { checkSignature, SIGNATURE, type SignedMessage, signatureOf } from '../../src/wire/signature.ts';
import { makeBatch, newEpoch } from '../support/batches.ts';

const key = { id: '0123abcd', secret: Buffer.alloc(32, 7) };
const batch = makeBatch({ epoch: newEpoch(), sequence: 3 });
const plain: SignedMessage = {
  topic: 'logs',
  partition: 4,
  headers: toKafkaHeaders(batch.header),
  value: batch.value,
};
const signature = signatureOf(key, plain);

/** The message as a consumer gets it, with buffers. */
const received = (more: MessageHeaders = {}): MessageHeaders =>
  Object.fromEntries(
    Object.entries({ ...plain.headers, [SIGNATURE]: signature, ...more }).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value : Buffer.from(value)]],
    ),
  );

const stateOf = (message: Partial<SignedMessage> = {}, secrets = [key.secret]): string =>
  checkSignature({ ...plain, headers: received(), ...message }, 'host-1', (id) =>
    id === key.id ? secrets : [],
  ).state;

test('a signature is right for the message that it was made for, in whatever order its headers come', () => {
  assert.equal(stateOf(), 'right');
  assert.equal(stateOf({ headers: Object.fromEntries(Object.entries(received()).reverse()) }), 'right');
  assert.ok(signature.length < 60, 'a message of many small batches has little room for headers');
});

test('a change of any header, of one byte of the value, or of the place makes it wrong', () => {
  for (const [name, value] of Object.entries(plain.headers!)) {
    assert.equal(stateOf({ headers: received({ [name]: `${value}0` }) }), 'wrong', `${name} changed`);
    assert.equal(stateOf({ headers: received({ [name]: undefined }) }), 'wrong', `${name} removed`);
    assert.equal(stateOf({ headers: received({ [name]: [String(value), 'x'] }) }), 'wrong', `${name} twice`);
  }
  assert.equal(stateOf({ headers: received({ more: '' }) }), 'wrong', 'a header more');
  for (const at of [0, batch.value.length >> 1, batch.value.length - 1]) {
    const value = Buffer.from(batch.value);
    value[at]! ^= 1;
    assert.equal(stateOf({ value }), 'wrong', `byte ${at}`);
  }
  assert.equal(stateOf({ value: null }), 'wrong');
  assert.equal(stateOf({ partition: 5 }), 'wrong');
  assert.equal(stateOf({ topic: 'logs2' }), 'wrong');
});

test('bytes that move from one field into the next one make it wrong', () => {
  const message = (headers: MessageHeaders, value: string): SignedMessage => ({
    ...{ topic: 'logs', partition: 0, headers, value: Buffer.from(value) },
  });
  const macs = [
    message({ a: 'b', c: 'd' }, 'e'),
    message({ a: 'bc', d: '' }, 'e'),
    message({ a: 'b', c: 'de' }, ''),
    message({ ab: '', c: 'd' }, 'e'),
    message({ a: ['b', ''], c: 'd' }, 'e'),
    message({}, 'abcde'),
  ].map((one) => signatureOf(key, one));
  assert.equal(new Set(macs).size, macs.length);
});

test('a missing, malformed or foreign signature is told apart', () => {
  const check = (found: string | string[] | undefined, secrets: Buffer[]) =>
    checkSignature({ ...plain, headers: received({ [SIGNATURE]: found }) }, 'host-1', () => secrets);
  assert.deepEqual(check(undefined, [key.secret]), { state: 'missing' });
  for (const found of [
    '',
    'x',
    `${signature}A`,
    signature.slice(9),
    `${signature} `,
    [signature, signature],
  ]) {
    const { state, reason } = check(found, [key.secret]) as { state: string; reason: string };
    assert.deepEqual([state, /form/.test(reason)], ['wrong', true], String(found));
  }
  assert.match((check(signature, []) as { reason: string }).reason, /by key 0123abcd, and .* no such key/);
  assert.match(
    (check(signature, [Buffer.alloc(32)]) as { reason: string }).reason,
    /not that of host host-1/,
  );
});

test('of two master keys with the same id, either may have made it', () => {
  assert.equal(stateOf({}, [Buffer.alloc(32), key.secret]), 'right');
});
