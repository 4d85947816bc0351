import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../../../src/base/limits.ts';
import { Reader, readLines, restored } from '../../support/parsed.ts';
import { fc } from '../../support/property.ts';

const seconds = (text: string): number => Date.parse(text) / 1000;

test('a stamp that lies before its console was made, or after it was read, is not believed, and stays in the text', () => {
  const lines = [
    '2026-06-01T12:00:00Z a',
    '2026-06-01T18:00:00Z b',
    '2026-06-01T15:29:00Z c',
    '2026-06-01T16:01:00Z d',
  ];
  const rows = new Reader().read(`${lines.join('\n')}\n`, '2026-06-01T16:00:00Z');
  assert.deepEqual(
    rows.map(({ timestamp_kind }) => timestamp_kind),
    ['observed', 'observed', 'line', 'line'],
  );
  assert.equal(rows[0]!.time, '2026-06-01T16:00:00');
  assert.deepEqual(
    rows.map(({ prefix, message }) => [prefix, message]),
    [
      ['', '2026-06-01T12:00:00Z a'],
      ['', '2026-06-01T18:00:00Z b'],
      ['2026-06-01T15:29:00Z ', 'c'],
      ['2026-06-01T16:01:00Z ', 'd'],
    ],
  );
});

test('a resumed guest whose clock stands still is not believed where its console is followed', () => {
  const reader = new Reader();
  reader.read('2026-06-01T15:40:00Z before\n', '2026-06-01T15:40:00Z');
  reader.parser.caughtUp(seconds('2026-06-01T17:00:00Z'));
  const [stale, plain, fresh] = reader.read(
    '2026-06-01T15:41:00Z woken\nplain\n2026-06-01T17:00:05Z corrected\n',
    '2026-06-01T17:00:05Z',
  );
  assert.deepEqual([stale!.timestamp_kind, stale!.time], ['observed', '2026-06-01T17:00:05']);
  assert.deepEqual([plain!.timestamp_kind, plain!.time], ['observed', '2026-06-01T17:00:05']);
  assert.equal(fresh!.timestamp_kind, 'line');
});

test('what is read late, as the agent was down, is believed', () => {
  const rows = new Reader().read('2026-06-01T15:31:00Z x\ny\n', '2026-06-03T00:00:00Z');
  assert.deepEqual(
    rows.map(({ timestamp_kind }) => timestamp_kind),
    ['line', 'inherited'],
  );
});

test('a recorded file is of any age', () => {
  const rows = readLines(['2011-04-01 15:14:34.203 x', '2030-01-01T00:00:00Z y', '1970-01-01T00:00:01Z z'], {
    isRecorded: true,
  });
  assert.deepEqual(
    rows.map(({ timestamp_kind }) => timestamp_kind),
    ['line', 'line', 'observed'],
  );
});

test('a kernel clock is placed by stamps around it', () => {
  const late = readLines([
    '[    1.000000] a',
    '2026-06-01T15:45:00Z b',
    '[   20.000000] c',
    '2026-06-01T15:45:05Z d',
    '[   25.000000] e',
  ]);
  // The stamp says that 15 minutes passed before the kernel's next line: it cannot have been at 15:30:20.
  assert.deepEqual(
    late.map(({ time }) => time.slice(11)),
    ['15:30:01', '15:45:00', '15:45:00', '15:45:05', '15:45:05'],
  );
});

test('a kernel clock that a wake left behind is placed by the host clock where the console is followed', () => {
  const reader = new Reader();
  const follow = (text: string, at: string): string => {
    const [row] = reader.read(text, at);
    reader.parser.caughtUp(seconds(at));
    return row!.time.slice(11);
  };
  assert.equal(follow('[    1.000000] a\n', '2026-06-01T15:30:01Z'), '15:30:01');
  assert.equal(follow('[    2.000000] b\n', '2026-06-01T15:30:02Z'), '15:30:02');
  reader.parser.caughtUp(seconds('2026-06-01T16:29:59Z'));
  assert.equal(follow('[    3.000000] woken after an hour\n', '2026-06-01T16:30:00Z'), '16:30:00');
  assert.equal(follow('[    4.500000] c\n', '2026-06-01T16:30:02Z'), '16:30:01.5');
});

