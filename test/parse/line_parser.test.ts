import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { limits } from '../../src/config/limits.ts';
import { endings, newLine, timestampKinds } from '../../src/parse/line.ts';
import { LineParser } from '../../src/parse/line_parser.ts';
import { nameText } from '../../src/parse/names.ts';
import { lineEnd } from '../../src/parse/split.ts';

/** 2026-11-23T20:00:00Z: when every line of these tests was read. */
const READ_AT = Date.UTC(2026, 10, 23, 20) / 1000;

interface Read {
  time: string;
  kind: string;
  source: string;
  prefix: string;
  message: string;
  ending: string;
}

/** Reads text as one log, with the chunks' borders after the given bytes. */
function read(text: string | Buffer, log = 'console', started = 0): Read[] {
  const bytes = Buffer.from(text as string);
  const parser = new LineParser(log, started, 0);
  const line = newLine();
  const rows: Read[] = [];
  for (let at = 0, end = 0; ; at = end) {
    end = lineEnd(bytes, at, true);
    if (end < 0) return rows;
    parser.parse(bytes, at, end, READ_AT, 0, line);
    const seconds = new Date(line.seconds * 1000).toISOString().slice(0, 19);
    rows.push({
      time:
        line.nanos === 0 ? seconds : `${seconds}.${String(line.nanos).padStart(9, '0').replace(/0+$/, '')}`,
      kind: timestampKinds[line.kind]!,
      source: nameText(line.source),
      prefix: bytes.toString('latin1', line.start, line.message_start),
      message: bytes.toString('latin1', line.message_start, line.message_end),
      ending: endings[line.ending]!,
    });
  }
}

const one = (text: string, log?: string, started?: number): Read => read(text, log, started)[0]!;

for (const [text, time, source, message] of [
  [
    '2026-06-01T15:30:18Z [agent] sandbox.running tap=tap0',
    '2026-06-01T15:30:18',
    'agent',
    'sandbox.running tap=tap0',
  ],
  ['2026-06-01T15:30:18.123Z [autostart] up', '2026-06-01T15:30:18.123', 'autostart', 'up'],
  ['2026-06-01T15:30:18.1234567891Z x', '2026-06-01T15:30:18.123456789', 'app', 'x'],
  ['2026-06-01T17:30:18+02:00 x', '2026-06-01T15:30:18', 'app', 'x'],
  ['2026-06-01T10:00:18-0530 x', '2026-06-01T15:30:18', 'app', 'x'],
  ['2026-06-01 15:30:18,250 INFO x', '2026-06-01T15:30:18.25', 'app', 'INFO x'],
  ['2024-02-29T00:00:00Z leap day', '2024-02-29T00:00:00', 'app', 'leap day'],
] as const) {
  test(`a stamp is read: ${text}`, () => {
    const row = one(text);
    assert.deepEqual([row.time, row.kind, row.source, row.message], [time, 'line', source, message]);
    assert.equal(row.prefix + row.message, text);
  });
}

for (const text of [
  '2026-02-29T00:00:00Z no such day',
  '2026-13-01T00:00:00Z no such month',
  '2026-06-01T24:00:00Z no such hour',
  '1970-01-01T00:00:03Z a guest without a clock',
  '2026-06-01 without a time',
  '12345',
]) {
  test(`what is no time is not believed, and its text is kept: ${text}`, () => {
    const row = one(text);
    assert.deepEqual([row.time, row.kind], ['2026-11-23T20:00:00', 'observed']);
    assert.equal(row.prefix + row.message, text);
  });
}

test('kernel seconds count from the console’s start', () => {
  const started = READ_AT - 600;
  const row = one('[    1.500000] EXT4-fs (vda): mounted\r\n', 'console', started);
  assert.deepEqual(row, {
    time: '2026-11-23T19:50:01.5',
    kind: 'kernel_clock',
    source: 'kernel',
    prefix: '[    1.500000] ',
    message: 'EXT4-fs (vda): mounted',
    ending: '\r\n',
  });
});

test('the caller field of printk belongs to the prefix', () => {
  assert.equal(one('[    1.500000][  T123] oops').prefix, '[    1.500000][  T123] ');
  assert.equal(one('[    1.500000][    C0] oops').message, 'oops');
});

