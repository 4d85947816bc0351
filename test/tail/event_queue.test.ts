import assert from 'node:assert/strict';
import { test } from 'node:test';
import { afterEvents, EventQueue } from '../../src/tail/event_queue.ts';

const turn = (): Promise<void> => new Promise((done) => setImmediate(done));

test('fewer events in a turn than the queue holds: none were dropped', async () => {
  const queue = new EventQueue(3);
  for (let turns = 0; turns < 5; turns++) {
    queue.count();
    queue.count();
    await turn();
  }
  assert.equal(queue.lost, null);
});

test('as many events in a turn as the queue holds: it says since when some may have been dropped', async () => {
  const before_ms = Date.now();
  const queue = new EventQueue(3);
  for (let events = 0; events < 3; events++) queue.count();
  assert.equal(queue.lost, null, 'the turn is not over');
  await turn();
  const { from_ms, to_ms } = queue.lost!;
  assert.ok(before_ms <= from_ms && from_ms <= to_ms && to_ms <= Date.now());
  const first = queue.lost;
  queue.count();
  await turn();
  assert.equal(queue.lost, first, 'a later turn without many changes nothing');
});

test('after the events: not in this turn', async () => {
  let turns = 0;
  let ran: number | null = null;
  afterEvents(() => {
    ran = turns;
  });
  for (; turns < 4; turns++) await turn();
  assert.ok(ran !== null && ran >= 1);
});
