import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { type Account, FairShares } from '../../src/tail/fair_shares.ts';
import { overrideLimits } from '../support/limits.ts';
import { fc } from '../support/property.ts';

const WINDOW = 1_000;
const fixed = { window_bytes_min: WINDOW, window_bytes_max: WINDOW, share_bytes_min: 1 };

/** The level to which `window` fills all, found by halving; nothing of the product's way. */
function levelOf(costs: number[], window: number): number {
  let [low, high] = [0, window];
  for (let tries = 0; tries < 60; tries++) {
    const level = (low + high) / 2;
    if (costs.reduce((sum, cost) => sum + Math.min(cost, level), 0) < window) low = level;
    else high = level;
  }
  return high;
}

test('who has its share of the window is over it, and nobody else: shares are max–min fair', (t) => {
  overrideLimits({ fair: fixed }, t);
  const costs = fc.array(fc.integer({ min: 1, max: 2 * WINDOW }), { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(costs, (drawn) => {
      const shares = new FairShares();
      const accounts = drawn.map((cost) => {
        const account = { cost: 0 };
        shares.took(account, cost);
        return account;
      });
      const isFull = drawn.reduce((sum, cost) => sum + cost, 0) >= WINDOW;
      const level = levelOf(drawn, WINDOW);
      for (const account of accounts) {
        if (Math.abs(account.cost - level) < 1e-6) continue;
        assert.equal(shares.isOver(account), isFull && account.cost > level);
      }
    }),
  );
});

/** Each sandbox wants to read so much a round, in pieces; so much arrives a round, first in, first out. */
function simulate(wants: number[], arrives: number, piece: number, rounds: number) {
  const shares = new FairShares();
  const accounts = wants.map((): Account => ({ cost: 0 }));
  const waiting = wants.map(() => 0);
  const done = wants.map(() => 0);
  const queue: { of: number; cost: number }[] = [];
  let most = 0;
  for (let round = 0; round < rounds; round++) {
    for (const [of, want] of wants.entries()) waiting[of]! += want;
    for (let isMoving = true; isMoving; ) {
      isMoving = false;
      for (const [of, account] of accounts.entries()) {
        const cost = Math.min(piece, waiting[of]!);
        if (cost === 0 || shares.isOver(account)) continue;
        waiting[of]! -= cost;
        shares.took(account, cost);
        queue.push({ of, cost });
        isMoving = true;
      }
    }
    most = Math.max(most, shares.cost);
    for (let left = arrives; left > 0 && queue.length > 0; ) {
      const { of, cost } = queue.shift()!;
      shares.arrived(accounts[of]!, cost);
      done[of]! += cost;
      left -= cost;
    }
  }
  return { shares, waiting, done, most };
}

test('beside loud ones, quiet ones never wait; the loud ones share the rest; what is on its way is bounded', (t) => {
  overrideLimits({ fair: fixed }, t);
  const draws = fc.record({ quiet: fc.integer({ min: 0, max: 20 }), loud: fc.integer({ min: 1, max: 8 }) });
  fc.assert(
    fc.property(draws, ({ quiet, loud }) => {
      const wants = [...Array<number>(quiet).fill(4), ...Array<number>(loud).fill(5_000)];
      const { waiting, done, most } = simulate(wants, 300, 10, 60);
      assert.deepEqual(waiting.slice(0, quiet), Array(quiet).fill(0), 'quiet ones are read at once');
      const shares = done.slice(quiet);
      assert.ok(Math.min(...shares) > 0, 'nobody starves');
      assert.ok(Math.max(...shares) - Math.min(...shares) <= WINDOW + 300, `alike: ${shares}`);
      // Each newcomer gets its share at once: 1 + 1/2 + 1/3 + … of the window.
      const harmonic = wants.reduce((sum, _, index) => sum + 1 / (index + 1), 0);
      assert.ok(most <= WINDOW * harmonic + 10 * wants.length, `${most} on the way`);
    }),
    { numRuns: 100 },
  );
});

test('a single loud sandbox has the whole window, and all of its costs come back', (t) => {
  overrideLimits({ fair: fixed }, t);
  const { shares, done, most } = simulate([100_000], WINDOW, 10, 50);
  assert.equal(most, WINDOW);
  assert.equal(done[0], 50 * WINDOW);
  assert.equal(shares.cost, 0);
});

test('in an outage each sandbox may go on up to a least share', (t) => {
  overrideLimits({ fair: { ...fixed, share_bytes_min: 200 } }, t);
  const { waiting } = simulate([100_000, ...Array<number>(50).fill(3)], 0, 10, 60);
  assert.deepEqual(waiting.slice(1), Array(50).fill(0), 'the quiet ones are under it');
  assert.ok(waiting[0]! >= 60 * 100_000 - WINDOW, 'the loud one has its share of the window');
});

test('the window is what is delivered in the time that others may wait, within its bounds', (t) => {
  const { window_bytes_min, window_bytes_max, delay_ms } = limits.fair;
  let now_ms = 1_000_000;
  t.mock.method(performance, 'now', () => now_ms);
  const shares = new FairShares();
  const account = { cost: 0 };
  const deliver = (bytes_per_ms: number): number => {
    for (let step = 0; step < 100; step++) {
      shares.took(account, 100 * bytes_per_ms);
      now_ms += 100;
      shares.arrived(account, 100 * bytes_per_ms);
      shares.measure(100 * bytes_per_ms);
    }
    return shares.window_bytes;
  };
  assert.equal(deliver(1), window_bytes_min);
  const between = (window_bytes_min + window_bytes_max) / 2 / delay_ms;
  assert.ok(Math.abs(deliver(between) - between * delay_ms) < 1_000);
  assert.equal(deliver(10_000_000), window_bytes_max);
});
