import assert from 'node:assert/strict';
import { statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { startAfter, startBetween } from '../../src/tail/stream.ts';
import { mountedSite } from '../support/mounted_site.ts';

const NS_PER_S = 1_000_000_000n;
const now_ns = (): bigint => BigInt(Date.now()) * 1_000_000n;

test('a stream starts at the birth of its file, if somebody can have known it', () => {
  const hour_ago = now_ns() - 3_600n * NS_PER_S;
  assert.equal(startAfter(undefined, String(hour_ago)), String(hour_ago));
  assert.equal(startAfter(String(hour_ago - 1n), String(hour_ago)), String(hour_ago));
  const implausible = {
    none: 0n,
    'before 1970': -1n,
    1980: 315_532_800n * NS_PER_S,
    'in a year': now_ns() * 2n,
  };
  for (const [which, born] of Object.entries(implausible)) {
    const early = now_ns();
    const started = BigInt(startAfter(undefined, String(born)));
    assert.ok(started >= early && started <= now_ns() + NS_PER_S, which);
  }
  assert.notEqual(startAfter(undefined, '0'), startAfter(undefined, '0'));
  const later = String(now_ns() + 900n * NS_PER_S);
  assert.equal(startAfter(later, '0'), String(BigInt(later) + 1n));
});

test('a stream that a truncation began starts before the next life, although it was noticed after that', () => {
  const [first, next] = [now_ns() - 900n * NS_PER_S, now_ns() - 300n * NS_PER_S];
  const between = BigInt(startBetween(String(first), String(next), '0'));
  assert.ok(first < between && between < next);
  const later = now_ns() + 900n * NS_PER_S;
  assert.ok(BigInt(startBetween(String(first), String(later), '0')) < later);
  assert.ok(BigInt(startBetween(String(next), String(next + 1n), '0')) > next + 1n, 'there is no room');
});

for (const kind of ['ext4 with small inodes', 'a plain FUSE file system'] as const) {
  test(`an id that is used again is stored as two lives on ${kind}`, async (t) => {
    const site = await mountedSite(t, kind);
    if (site === null) return;
    assert.equal(statSync(site.vms, { bigint: true }).birthtimeNs, 0n, 'there is no birth time');
    await site.start();
    const lives = ['first life\n', 'second\n', 'third life of it\n'];
    for (const [index, life] of lives.entries()) {
      site.make('sb');
      writeFileSync(site.path('sb'), life);
      await site.read('sb', lives.slice(0, index + 1).join('').length);
      site.delete('sb');
      await site.sealed('sb', index + 1);
      await site.empty();
    }
    const streams = site.streams('sb');
    assert.deepEqual(
      streams.map(({ bytes, seal }) => [String(bytes), seal!.reason, seal!.complete]),
      lives.map((life) => [life, 'deleted', true]),
    );
    assert.ok(streams.every(({ started }) => started > 946_684_800n * NS_PER_S));
  });
}
