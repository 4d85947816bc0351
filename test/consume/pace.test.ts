import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as soon } from 'node:timers/promises';
import { limits } from '../../src/base/limits.ts';
import { Pace } from '../../src/consume/pace.ts';

const MANY = limits.consume.partitions_at_once + 3;
const never = new AbortController().signal;

test('so many partitions land at a time, and one that fails makes room as well', async () => {
  const pace = new Pace();
  const under: { end(): void; fail(): void }[] = [];
  const turns = Array.from({ length: MANY }, () =>
    pace
      .turn(() => {
        const { promise, resolve, reject } = Promise.withResolvers<number>();
        under.push({ end: () => resolve(limits.insert.rows_max), fail: () => reject(new Error('no')) });
        return promise;
      }, never)
      .then(
        () => 'landed',
        () => 'failed',
      ),
  );
  await soon();
  assert.equal(under.length, limits.consume.partitions_at_once);
  under[0]!.fail();
  await soon();
  assert.equal(under.length, limits.consume.partitions_at_once + 1);
  // Each makes room for the next.
  for (let at = 1; at < MANY; at++) {
    under[at]!.end();
    await soon();
  }
  const outcomes = await Promise.all(turns);
  assert.deepEqual(outcomes, ['failed', ...Array(MANY - 1).fill('landed')]);
});

test('whoever is told to leave does not wait for more', async () => {
  const leave = new AbortController();
  const pace = new Pace();
  const turn = pace.turn(async () => 1, leave.signal);
  leave.abort();
  await turn;
});
