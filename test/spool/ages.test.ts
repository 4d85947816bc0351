import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ages } from '../../src/spool/ages.ts';

const place = (offset: number) => ({ segment: 1, offset });

test('the age is that of the oldest entry which is not delivered, however many wait', () => {
  const ages = new Ages();
  assert.equal(ages.oldest_s(), 0);
  const now = Date.now();
  // An entry each second for three hours, as in a long outage.
  for (let second = 10_800; second > 0; second--) ages.appended(place(10_800 - second), now - second * 1_000);
  assert.ok(Math.abs(ages.oldest_s() - 10_800) < 5);
  ages.delivered(place(5_400));
  assert.ok(Math.abs(ages.oldest_s() - 5_400) < 60, `${ages.oldest_s()}`);
  ages.delivered(place(10_700));
  assert.ok(Math.abs(ages.oldest_s() - 100) < 60, `${ages.oldest_s()}`);
  ages.clear();
  assert.equal(ages.oldest_s(), 0);
});
