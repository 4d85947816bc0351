import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { SeenBatches } from '../../src/wire/seen_batches.ts';

const of = (sequence: number, epoch = 1) => ({ host: 'host-1', epoch, sequence });

test('a batch that came already is known, also one of a send that began before the first', () => {
  const seen = new SeenBatches();
  assert.ok(seen.add(of(5)));
  assert.ok(seen.add(of(6)));
  for (const sequence of [4, 5, 6]) assert.ok(!seen.add(of(sequence)), String(sequence));
  assert.ok(seen.add(of(5, 2)), 'another epoch');
  assert.ok(seen.add({ ...of(5), host: 'host-2' }), 'another host');
});

test('a sequence far ahead hides no batch before it', () => {
  const seen = new SeenBatches();
  const came = [1, 9_000, 2, 3, 9_001, 4, 8_999].map((sequence) => seen.add(of(sequence)));
  assert.deepEqual(new Set(came), new Set([true]));
  for (const sequence of [1, 2, 3, 4, 8_999, 9_000, 9_001]) assert.ok(!seen.add(of(sequence)));
});

test('sequences in any order are each new once, and the memory of them is bounded', () => {
  const seen = new SeenBatches();
  const order = Array.from({ length: 12 }, (_, at) => 100 + ((at * 5) % 12));
  assert.ok(seen.add(of(99)));
  for (const sequence of order) assert.ok(seen.add(of(sequence)), String(sequence));
  for (const sequence of order) assert.ok(!seen.add(of(sequence)), String(sequence));
  for (let at = 0; at < 10 * limits.topic.runs_max; at++) assert.ok(seen.add(of(1_000 + 2 * at)));
  for (let epoch = 2; epoch < 2 + limits.topic.epochs_max; epoch++) seen.add(of(1, epoch));
  assert.ok(seen.add(of(99)), 'the epoch that was silent for longest is forgotten');
});