test('a stamp without a year is of the last one in which it is not in the future', () => {
  const read = (text: string, observed: string): string =>
    new Reader({ isRecorded: true }).read(`${text}\n`, observed)[0]!.time;
  assert.equal(read('Dec 31 23:59:58 host x: y', '2027-01-01T00:00:03Z'), '2026-12-31T23:59:58');
  assert.equal(read('Jan  1 00:00:01 host x: y', '2026-12-31T23:59:59Z'), '2027-01-01T00:00:01');
  assert.equal(read('Nov 24 10:00:00 host x: y', '2026-11-23T00:00:00Z'), '2026-11-24T10:00:00');
  assert.equal(read('Nov 25 10:00:00 host x: y', '2026-11-23T00:00:00Z'), '2025-11-25T10:00:00');
  assert.equal(read('Feb 29 10:00:00 host x: y', '2026-11-23T00:00:00Z'), '2024-02-29T10:00:00');
});

describe('a time that a text speaks of is not the line’s', () => {
  const texts = [
    'certificate expires at 2026-06-01 15:40:00',
    'next run: in 3 h (2026-06-01 15:40:00)',
    'took 00:12:31 in all',
    'Built : Tue May 14 10:29:19 UTC 2024',
    'mac 24:5a:4c:a2:b1:09',
    'addr fe80::1:2:3 up',
    'ratio 10:20:30:40',
    '99:99:99 x',
    '2026-13-01 15:30:18 x',
    '1234567890123456789012345 x',
    'v1.2.3 12345678',
  ];
  for (const text of texts) {
    test(text, () => {
      const [row] = readLines([text], { isRecorded: true });
      assert.deepEqual([row!.timestamp_kind, row!.prefix], ['observed', '']);
    });
  }
});

test('clocks of guest and host may differ by a little', () => {
  const [early, tooEarly] = new Reader().read(
    `2026-06-01T15:28:01Z x\n2026-06-01T15:27:59Z y\n`,
    '2026-06-01T15:30:00Z',
  );
  assert.equal(limits.parse.clock_skew_max_s, 120);
  assert.deepEqual([early!.timestamp_kind, tooEarly!.timestamp_kind], ['line', 'observed']);
});

test('kernel seconds that lead beyond the moment of reading are not believed, and move no line behind them', () => {
  const lines = [
    '[    1.000000] a',
    '[99999999.000000] Kernel panic - not syncing: x',
    'plain',
    '[    2.000000] b',
  ];
  const rows = readLines(lines);
  assert.deepEqual(
    rows.map(({ timestamp_kind, time }) => [timestamp_kind, time.slice(11)]),
    [
      ['kernel_clock', '15:30:01'],
      ['observed', '16:00:00'],
      ['inherited', '15:30:01'],
      ['kernel_clock', '15:30:02'],
    ],
  );
  // The same where the console is followed, and the guest's first kernel line is the one that lies.
  for (const before of ['[    1.000000] a\n', '']) {
    const reader = new Reader();
    reader.read(before, '2026-06-01T15:30:01Z');
    reader.parser.caughtUp(seconds('2026-06-01T15:30:01Z'));
    const text = '[99999999.000000] x\nplain\n[    2.000000] b\n';
    const times = reader.read(text, '2026-06-01T15:30:02Z').map(({ time }) => time.slice(11));
    assert.ok(
      times.every((time) => time >= '15:30:01' && time <= '15:30:04'),
      times.join(),
    );
  }
});

test('the kernel of a resumed guest counts from a boot before its console: its lines are not later than now', () => {
  const [first, second] = readLines(['[  9000.000000] a', '[  9000.500000] b']);
  assert.deepEqual(
    [first!, second!].map(({ timestamp_kind, time }) => [timestamp_kind, time.slice(11)]),
    [
      ['kernel_clock', '16:00:00'],
      ['kernel_clock', '16:00:00.5'],
    ],
  );
});

