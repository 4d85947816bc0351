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
  ...{ partition: 0, low: 0, high: 10_000_000, committed: null, metadata: null },
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

/** Whether a jump is believed that comes first in a fetch of its own. */
function jumps(evidence: Evidence, batch: BatchHeader, offset: number, missing: number): boolean {
  evidence.fetched([{ header: batch, offset }]);
  return evidence.explains(batch, offset, missing);
}

/** A jump in a fetch of its own that is set aside. */
function forged(evidence: Evidence, host: string, offset: number): string {
  assert.equal(jumps(evidence, header(host), offset, 2 ** 50), false);
  evidence.setAside(offset, header(host));
  return evidence.landed(offset + 1);
}

test('messages that retention took explain the first batch of each epoch behind them, and no other', () => {
  const evidence = at({ committed: 10, low: 110 });
  assert.equal(jumps(evidence, header('a'), 110, 101), false);
  assert.equal(jumps(evidence, header('a'), 110, 100), true);
  assert.equal(jumps(evidence, header('a'), 110, 100), true, 'the same jump is tried again');
  evidence.landed(111);
  assert.equal(jumps(evidence, header('b'), 111, 100), true, 'one epoch takes nothing from another');
  evidence.landed(112);
  assert.equal(jumps(evidence, header('a'), 112, 1), false);
  evidence.fetched([
    { header: header('c'), offset: 113 },
    { header: header('c'), offset: 114 },
  ]);
  assert.equal(evidence.explains(header('c'), 114, 1), false);
});

test('also those that it took from under a running consumer, counted once', () => {
  const evidence = at({ committed: 10 });
  for (let time = 0; time < 3; time++) evidence.lost(10, 5);
  assert.equal(jumps(evidence, header('a'), 15, 6), false);
  assert.equal(jumps(evidence, header('a'), 15, 5), true);
});

test('a second loss adds to the first for the epochs that did not come in between', () => {
  const evidence = at({ committed: 10, low: 110 });
  lands(evidence, 'a', 110);
  evidence.lost(111, 7);
  assert.equal(jumps(evidence, header('a'), 118, 8), false);
  assert.equal(jumps(evidence, header('a'), 118, 7), true);
  assert.equal(jumps(evidence, header('b'), 119, 107), true);
});

test('an epoch that is younger than the loss had no batch in it', () => {
  const young = { ...header('a'), epoch: (Date.now() + 60_000) * 2_048 };
  assert.equal(jumps(at({ committed: 10, low: 110 }), young, 110, 1), false);
  assert.equal(jumps(at({ low: 5_000_000 }), young, 5_000_000, 1), false);
});

test('who reads a partition first may not use what retention took before, once the epoch has come', () => {
  let evidence = at({ low: 5_000_000 });
  const metadata = lands(evidence, 'victim', 5_000_000);
  for (const next of [evidence, at({ committed: 5_000_001, low: 5_000_000, metadata })]) {
    assert.equal(jumps(next, header('victim'), 5_000_001, 1), false);
  }
  evidence = at({ committed: 5_000_001, low: 5_000_000, metadata });
  assert.equal(jumps(evidence, header('not yet seen', 900), 5_000_001, 899), true, 'also after a restart');
});

test('a forged jump that comes first takes nothing from the host, whether in its fetch or before', () => {
  const evidence = at({ committed: 10, low: 110 });
  evidence.fetched([110, 111, 112].map((offset) => ({ header: header('a'), offset })));
  for (const offset of [110, 111]) {
    assert.equal(evidence.explains(header('a'), offset, 2 ** 50), false);
    evidence.setAside(offset, header('a'));
  }
  assert.equal(evidence.explains(header('a'), 112, 100), true);
  const other = at({ committed: 10, low: 110 });
  forged(other, 'a', 110);
  assert.equal(jumps(other, header('a'), 111, 100), true);
});

test('messages that were set aside explain only what comes after them, in all', () => {
  const evidence = at({ committed: 10 });
  for (let time = 0; time < 3; time++) evidence.setAside(12);
  assert.equal(evidence.explains(header('a'), 11, 1), false);
  assert.equal(evidence.explains(header('a'), 13, 1), true);
  assert.equal(evidence.explains(header('b'), 14, 1), false);
});

