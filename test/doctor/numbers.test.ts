import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { versionFinding } from '../../src/doctor/clickhouse.ts';
import { diskFinding } from '../../src/doctor/clickhouse_tables.ts';
import { clockFinding } from '../../src/doctor/clock.ts';
import { spaceFindings } from '../../src/doctor/disk.ts';
import { limitFindings } from '../../src/doctor/inotify.ts';
import { incompatible, releaseOf } from '../../src/doctor/kafka_broker.ts';
import { stateFinding } from '../../src/doctor/kafka_group.ts';
import { openFiles } from '../../src/doctor/open_files.ts';
import { capabilitiesOf } from '../../src/doctor/user.ts';

const inotify = { max_user_watches: 8_192, max_user_instances: 128, max_queued_events: 16_384 };

test('inotify limits are held against the number of sandboxes', () => {
  const levels = (sandboxes: number, changed: Partial<typeof inotify> = {}): string[] =>
    limitFindings({ ...inotify, ...changed }, sandboxes).map(({ check, level }) => `${check} ${level}`);
  assert.deepEqual(levels(4_000), ['limits ok']);
  assert.deepEqual(levels(4_096), ['watches warning']);
  assert.deepEqual(levels(8_192), ['watches error', 'queue warning']);
  assert.deepEqual(levels(10, { max_user_instances: 1 }), ['instances error']);
  assert.deepEqual(levels(10, { max_queued_events: 100 }), ['queue warning']);
  const [watches] = limitFindings(inotify, 8_192);
  assert.match(watches!.command!, /fs\.inotify\.max_user_watches=131072 .*sysctl --system/);
});

test('clocks: what the way there and back explains is no difference', () => {
  const level = (theirs_ms: number): string =>
    clockFinding('ClickHouse', ['consumer'], { theirs_ms, asked_ms: 100_000, answered_ms: 104_000 }).level;
  assert.equal(level(102_000), 'ok');
  assert.equal(level(104_000 + limits.doctor.clock_skew_ms), 'ok');
  assert.equal(level(104_001 + limits.doctor.clock_skew_ms), 'warning');
  assert.equal(level(100_000 - limits.doctor.clock_skew_ms), 'ok');
  assert.equal(level(99_999 - limits.doctor.clock_skew_ms), 'warning');
  assert.equal(level(104_001 + limits.doctor.clock_skew_error_ms), 'error');
  const behind = { theirs_ms: 0, asked_ms: 600_000, answered_ms: 600_001 };
  assert.match(
    clockFinding('ClickHouse', [], behind).message,
    /The clock of ClickHouse is 10 min behind this machine/,
  );
});

test('disks: room for the spool, for one segment, for files', () => {
  const level = (free: number, inodes: number | null = null): string =>
    spaceFindings('State dir', { dir: '/x', free, total: 1e12, inodes, kind: 0 })[0]!.level;
  assert.equal(level(limits.spool.bytes_max), 'ok');
  assert.equal(level(limits.spool.bytes_max - 1), 'warning');
  assert.equal(level(limits.spool.segment_bytes_max - 1), 'error');
  assert.equal(level(1e12, 99), 'error');
  const shares = [0.5, 0.05, 0.01].map((share) => diskFinding('default', share * 1e9, 1e9, []).level);
  assert.deepEqual(shares, ['ok', 'warning', 'error']);
});

test('open files: many more where links are not possible', () => {
  assert.equal(openFiles(1_024, 'of this shell', 1_000, true).level, 'ok');
  const short = openFiles(1_024, 'of this shell', 1_000, false);
  assert.equal(short.level, 'error');
  assert.match(short.cure!, /LimitNOFILE=65536/);
  assert.equal(openFiles(Number.POSITIVE_INFINITY, 'of this shell', 1e6, false).level, 'ok');
});

test('capabilities are read from the status of the process; root without them has none', () => {
  const status = (bits: string): string => `Name:\tnode\nCapEff:\t${bits}\nSeccomp:\t0\n`;
  assert.deepEqual(
    [...capabilitiesOf(status('000000000000000c'), 1_000)],
    ['CAP_DAC_READ_SEARCH', 'CAP_FOWNER'],
  );
  assert.deepEqual([...capabilitiesOf(status('0000000000000000'), 0)], []);
  assert.equal(capabilitiesOf('', 0).size, 3);
});

test('a ClickHouse that lacks what the tables need is named', () => {
  const level = (version: string): string => versionFinding('http://x', version, []).level;
  assert.deepEqual(['23.8.16.16', '24.7.1.1', '24.8.1.1', '26.7.2.1'].map(level), [
    'error',
    'error',
    'ok',
    'ok',
  ]);
});

test('brokers that are too old, or too new for the client, are told apart from those that fit', () => {
  const old = { 0: { minVersion: 0, maxVersion: 5 }, 19: { minVersion: 0, maxVersion: 2 } };
  assert.equal(releaseOf(old), null);
  assert.ok(incompatible(old).includes('Fetch'));
  assert.deepEqual([releaseOf({ 1: { minVersion: 4, maxVersion: 16 } })], ['3.7']);
  // A broker that has dropped the versions which the client speaks.
  const newer = { 0: { minVersion: 9, maxVersion: 20 } };
  assert.ok(incompatible(newer).includes('Produce'));
  assert.ok(!incompatible(old).includes('Produce'));
});

test('a group without a consumer is a warning once something waits for it', () => {
  const offsets = (committed: number | null, high: number) => [
    { partition: 0, committed, low: 2, high, metadata: null },
  ];
  const level = (state: string, members: number, committed: number | null, high: number): string =>
    stateFinding('g', state, members, offsets(committed, high)).level;
  assert.equal(level('Empty', 0, 5, 5), 'note');
  assert.equal(level('Empty', 0, 5, 6), 'warning');
  assert.equal(level('Dead', 0, null, 9), 'warning');
  assert.equal(level('PreparingRebalance', 2, 5, 5), 'note');
  const idle = stateFinding('g', 'Stable', 3, offsets(null, 9));
  assert.match(idle.message, /3 consumers in the group g, 7 batches behind\. 2 of them are idle/);
});
