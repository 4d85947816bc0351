import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ledger } from '../../src/agent/ledger.ts';
import { FairShares } from '../../src/tail/fair_shares.ts';
import { overrideLimits } from '../support/limits.ts';

const at = (offset: number) => ({ segment: 1, offset });

test('what a sandbox has on its way is gone when the entries that hold it are delivered', () => {
  const shares = new FairShares();
  const ledger = new Ledger(shares);
  const [one, other] = [{ cost: 0 }, { cost: 0 }];
  ledger.took(one, 10);
  ledger.took(other, 5);
  ledger.took(one, 10);
  const first = ledger.finish();
  ledger.took(one, 1);
  ledger.appended(at(100), first);
  ledger.appended(at(200), ledger.finish());
  assert.deepEqual([one.cost, other.cost, shares.cost], [21, 5, 26]);
  ledger.delivered(at(100), false);
  assert.equal(shares.cost, 26, 'the cursor is at the entry, not behind it');
  ledger.delivered(at(200), false);
  assert.deepEqual([one.cost, other.cost, shares.cost], [1, 0, 1]);
  ledger.delivered(at(300), false);
  assert.equal(shares.cost, 0);
});

test('an earlier agent left entries: they count as one sandbox until all of them are delivered', () => {
  const shares = new FairShares();
  const ledger = new Ledger(shares);
  ledger.found(1_000, at(500));
  assert.ok(shares.cost >= 1_000);
  ledger.delivered(at(400), false);
  assert.ok(shares.cost >= 1_000);
  // Nothing was appended behind them.
  ledger.delivered(at(500), true);
  assert.equal(shares.cost, 0);
});

test('a long outage: the costs that are kept apart are bounded, and all come back', (t) => {
  overrideLimits({ fair: { noted_max: 10 } }, t);
  const shares = new FairShares();
  const ledger = new Ledger(shares);
  const accounts = Array.from({ length: 4 }, () => ({ cost: 0 }));
  for (let entry = 0; entry < 100; entry++) {
    for (const account of accounts) ledger.took(account, 1);
    ledger.appended(at(entry), ledger.finish());
  }
  // biome-ignore lint/complexity/useLiteralKeys: private
  assert.equal(ledger['entries'].length, 2);
  ledger.delivered(at(99), false);
  assert.equal(shares.cost, 400 - 4, 'the last one stands for all behind the first');
  ledger.delivered(at(100), false);
  assert.deepEqual(
    accounts.map(({ cost }) => cost),
    [0, 0, 0, 0],
  );
});
