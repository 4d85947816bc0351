import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reader, type ReadRow } from '../../support/parsed.ts';

/** When the agent reads; when the console's file was made. */
const OBSERVED = '2026-06-01T16:00:00.250Z';
const STARTED = '2026-06-01T15:30:00.000Z';

/** Parses lines in order. */
const parse = (
  lines: string[],
  log = 'console',
  started = STARTED,
  observed = OBSERVED,
  isRecorded = false,
): ReadRow[] => new Reader({ log, started, isRecorded }).read(lines.join(''), observed);

describe('a line is read for its stamp and its tag', () => {
  const table: [line: string, time: string, kind: string, source: string, message: string][] = [
    [
      '2026-06-01T15:30:18Z [agent] sandbox.running tap=tap0\n',
      '2026-06-01T15:30:18',
      'line',
      'agent',
      'sandbox.running tap=tap0',
    ],
    ['2026-06-01T15:30:18.5Z [agent] x\n', '2026-06-01T15:30:18.5', 'line', 'agent', 'x'],
    ['2026-06-01T15:30:18.123456789123Z x\n', '2026-06-01T15:30:18.123456789', 'line', 'app', 'x'],
    ['2026-06-01 15:30:18,042 INFO x\n', '2026-06-01T15:30:18.042', 'line', 'app', 'INFO x'],
    ['2026-06-01T15:30:18+02:00 x\n', '2026-06-01T13:30:18', 'line', 'app', 'x'],
    ['2026-06-01T15:30:18.25-0530 x\n', '2026-06-01T21:00:18.25', 'line', 'app', 'x'],
    ['2026-06-01t15:30:18z x\n', OBSERVED.slice(0, 22), 'observed', 'app', '2026-06-01t15:30:18z x'],
    ['2026-06-01T15:30:18 [auto-start.v2] x\n', '2026-06-01T15:30:18', 'line', 'auto-start.v2', 'x'],
    ['2026-06-01T15:30:18Z [not a tag] x\n', '2026-06-01T15:30:18', 'line', 'app', '[not a tag] x'],
    ['2026-06-01T15:30:18Z []\n', '2026-06-01T15:30:18', 'line', 'app', '[]'],
    ['2026-06-01T15:30:18Z\n', '2026-06-01T15:30:18', 'line', 'app', ''],
    ['2026-02-29T00:00:00Z x\n', OBSERVED.slice(0, 22), 'observed', 'app', '2026-02-29T00:00:00Z x'],
    ['2024-02-29T00:00:00Z x\n', '2024-02-29T00:00:00', 'line', 'app', 'x'],
    ['2026-06-01T24:00:00Z x\n', OBSERVED.slice(0, 22), 'observed', 'app', '2026-06-01T24:00:00Z x'],
    ['2026-06-30T23:59:60Z x\n', '2026-07-01T00:00:00', 'line', 'app', 'x'],
    ['1970-01-01T00:00:07Z x\n', OBSERVED.slice(0, 22), 'observed', 'app', '1970-01-01T00:00:07Z x'],
    // Nanoseconds in 64 bits end in 2262.
    ['9999-12-31T23:59:59Z x\n', OBSERVED.slice(0, 22), 'observed', 'app', '9999-12-31T23:59:59Z x'],
    [
      '[    0.000000] Linux version 6.1\r\n',
      '2026-06-01T15:30:00',
      'kernel_clock',
      'kernel',
      'Linux version 6.1',
    ],
    [
      '[   12.480127] sysrq: Trigger a crash\n',
      '2026-06-01T15:30:12.480127',
      'kernel_clock',
      'kernel',
      'sysrq: Trigger a crash',
    ],
    ['[    1.500000][    T1] x\n', '2026-06-01T15:30:01.5', 'kernel_clock', 'kernel', 'x'],
    ['[    1.500000]x\n', '2026-06-01T15:30:01.5', 'kernel_clock', 'kernel', 'x'],
    ['[    1.5] x\n', OBSERVED.slice(0, 22), 'observed', 'app', '[    1.5] x'],
    ['[9999999999.000000] x\n', OBSERVED.slice(0, 22), 'observed', 'app', '[9999999999.000000] x'],
    [
      '[15:31:02] [autostart] phase1: OS ready\n',
      '2026-06-01T15:31:02',
      'time_of_day',
      'autostart',
      'phase1: OS ready',
    ],
    ['[15:31:02]\n', '2026-06-01T15:31:02', 'time_of_day', 'app', ''],
    ['[25:31:02] x\n', OBSERVED.slice(0, 22), 'observed', 'app', '[25:31:02] x'],
    [
      'pandastack-init: applied identity via=vsock\n',
      OBSERVED.slice(0, 22),
      'observed',
      'init',
      'applied identity via=vsock',
    ],
    ['pandastack-: x\n', OBSERVED.slice(0, 22), 'observed', 'app', 'pandastack-: x'],
    ['pandastack-init:x\n', OBSERVED.slice(0, 22), 'observed', 'app', 'pandastack-init:x'],
    ['[  OK  ] Started x.\n', OBSERVED.slice(0, 22), 'observed', 'systemd', '[  OK  ] Started x.'],
    [
      '[\x1b[0;32m  OK  \x1b[0m] Started x.\n',
      OBSERVED.slice(0, 22),
      'observed',
      'systemd',
      '[\x1b[0;32m  OK  \x1b[0m] Started x.',
    ],
    [
      '[\x1b[0;1;31mFAILED\x1b[0m] Failed to start x.\n',
      OBSERVED.slice(0, 22),
      'observed',
      'systemd',
      '[\x1b[0;1;31mFAILED\x1b[0m] Failed to start x.',
    ],
    [
      '[DEPEND] Dependency failed.\n',
      OBSERVED.slice(0, 22),
      'observed',
      'systemd',
      '[DEPEND] Dependency failed.',
    ],
    ['ready in 300 ms\n', OBSERVED.slice(0, 22), 'observed', 'app', 'ready in 300 ms'],
    ['\n', OBSERVED.slice(0, 22), 'observed', 'app', ''],
    ['{"level":30}\r\r\n', OBSERVED.slice(0, 22), 'observed', 'app', '{"level":30}'],
  ];
  for (const [line, time, kind, source, message] of table) {
    test(JSON.stringify(line), () => {
      const [found] = parse([line], 'console', STARTED, OBSERVED, true);
      assert.deepEqual(
        { time: found!.time, kind: found!.timestamp_kind, source: found!.source, message: found!.message },
        { time, kind, source, message },
      );
      assert.ok(line.startsWith(found!.prefix + found!.message), 'prefix and message are the line');
    });
  }
});

