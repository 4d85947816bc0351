import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { loadSettings } from '../../../src/config/settings.ts';
import { connect } from '../../../src/store/client.ts';
import { createLander } from '../../../src/store/land/land.ts';
import type { Batch } from '../../../src/wire/header.ts';
import { makeBatch, newEpoch } from '../../support/batches.ts';
import { clickhouseUrl, migratedDatabase } from '../../support/clickhouse.ts';
import { assertLandedOnce, gapsOf } from '../../support/landed_rows.ts';
import { startLimitedProxy } from '../../support/limited_proxy.ts';
import { overrideLimits } from '../../support/limits.ts';
import { until } from '../../support/patience.ts';
import { uniqueName } from '../../support/temporary.ts';
import { waitsFor } from '../../support/waits_for.ts';

const KIB = 1024;

/** A lander behind a proxy; what is set aside fails the test. */
async function site(t: TestContext) {
  overrideLimits({ send: { retry_longest_ms: 500 } }, t);
  const { client, database } = await migratedDatabase(t);
  const proxy = await startLimitedProxy(t, clickhouseUrl());
  const own = connect(loadSettings({ clickhouseUrl: proxy.url }, {}));
  t.after(() => own.close());
  const setAside = async ({ reason }: { reason: string }): Promise<void> =>
    assert.fail(`set aside: ${reason}`);
  const lander = createLander(own, database, `${uniqueName('topic')}/0`, { setAside });
  return { client, database, proxy, lander };
}

/** Batches of some 100 KiB each, also when they are compressed. */
const large = (epoch: number, from: number, to: number, kib = 100): Batch[] =>
  Array.from({ length: to - from + 1 }, (_, at) =>
    makeBatch({
      epoch,
      sequence: from + at,
      rows: 10,
      text: (row) => `line ${(from + at - 1) * 10 + row} ${randomBytes((kib * KIB) / 10).toString('hex')}`,
    }),
  );

test('a proxy that refuses large bodies gets smaller INSERTs, and all lands once', async (t) => {
  const { client, database, proxy, lander } = await site(t);
  proxy.bytes_max = 350 * KIB;
  const epoch = newEpoch();
  assert.equal((await lander.land(large(epoch, 1, 20))).landed.length, 20);
  await assertLandedOnce(client, database, epoch, 200);
  assert.deepEqual(await gapsOf(client, database, epoch), []);
  const refused = proxy.inserts.filter(({ status }) => status === 413).length;
  assert.ok(refused > 0 && refused <= 4, `${refused} refusals: each halves the INSERT`);

  proxy.inserts = [];
  await lander.land(large(epoch, 21, 40));
  assert.deepEqual(
    proxy.inserts.filter(({ status }) => status === 413),
    [],
    'the size that passed is remembered',
  );
  assert.ok(proxy.inserts.length < 20, 'batches are still joined');
  await assertLandedOnce(client, database, epoch, 400);
});

test('a proxy that refuses a body and closes at once, while it still comes, is understood too', async (t) => {
  const { client, database, proxy, lander } = await site(t);
  Object.assign(proxy, { bytes_max: 350 * KIB, isAbrupt: true });
  const epoch = newEpoch();
  await lander.land(large(epoch, 1, 40));
  await assertLandedOnce(client, database, epoch, 400);
});

test('larger INSERTs are tried again after a while, until nothing refuses them', async (t) => {
  overrideLimits({ insert: { body_retry_ms: 0 } }, t);
  const { client, database, proxy, lander } = await site(t);
  proxy.bytes_max = 250 * KIB;
  const epoch = newEpoch();
  await lander.land(large(epoch, 1, 10));
  proxy.bytes_max = Number.POSITIVE_INFINITY;
  for (let from = 11; from < 60; from += 10) await lander.land(large(epoch, from, from + 9));
  assert.ok(proxy.inserts.at(-1)!.bytes > 900 * KIB, 'the last one held all ten');
  await assertLandedOnce(client, database, epoch, 600);
});

test('a single batch that is too large waits, with size, address and setting, until the proxy takes it', async (t) => {
  const { client, database, proxy, lander } = await site(t);
  proxy.bytes_max = 50 * KIB;
  const epoch = newEpoch();
  const landing = lander.land(large(epoch, 1, 3));
  await waitsFor(lander, /\b1\d{5} bytes\b.*http:\/\/127\.0\.0\.1:\d+.* 413 .*BODY_REFUSED/);
  assert.doesNotMatch(lander.status().paused!, /@/, 'no login is shown');
  await until(() => proxy.inserts.length > 4);
  proxy.bytes_max = 350 * KIB;
  const { landed, refused } = await landing;
  assert.deepEqual([landed.length, refused.length], [3, 0]);
  assert.equal(lander.status().paused, null);
  await assertLandedOnce(client, database, epoch, 30);
});

for (const [status, name] of [
  [502, 'Bad Gateway'],
  [429, 'Too Many Requests'],
] as const) {
  test(`a proxy that answers ${status} is waited for, and its first success ends the wait`, async (t) => {
    const { client, database, proxy, lander } = await site(t);
    const epoch = newEpoch();
    proxy.instead = { status, body: `<html><title>${status} ${name}</title></html>` };
    const landing = lander.land(large(epoch, 1, 3));
    await waitsFor(lander, new RegExp(`proxy .*${status} ${name}.*CLICKHOUSE_UNREACHABLE`));
    await until(() => proxy.inserts.length > 3);
    assert.ok(
      proxy.inserts.every(({ bytes }) => bytes > 300 * KIB),
      'the body is not made smaller',
    );
    proxy.instead = null;
    await landing;
    assert.equal(lander.status().paused, null);
    const inserts = proxy.inserts.length;
    await lander.land(large(epoch, 4, 4));
    assert.equal(proxy.inserts.length, inserts + 1, 'no pause is left');
    await assertLandedOnce(client, database, epoch, 40);
  });
}
