import assert from 'node:assert/strict';
import { test } from 'node:test';
import { batchId, fromKafka, toKafkaHeaders } from '../../src/wire/header.ts';
import { makeBatch, newEpoch } from '../support/batches.ts';

const batch = makeBatch({ host: 'fc-host.eu-1', epoch: newEpoch(), sequence: 42, rows: 7 });
const headers = (): Record<string, Buffer | string> => ({ ...toKafkaHeaders(batch.header) });
const damaged = (pattern: RegExp) => (error: unknown) =>
  (error as { code?: string }).code === 'BATCH_DAMAGED' && pattern.test((error as Error).message);

test('what is written is read again, as strings or as Kafka’s buffers', () => {
  assert.deepEqual(fromKafka(headers(), batch.value), batch);
  const buffers = Object.fromEntries(
    Object.entries(headers()).map(([name, text]) => [name, Buffer.from(text)]),
  );
  assert.deepEqual(fromKafka(buffers, batch.value), batch);
  assert.equal(batchId(batch.header), `fc-host.eu-1/${batch.header.epoch}/42`);
});

test('headers of others are left alone', () => {
  assert.deepEqual(fromKafka({ ...headers(), traceparent: '00-1', many: ['a', 'b'] }, batch.value), batch);
});

for (const name of Object.keys(headers())) {
  test(`without header '${name}', or with it twice, it is refused`, () => {
    const without = headers();
    delete without[name];
    assert.throws(() => fromKafka(without, batch.value), damaged(new RegExp(`header '${name}' is missing`)));
    const twice = { ...headers(), [name]: ['1', '1'] };
    assert.throws(
      () => fromKafka(twice, batch.value),
      damaged(new RegExp(`header '${name}' is missing or repeated`)),
    );
  });
}

for (const [name, value] of [
  ['batch', 'no-slashes'],
  ['batch', 'host/1'],
  ['batch', 'host/-1/2'],
  ['batch', 'host/99999999999999999/1'],
  ['day', 'yesterday'],
  ['day', '2026-13-01'],
  ['day', '1969-12-31'],
  ['schema', '1.5'],
  ['rows', ''],
  ['rows', '-1'],
  ['block', '0x10'],
  ['length', '12'],
  ['crc32', '0'],
] as const) {
  test(`header ${name} = '${value}' is refused`, () => {
    assert.throws(() => fromKafka({ ...headers(), [name]: value }, batch.value), damaged(/\S/));
  });
}

test('a value that is empty, cut, longer or changed is refused', () => {
  assert.throws(() => fromKafka(headers(), null), damaged(/empty/));
  assert.throws(() => fromKafka(undefined, batch.value), damaged(/missing/));
  assert.throws(() => fromKafka(headers(), batch.value.subarray(0, -1)), damaged(/its header says/));
  assert.throws(
    () => fromKafka(headers(), Buffer.concat([batch.value, Buffer.alloc(1)])),
    damaged(/its header says/),
  );
  for (let at = 0; at < batch.value.length; at++) {
    const changed = Buffer.from(batch.value);
    changed[at]! ^= 1;
    assert.throws(() => fromKafka(headers(), changed), damaged(/CRC-32/));
  }
});
