import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRandom } from '../../src/demo/random.ts';

test('the same seed draws the same numbers, a near seed others', () => {
  const draw = (seed: number): number[] => {
    const random = createRandom(seed);
    return Array.from({ length: 50 }, () => random.next());
  };
  assert.deepEqual(draw(1), draw(1));
  assert.notDeepEqual(draw(1), draw(2));
  assert.notDeepEqual(draw(1), draw(2 ** 32 + 1));
});

test('what a fork draws does not depend on what its parent draws afterwards', () => {
  const first = createRandom(7);
  const early = first.fork();
  const second = createRandom(7);
  const late = second.fork();
  for (let count = 0; count < 100; count++) second.next();
  assert.equal(early.hex(32), late.hex(32));
});

test('numbers are spread evenly, and ends are included', () => {
  const random = createRandom(3);
  const seen = new Array<number>(10).fill(0);
  for (let count = 0; count < 10_000; count++) seen[random.int(0, 9)]!++;
  for (const count of seen) assert.ok(count > 800 && count < 1200, `${seen}`);
});
