import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Evidence } from '../../src/consume/evidence.ts';
import type { PartitionOffsets } from '../../src/kafka/offsets.ts';
import type { BatchHeader } from '../../src/wire/header.ts';

const header = (host: string, sequence = 1): BatchHeader => ({
  ...{ host, epoch: 7, sequence, ingest_day: 1, schema: 1, rows: 1 },
  ...{ block_bytes: 1, length: 1, crc32: 1 },
});

const offsets = (more: Partial<PartitionOffsets>): PartitionOffsets => ({
  ...{ partition: 0, low: 0, high: 1_000_000, committed: null, metadata: null },
  ...more,
});

function at(more: Partial<PartitionOffsets>): Evidence {
  const evidence = new Evidence();
  evidence.begin(offsets(more));
  return evidence;
}

/** Lands one batch as a fetch of its own. */
function lands(evidence: Evidence, host: string, offset: number): string {
  evidence.fetched([{ header: header(host), offset }]);
  return evidence.landed(offset + 1);
}

test('what lacks no message explains no jump', () => {
  const evidence = at({ committed: 10 });
  assert.equal(evidence.explains(header('a'), 12, 1), false);
});

test('messages that retention took explain as many batches, in all', () => {
  const evidence = at({ committed: 10, low: 110 });
  assert.equal(evidence.explains(header('a'), 110, 101), false);
  assert.equal(evidence.explains(header('a'), 110, 60), true);
  assert.equal(evidence.explains(header('a'), 110, 60), true, 'the same jump is tried again');
  assert.equal(evidence.explains(header('b'), 111, 41), false);
  assert.equal(evidence.explains(header('b'), 111, 40), true);
  assert.equal(evidence.explains(header('c'), 112, 1), false);
});

test('also those that it took from under a running consumer, counted once', () => {
  const evidence = at({ committed: 10 });
  for (let time = 0; time < 3; time++) evidence.lost(10, 5);
  assert.equal(evidence.explains(header('a'), 15, 6), false);
  assert.equal(evidence.explains(header('a'), 15, 5), true);
});

test('messages that were set aside explain only what comes after them', () => {
  const evidence = at({ committed: 10 });
  for (let time = 0; time < 3; time++) evidence.setAside(12, false);
  assert.equal(evidence.explains(header('a'), 11, 1), false);
  assert.equal(evidence.explains(header('a'), 13, 1), true);
});

test('an epoch that truly lost n batches is believed after n more', () => {
  const evidence = at({ committed: 0 });
  for (let n = 0; n < 5; n++) {
    assert.equal(evidence.explains(header('a', 6 + n), n, 5 + n), false, `${n}`);
    evidence.setAside(n, true);
  }
  assert.equal(evidence.explains(header('a', 11), 5, 10), true);
});

test('the next consumer knows what was committed, and only that', () => {
  const evidence = at({ committed: 10, low: 15 });
  evidence.setAside(16, false);
  const metadata = lands(evidence, 'a', 17);
  assert.deepEqual(JSON.parse(metadata), { afterlog: 1, next: 18, unlanded: 6 });
  evidence.setAside(18, false);
  const heir = at({ committed: 18, low: 15, metadata });
  assert.equal(heir.explains(header('a'), 30, 7), false);
  assert.equal(heir.explains(header('a'), 30, 6), true);
  for (const [committed, other] of [
    [19, metadata],
    [18, ''],
    [18, 'a text of another program'],
    [18, '{"afterlog":1,"next":18,"unlanded":1e400}'],
    [18, 'null'],
  ] as const) {
    assert.equal(at({ committed, low: 15, metadata: other }).explains(header('a'), 30, 1), false, other);
  }
});

test('where the topic begins, the first batch of an epoch may have any sequence, and only the first', () => {
  for (const fresh of [{}, { committed: 2_000_000 }, { committed: 5, low: 5 }]) {
    const evidence = at(fresh);
    evidence.fetched([
      { header: header('a', 500), offset: 5 },
      { header: header('a', 900), offset: 6 },
      { header: header('b', 300), offset: 7 },
    ]);
    assert.equal(evidence.explains(header('a', 500), 5, 499), true);
    assert.equal(evidence.explains(header('a', 900), 6, 399), false);
    assert.equal(evidence.explains(header('b', 300), 7, 299), true);
    evidence.landed(8);
    evidence.fetched([{ header: header('a', 2_000), offset: 8 }]);
    assert.equal(evidence.explains(header('a', 2_000), 8, 1_499), false);
  }
  const known = at({ committed: 5, low: 5, metadata: '{"afterlog":1,"next":5,"unlanded":0}' });
  known.fetched([{ header: header('a', 500), offset: 5 }]);
  assert.equal(known.explains(header('a', 500), 5, 499), false);
});