test('an epoch that truly lost n batches is believed after n more', () => {
  const evidence = at({ committed: 0 });
  for (let n = 0; n < 5; n++) {
    assert.equal(evidence.explains(header('a', 6 + n), n, 5 + n), false, `${n}`);
    evidence.setAside(n, header('a'));
  }
  assert.equal(evidence.explains(header('a', 6), 0, 5), false, 'the first is tried again');
  assert.equal(evidence.explains(header('b'), 5, 1), false, 'another epoch');
  assert.equal(evidence.explains(header('a', 11), 5, 10), true);
  assert.equal(evidence.explains(header('a', 13), 6, 1), false);
});

test('also if a consumer ends in between', () => {
  let evidence = at({ committed: 0 });
  for (let n = 0; n < 5; n++) {
    assert.equal(jumps(evidence, header('a', 6 + n), n, 5 + n), false, `${n}`);
    evidence.setAside(n, header('a'));
    const metadata = evidence.landed(n + 1);
    evidence = at({ committed: n + 1, metadata });
  }
  assert.equal(jumps(evidence, header('b', 2), 5, 1), false);
  assert.equal(jumps(evidence, header('a', 11), 5, 10), true);
});

test('the next consumer knows what was committed, and only that', () => {
  const evidence = at({ committed: 10, low: 15 });
  evidence.setAside(16);
  const metadata = lands(evidence, 'a', 17);
  evidence.setAside(18);
  const heir = at({ committed: 18, low: 15, metadata });
  assert.equal(jumps(heir, header('a'), 30, 2), false);
  assert.equal(jumps(heir, header('a'), 30, 1), true);
  assert.equal(jumps(at({ committed: 18, low: 15, metadata }), header('b'), 30, 7), false);
  assert.equal(jumps(at({ committed: 18, low: 15, metadata }), header('b'), 30, 6), true);
  for (const [committed, other] of [
    [19, metadata],
    [18, ''],
    [18, 'a text of another program'],
    [18, metadata.replace('"lost":5', '"lost":1e400')],
    [18, metadata.replace('"seen":[[5', '"seen":[["5"')],
    [18, '{"afterlog":1,"next":18,"unlanded":9}'],
    [18, 'null'],
  ] as const) {
    assert.equal(jumps(at({ committed, low: 15, metadata: other }), header('b'), 30, 1), false, other);
  }
});

test('the metadata fits into an offset, however many epochs come', () => {
  const evidence = at({ committed: 10, low: 5_000_000 });
  let next = 5_000_000;
  let metadata = '';
  for (let n = 0; n < 2_000; n++) {
    if (n > 1_000) evidence.lost(next++, 1);
    forged(evidence, `liar-${n}`, next++);
    // The highest numbers are the longest.
    metadata = lands(evidence, `host-${n}`, next++);
    assert.ok(metadata.length < 4_096, `${metadata.length}`);
  }
  const heir = at({ committed: next, low: 5_000_000, metadata });
  assert.equal(jumps(heir, header('host-1999'), next, 1), false, 'the last ones are known');
});

test('where a topic lost its start, the first batch of an epoch may have any sequence, and only the first', () => {
  for (const fresh of [{ low: 5 }, { committed: 20_000_000 }, { committed: 5, low: 5 }]) {
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
    assert.equal(jumps(evidence, header('a', 2_000), 8, 1_499), false);
  }
  const known = at({ committed: 5, low: 0, metadata: lands(at({ committed: 4 }), 'b', 4) });
  assert.equal(jumps(known, header('a', 500), 5, 499), false);
});

test('in a topic that may never have lost one, an epoch begins with its first batch or goes on', () => {
  const evidence = at({});
  assert.equal(jumps(evidence, header('a', 500), 5, 499), false);
  assert.equal(
    jumps(evidence, header('a', 500), 5, 490),
    true,
    'nine batches have landed from an older topic',
  );
});
