import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClickHouseLogLevel, createClient } from '@clickhouse/client';
import { createLander } from '../../../src/store/land/land.ts';
import { makeBatch, newEpoch } from '../../support/batches.ts';
import { clickhouseUrl, migratedDatabase } from '../../support/clickhouse.ts';
import { type Fault, startFaultyNetwork } from '../../support/faulty_network.ts';
import { assertLandedOnce } from '../../support/landed_rows.ts';
import { overrideLimits } from '../../support/limits.ts';
import { uniqueName } from '../../support/temporary.ts';

const ROWS = 10;

const KINDS = ['closed', 'reset', 'half_closed'] as const;
/** Each cut costs a pause, a fence and a look. */
const STRIDE_BYTES = 4;

test('the answer to an INSERT is cut all along, closed, reset or half closed: every batch lands once', async (t) => {
  overrideLimits({ send: { retry_first_ms: 1, retry_longest_ms: 20 } }, t);
  const { client: direct, database } = await migratedDatabase(t);
  const network = await startFaultyNetwork(t, new URL(clickhouseUrl()).host, false);
  const url = new URL(clickhouseUrl());
  url.host = network.address;
  const client = createClient({ url: url.href, log: { level: ClickHouseLogLevel.OFF } });
  t.after(() => client.close());
  let isInsert = false;
  let isCut = false;
  let after = 0;
  let sequence = 0;
  /** Bytes of the answer so far. */
  let seen = 0;
  network.fault = ({ bytes, isAnswer }): Fault | null => {
    if (!isAnswer) {
      isInsert = isInsert || /^POST .*INSERT/.test(bytes.toString('latin1', 0, 4_000));
      return null;
    }
    if (!isInsert || isCut) return null;
    const from = seen;
    seen += bytes.length;
    if (seen <= after) return null;
    isCut = true;
    return { after: after - from, how: KINDS[sequence % KINDS.length]! };
  };
  const lander = createLander(client, database, `${uniqueName('topic')}/0`);
  const epoch = newEpoch();
  do {
    [isInsert, isCut, seen] = [false, false, 0];
    sequence++;
    const { landed } = await lander.land([makeBatch({ epoch, sequence, rows: ROWS })]);
    assert.equal(landed.length, 1, `cut at ${after}`);
    after += STRIDE_BYTES;
  } while (isCut);
  t.diagnostic(`${network.met} cuts in an answer of ${seen} bytes`);
  assert.ok(network.met > 50);
  await assertLandedOnce(direct, database, epoch, sequence * ROWS);
});
