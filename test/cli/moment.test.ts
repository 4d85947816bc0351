import assert from 'node:assert/strict';
import { test } from 'node:test';
import { momentAt, momentOf } from '../../src/cli/moment.ts';

const now_ms = Date.parse('2026-11-23T20:28:51.250Z');
const at = (text: string): bigint => momentAt(now_ms, text);
const ns = (time: string, rest = 0n): bigint => BigInt(Date.parse(time)) * 1_000_000n + rest;

test('so long ago, in one unit or several', () => {
  assert.equal(at('90s'), ns('2026-11-23T20:27:21.250Z'));
  assert.equal(at('15m'), ns('2026-11-23T20:13:51.250Z'));
  assert.equal(at('2h30m'), ns('2026-11-23T17:58:51.250Z'));
  assert.equal(at('3d'), ns('2026-11-20T20:28:51.250Z'));
});

test('a time as logs prints it, as its JSON has it, with a zone, or a date; UTC where no zone is named', () => {
  const time = ns('2026-11-23T20:28:51.123Z');
  assert.equal(at('2026-11-23 20:28:51.123'), time);
  assert.equal(at('2026-11-23T20:28:51.123456789Z'), time + 456_789n);
  assert.equal(at('2026-11-23T21:28:51.123+01:00'), time);
  assert.equal(at('2026-11-23t20:28:51.123z'), time);
  assert.equal(at('2026-11-23 20:28'), ns('2026-11-23T20:28:00Z'));
  assert.equal(at('2026-11-23'), ns('2026-11-23T00:00:00Z'));
});

test('seconds since 1970, with a fraction, and milliseconds', () => {
  assert.equal(at('1795465731'), 1_795_465_731_000_000_000n);
  assert.equal(at('1795465731.25'), 1_795_465_731_250_000_000n);
  assert.equal(at('1795465731250'), 1_795_465_731_250_000_000n);
});

test('what is no time is refused with what is allowed', () => {
  for (const text of [
    '',
    'yesterday',
    '15',
    '15x',
    '-15m',
    '2h ago',
    '2026-11-31',
    '2026-02-29 10:00',
    '2026-13-01',
    '2026-11-23 25:00',
    '2026-11-23T20:28:51+99:00',
    '23.11.2026',
    '1969-12-31',
    '2300-01-01',
    '99999999999',
    '999999d',
    '1795465731250000000',
  ]) {
    assert.throws(() => at(text), /Allowed: .*RFC 3339.*15m/, JSON.stringify(text));
  }
});

test('so long ago counts from now', () => {
  const before = BigInt(Date.now()) * 1_000_000n;
  const hour = 3_600_000_000_000n;
  const found = momentOf('1h') + hour;
  assert.ok(before <= found && found <= BigInt(Date.now()) * 1_000_000n);
});