test('a line without a stamp has the time of the line before', () => {
  const found = parse(['2026-06-01T15:30:18Z one\n', '  at two\n', 'three\n']);
  assert.deepEqual(
    found.map(({ time, timestamp_kind }) => [time, timestamp_kind]),
    [
      ['2026-06-01T15:30:18', 'line'],
      ['2026-06-01T15:30:18', 'inherited'],
      ['2026-06-01T15:30:18', 'inherited'],
    ],
  );
});

test('kernel time counts from the console’s start, and anew from where the console was when it restarts', () => {
  const found = parse([
    '[    0.000000] first boot\n',
    '[  100.000000] a while\n',
    '[    0.000000] second boot in the same file\n',
    '[    5.000000] of it\n',
  ]);
  assert.deepEqual(
    found.map(({ time }) => time.slice(11)),
    ['15:30:00', '15:31:40', '15:31:40', '15:31:45'],
  );
});

test('a kernel clock that steps back by less than a second is no restart', () => {
  const found = parse([
    '[   10.000000] a\n',
    '[    9.500000] b, of another processor\n',
    '[   11.000000] c\n',
  ]);
  assert.deepEqual(
    found.map(({ time }) => time.slice(11)),
    ['15:30:10', '15:30:09.5', '15:30:11'],
  );
});

test('a kernel line in a resumed console, whose first line was stamped, is placed by that', () => {
  const found = parse(['2026-06-01T15:40:00Z [agent] woken\n', '[  500.000000] a\n', '[  501.500000] b\n']);
  assert.deepEqual(
    found.map(({ time }) => time.slice(11)),
    ['15:40:00', '15:40:00', '15:40:01.5'],
  );
});

test('a console of unknown age: the first kernel line happened when it was read', () => {
  const found = parse(['[    7.000000] a\n', '[    9.000000] b\n'], 'console', '');
  assert.deepEqual(
    found.map(({ time }) => time.slice(11)),
    ['16:00:00.25', '16:00:02.25'],
  );
});

test('times of day around midnight belong to the nearest day', () => {
  const found = parse(
    ['[23:59:58] [a] x\n', '[00:00:03] [a] y\n', '[23:59:59] [a] late\n'],
    'console',
    STARTED,
    '2026-06-02T00:00:05Z',
  );
  assert.deepEqual(
    found.map(({ time }) => time),
    ['2026-06-01T23:59:58', '2026-06-02T00:00:03', '2026-06-01T23:59:59'],
  );
});

test('a guest without a clock does not carry 1970 into the lines that follow', () => {
  const found = parse([
    '1970-01-01T00:00:07Z x\n',
    'y\n',
    '2026-06-01T15:30:18Z z\n',
    '1970-01-01T00:00:09Z x\n',
    'w\n',
  ]);
  assert.deepEqual(
    found.map(({ timestamp_kind }) => timestamp_kind),
    ['observed', 'observed', 'line', 'observed', 'inherited'],
  );
  assert.equal(found[4]!.time, '2026-06-01T15:30:18');
});

test('hostile kernel stamps never leave the range of 64-bit nanoseconds', () => {
  const lines = Array.from(
    { length: 400 },
    (_, at) => `[${at % 2 === 0 ? '999999999.999999' : '    0.000000'}] x\n`,
  );
  for (const { time } of parse(lines)) assert.ok(time < '2262-01-01', time);
});

test('events.jsonl: the time is a field', () => {
  const found = parse(
    [
      '{"time":"2026-06-01T15:30:18.5Z","sandbox_id":"sb","type":"sandbox.running","payload":{}}\n',
      '{ "time" : "2026-06-01T15:30:19Z" }\n',
      '{"type":"x","time":"2026-06-01T15:30:20Z"}\n',
      'not json\n',
    ],
    'events',
  );
  assert.deepEqual(
    found.map(({ time, timestamp_kind, source, prefix }) => [time.slice(17), timestamp_kind, source, prefix]),
    [
      ['18.5', 'line', 'runtime', ''],
      ['19', 'line', 'runtime', ''],
      ['20', 'line', 'runtime', ''],
      ['20', 'inherited', 'runtime', ''],
    ],
  );
});

test('firecracker.log: a stamp with nanoseconds and no zone', () => {
  const [found] = parse(
    ['2026-06-01T15:30:18.123456789 [sb:main:INFO:src/main.rs] Running\n'],
    'firecracker',
  );
  assert.deepEqual(found, {
    position: 0,
    time: '2026-06-01T15:30:18.123456789',
    timestamp: '2026-06-01T15:30:18.123456789Z',
    timestamp_kind: 'line',
    source: 'firecracker',
    severity: 'INFO',
    event: '',
    title: '',
    entry_position: 0,
    prefix: '2026-06-01T15:30:18.123456789 ',
    message: '[sb:main:INFO:src/main.rs] Running',
    ending: '\n',
  });
});
