import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { Stalls } from '../../src/tail/stalls.ts';

test('only a pause longer than the limit counts', (t) => {
  let now_ms = 0;
  t.mock.method(performance, 'now', () => now_ms);
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const stalls = new Stalls();
  stalls.begin();
  const passes = (ms: number): void => {
    now_ms += ms;
    t.mock.timers.tick(limits.tail.poll_ms);
  };
  for (let turns = 0; turns < 20; turns++) passes(limits.tail.poll_ms);
  passes(limits.tail.stall_ms);
  assert.equal(stalls.last, null);
  passes(limits.tail.stall_ms + 1);
  assert.equal(stalls.last!.to_ms - stalls.last!.from_ms, limits.tail.stall_ms + 1);
  stalls.end();
});