test('a second boot in one file counts from the line before it', () => {
  const rows = read(
    '[    0.000000] Linux\n[   30.000000] reboot: Restarting\n[    0.000000] Linux\n[    2.000000] again\n',
    'console',
    READ_AT - 100,
  );
  assert.deepEqual(
    rows.map((row) => row.time.slice(11)),
    ['19:58:20', '19:58:50', '19:58:50', '19:58:52'],
  );
});

test('a time of day gets the day that is nearest to the line before', () => {
  const rows = read(
    '2026-06-01T23:59:58Z [agent] x\n[23:59:59] [autostart] before midnight\n[00:00:01] [autostart] after\n',
  );
  assert.deepEqual(
    rows.slice(1).map((row) => [row.time, row.kind, row.source, row.message]),
    [
      ['2026-06-01T23:59:59', 'time_of_day', 'autostart', 'before midnight'],
      ['2026-06-02T00:00:01', 'time_of_day', 'autostart', 'after'],
    ],
  );
});

test('a line without a stamp inherits the time of the line before', () => {
  const rows = read('2026-06-01T15:30:18Z [agent] x\nTraceback (most recent call last):\n');
  assert.deepEqual(
    [rows[1]!.time, rows[1]!.kind, rows[1]!.source],
    ['2026-06-01T15:30:18', 'inherited', 'app'],
  );
});

for (const [text, source, message] of [
  ['pandastack-init: applied identity via=vsock', 'init', 'applied identity via=vsock'],
  ['[  OK  ] Started sshd.', 'systemd', '[  OK  ] Started sshd.'],
  [
    '[\x1b[0;1;31mFAILED\x1b[0m] Failed to start x.',
    'systemd',
    '[\x1b[0;1;31mFAILED\x1b[0m] Failed to start x.',
  ],
  ['pandastack-: nobody', 'app', 'pandastack-: nobody'],
  ['[not a tag] text', 'app', '[not a tag] text'],
] as const) {
  test(`a line of ${source} without a stamp: ${text}`, () => {
    const row = one(text);
    assert.deepEqual([row.source, row.message], [source, message]);
  });
}

test('a lifecycle event has the time that it says', () => {
  const row = one('{"time":"2026-06-01T15:30:18.5Z","sandbox_id":"a","type":"sandbox.woken"}\n', 'events');
  assert.deepEqual(
    [row.time, row.kind, row.source, row.prefix],
    ['2026-06-01T15:30:18.5', 'line', 'runtime', ''],
  );
});

test('a line of the VMM’s log has its stamp as prefix', () => {
  const row = one('2026-06-01T15:30:18.123456789 [sb:main] Running Firecracker', 'firecracker');
  assert.deepEqual(
    [row.time, row.source, row.message],
    ['2026-06-01T15:30:18.123456789', 'firecracker', '[sb:main] Running Firecracker'],
  );
});

test('tags that a guest invents without end do not fill the memory', () => {
  const text = Array.from({ length: 10_000 }, (_, n) => `2026-06-01T15:30:18Z [tag-${n}] x\n`).join('');
  const sources = new Set(read(text).map((row) => row.source));
  assert.ok(sources.size <= 4_096, `${sources.size} sources`);
  assert.ok(sources.has('app'), 'the rest is told apart no more, and kept');
});

const noisy = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom(
          '[    0.1',
          '[12:',
          '2026-06-01T',
          '15:30:18',
          'Z',
          '+02:',
          ' [',
          ']',
          'pandastack-',
          ': ',
          '\r',
          '\n',
          '\r\n',
          '\0',
          '\x1b[',
          '{"time"',
          ':"',
        )
        .map((text) => Buffer.from(text)),
    ),
    { maxLength: 30 },
  )
  .map((parts) => Buffer.concat(parts));

test('whatever the bytes: nothing throws, and the rows give back the bytes', () => {
  fc.assert(
    fc.property(noisy, fc.constantFrom('console', 'events', 'firecracker'), (bytes, log) => {
      const rows = read(bytes, log);
      const back = rows.map((row) => row.prefix + row.message + row.ending).join('');
      assert.equal(back, bytes.toString('latin1'));
    }),
    { numRuns: 2_000 },
  );
});

test('a line over the limit becomes rows that are pieces of it', () => {
  const rows = read(`${'x'.repeat(limits.line_bytes_max * 2 + 5)}\nnext\n`);
  assert.deepEqual(
    rows.map((row) => [row.message.length, row.ending]),
    [
      [limits.line_bytes_max, ''],
      [limits.line_bytes_max, ''],
      [5, '\n'],
      [4, '\n'],
    ],
  );
});