test('times of day lead neither into the future nor into the past, however many there are', () => {
  const ahead = ['[15:59:59] a', '[23:59:58] b', '[11:59:57] c', '[23:59:56] d'];
  const behind = ['[15:59:59] a', '[08:59:58] b', '[20:59:57] c', '[08:59:56] d'];
  for (const lines of [ahead, behind]) {
    const rows = readLines(lines);
    assert.deepEqual(
      rows.map(({ timestamp_kind, time }) => `${timestamp_kind} ${time}`),
      ['time_of_day 2026-06-01T15:59:59', ...Array(3).fill('observed 2026-06-01T16:00:00')],
    );
  }
});

test('what had been read before a restart is not made older by the lines behind it', () => {
  const reader = new Reader();
  reader.read('2026-06-01T15:40:00Z before\n', '2026-06-01T15:40:00Z');
  reader.parser.caughtUp(seconds('2026-06-01T18:00:00Z'));
  const again = new Reader({ state: restored(reader.parser) });
  const text = '2026-06-01T15:31:00Z moved out of the last hour\n2026-06-01T18:30:00Z while no agent ran\n';
  const rows = again.read(text, '2026-06-01T19:00:00Z');
  assert.deepEqual(
    rows.map(({ timestamp_kind }) => timestamp_kind),
    ['observed', 'line'],
  );
});

test('a state of an earlier version whose times are in the future does no harm', () => {
  const reader = new Reader();
  reader.read('[    1.000000] a\n');
  const state = restored(reader.parser);
  const future = seconds('2030-01-01T00:00:00Z');
  Object.assign(state.clock, { seconds: future, boot_seconds: future, stamped: future, uptime: 99_999_999 });
  const text = 'plain\n[15:59:00] b\n[    2.000000] c\nplain\n[    3.000000] d\n';
  for (const { time } of new Reader({ state }).read(text)) assert.ok(time <= '2026-06-01T16:02:00', time);
});

/** A line with a stamp that is `away` seconds from now, in one of the forms that guests use. */
const forms: ((at: number, away: number) => string)[] = [
  (at) => new Date(at * 1000).toISOString(),
  (at) => `[${new Date(at * 1000).toISOString().slice(11, 19)}]`,
  (at) => `{"time":${Math.round(at * 1000)}}`,
  (at) => `${Math.round(at)}.5`,
  (_, away) => `[${Math.abs(away)}.000000]`,
  (_, away) => `prompt> [${Math.abs(away)}.250000] sysrq`,
  (_, away) => `<6>[   ${Math.abs(away) % 60}.100000]`,
  () => 'no stamp',
];
const step = fc.record({
  wait: fc.constantFrom(0, 1, 30, 5_000),
  lines: fc.array(
    fc.record({
      form: fc.nat(forms.length - 1),
      away: fc.constantFrom(0, 1, -1, 59, -3_600, 43_000, -43_000, 86_400, -9e7, 9e7, 1e9, -1e9, 1e11),
    }),
    { maxLength: 4 },
  ),
  after: fc.constantFrom('nothing', 'caught up', 'restart'),
});

test('whatever a guest writes, no line is from before its console, or from after it was read', () => {
  const skew = limits.parse.clock_skew_max_s;
  fc.assert(
    fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
      let now = seconds('2026-06-01T15:30:00Z');
      let earliest = now;
      let reader = new Reader();
      for (const { wait, lines, after } of steps) {
        now += wait;
        const text = lines.map(({ form, away }) => `${forms[form]!(now + away, away)} text\n`).join('');
        for (const { timestamp } of reader.read(text, new Date(now * 1000).toISOString())) {
          const time = seconds(timestamp.replace(/(\.\d{3})\d*/, '$1'));
          assert.ok(time <= now + skew && time >= earliest - skew, `${timestamp} at ${now}`);
        }
        if (after === 'caught up') {
          reader.parser.caughtUp(now);
          earliest = now;
        } else if (after === 'restart') {
          const { position } = reader;
          reader = new Reader({ state: restored(reader.parser) });
          reader.position = position;
        }
      }
    }),
    { numRuns: 2_000 },
  );
});
