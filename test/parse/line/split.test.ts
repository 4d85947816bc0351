import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../../src/base/limits.ts';
import { endings, newLine } from '../../../src/parse/line/line.ts';
import { lineEnd } from '../../../src/parse/line/split.ts';
import { LineParser } from '../../../src/parse/line_parser.ts';
import { restored } from '../../support/parsed.ts';
import { fc } from '../../support/property.ts';

/** All that parsing says of each row, and its bytes; `restarts`: each read is by another agent, with the state from the spool. */
function rowsOf(log: string, reads: Buffer[], restarts = false): string[] {
  let parser = new LineParser(log, 1_780_000_000, 0);
  const line = newLine();
  const rows: string[] = [];
  let kept: Buffer = Buffer.alloc(0);
  let position = 0;
  const take = (bytes: Buffer, final: boolean): void => {
    let at = 0;
    for (let end = lineEnd(bytes, 0, final); end >= 0; at = end, end = lineEnd(bytes, at, final)) {
      parser.parse(bytes, at, end, position, 1_780_001_000, 5, line);
      position += end - at;
      const { start, message_start, message_end, text_start, ...rest } = line;
      const told = {
        ...rest,
        start: 0,
        end: end - at,
        message_start: message_start - start,
        message_end: message_end - start,
        text_start: text_start - start,
      };
      rows.push(`${JSON.stringify(told)} ${bytes.toString('latin1', at, end)}`);
    }
    kept = Buffer.from(bytes.subarray(at));
    if (restarts) parser = new LineParser(log, 1_780_000_000, 0, { state: restored(parser) });
  };
  for (const read of reads) take(Buffer.concat([kept, read]), false);
  take(kept, true);
  return rows;
}

function cut(bytes: Buffer, places: number[]): Buffer[] {
  const sorted = places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => bytes.subarray(from, sorted[index] ?? bytes.length));
}

/** Beginnings of lines that the parser knows, also cut off, so that it looks for their rest. */
const starts = [
  '[    0.123456] ',
  '[    0.1',
  '[',
  '[  ',
  '[  OK',
  '[\x1b[0;32m  OK',
  '[  O',
  '[12:04:31] [tag] ',
  '[12:04:31] [ta',
  '[12:04:31]',
  '2026-06-01T15:30:18Z [agent] ',
  '2026-06-01T15:30:18.',
  '2026-06-01T15:30:18+',
  '2026-06-01T15:30:18+0',
  '2026-06-01T15:30:18 [',
  'pandastack-',
  'pandastack-init:',
  'pandastack-init: x',
  '{"time":"2026-06-01T15:30:18Z"}',
  '{"time"',
  '{"time":',
  '{',
  '[ T12] ',
  '[    0.123456][ T1',
  '[    0.123456][',
  'Jun  1 15:30:18 host sshd[812]: ',
  'Jun  1 15:30:18 host kernel: [    1.123456] ',
  'E0601 15:30:18.123456 12 x.go:1] ',
  '06-01 15:30:18.123 1 2 E ',
  '[3574] 13 Apr 12:52:30.731 # ',
  '10.0.0.1 - - [01/Jun/2026:15:30:18 +0000] "GET / HTTP/1.1" 503 ',
  '[Mon Jun 01 15:30:18.123456 2026] [core:error] ',
  '06/01/2026 03:30:18 PM UTC',
  '1780000000.123456 ',
  '20260601T153018Z ',
  '2026-06-01 15:30:18 CET ',
  'Jul 09, 2026 3:23:29 PM',
  '<30>1 2026-06-01T15:30:18Z ',
  '\x1b[31m',
  '\x1b[3',
  '{"level":"warn","ts":1780000000.5,"logger":"a.b","x":{"y":["',
  '{"level":50,"time":1780000000123,"na',
  'level=err',
  '[WARN',
  'Traceback (most recent call last):',
  '  File "x.py", line 1, in f',
  'KeyError',
  'java.io.IOException: x',
  '\tat a.b(C.java:1)',
  'Caused by: ',
  'panic: x',
  'goroutine 1 [running]:',
  "thread 'main' panicked at src/main.rs:1:1:",
  'Kernel panic - not syncing: x',
  '[    1.000000] BUG: x',
  '[    1.000000] Call Trace:',
  '[    1.000000] ---[ end trace ]---',
  'x invoked oom-killer: gfp_mask=0',
  '{',
  '}',
  '==1==ERROR: AddressSanitizer: x',
  '"main" #1 prio=5 ',
  'x.rb:1:in ',
  '/srv/app.js:12',
  '2026-06-01T15:30:18Z stdout P ',
  '[    0.000000] Linux version 6.1.0 x',
  '[    1.000000] BUG: KASAN: use-after-free in f+0x1/0x2',
  '[    1.000000] Read of size 8 at addr ',
  '[    1.000000]  g+0x1/0x2',
  '[    1.000000] RIP: 0010:h+0x1/0x2',
  '[    1.000000] watchdog: BUG: soft lockup - CPU#0 stuck',
  '[    1.000000] EXT4-fs (vda): error',
  '[    1.000000] a[1]: segfault at 1 ip 2',
  '[    1.000000] Out of memory: Killed process 1 (a) ',
  '[FAILED] Failed to start x.',
  'x login: ',
  'sandbox.running ',
  '{"type":"vm.died"}',
  '{"type":"',
];
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(...starts).map((text) => Buffer.from(text)),
  fc
    .constantFrom('\n', '\r\n', '\r\r\n', '\r', '\0', ' ', 'OK ', 'FAI', 'text')
    .map((text) => Buffer.from(text)),
  fc.nat(3).map((count) => Buffer.alloc(limits.parse.line_bytes_max - 2 + count, ' ')),
);
const content = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.concat(pieces));
const log = fc.constantFrom('console', 'events', 'firecracker');

test('any bytes in any split into reads, by one agent or by one after the other, give the same rows', () => {
  fc.assert(
    fc.property(log, content, fc.array(fc.nat(), { maxLength: 12 }), (name, bytes, places) => {
      const whole = rowsOf(name, [bytes]);
      assert.deepEqual(rowsOf(name, cut(bytes, places)), whole);
      assert.deepEqual(rowsOf(name, cut(bytes, places), true), whole);
    }),
    { numRuns: 1_500 },
  );
});

test('prefix, message and ending give back the bytes; no row is empty or over its limit; nothing throws', () => {
  fc.assert(
    fc.property(log, content, (name, bytes) => {
      const parser = new LineParser(name, 0, 0);
      const line = newLine();
      const back: Buffer[] = [];
      for (let at = 0, end = lineEnd(bytes, 0, true); end >= 0; at = end, end = lineEnd(bytes, at, true)) {
        assert.ok(end > at && end - at <= limits.parse.line_bytes_max);
        parser.parse(bytes, at, end, at, 1_780_001_000, 999_999_999, line);
        assert.ok(
          line.start === at && line.start <= line.message_start && line.message_start <= line.message_end,
        );
        assert.ok(
          line.nanos >= 0 && line.nanos < 1e9 && Number.isSafeInteger(line.seconds) && line.seconds >= 0,
        );
        back.push(bytes.subarray(at, line.message_end), Buffer.from(endings[line.ending]!));
      }
      assert.ok(Buffer.concat(back).equals(bytes));
    }),
    { numRuns: 1_500 },
  );
});

test('what lies behind a line in the buffer is never part of it', () => {
  // A read's buffer holds the bytes of other files behind those of this one.
  fc.assert(
    fc.property(
      log,
      fc.constantFrom(...starts),
      fc.constantFrom('OK  ]', '58', 'Z x', ' [t] y', '"2026-06-01T15:30:18Z"', ': x', ']'),
      (name, text, behind) => {
        const parse = (bytes: Buffer): string => {
          const line = newLine();
          new LineParser(name, 0, 0).parse(bytes, 0, text.length, 0, 1_780_001_000, 5, line);
          return JSON.stringify(line);
        };
        assert.equal(parse(Buffer.from(text + behind)), parse(Buffer.from(text)));
      },
    ),
    { numRuns: 1_000 },
  );
});

test('whatever a line is, the bytes behind it in the buffer change nothing', () => {
  const text = fc.array(fc.constantFrom(...starts, 'text', ' ', '12', ':30', '.5', ')', '1f'), {
    maxLength: 4,
  });
  fc.assert(
    fc.property(
      log,
      fc.constantFrom(...starts, 'Error:', '====================', 'PHP Fatal error:  x', 'Stack trace:', ''),
      text,
      fc.constantFrom('', '\n'),
      fc.constantFrom(...starts, '0123456789', 'Error: x', '58 +0000', ' ', '0: '),
      (name, open, parts, ending, behind) => {
        const parse = (bytes: Buffer, length: number): string => {
          const line = newLine();
          const parser = new LineParser(name, 0, 0);
          const before = Buffer.from(`${open}\n`);
          parser.parse(before, 0, before.length, 0, 1_780_001_000, 5, line);
          parser.parse(bytes, 0, length, before.length, 1_780_001_000, 5, line);
          return JSON.stringify([line, parser.state()]);
        };
        const bytes = Buffer.from(parts.join('').replaceAll('\n', ' ') + ending);
        assert.equal(
          parse(Buffer.concat([bytes, Buffer.from(behind)]), bytes.length),
          parse(bytes, bytes.length),
        );
      },
    ),
    { numRuns: 15_000 },
  );
});

test('a piece of a line is bounded, and the newline belongs to the last piece', () => {
  const max = limits.parse.line_bytes_max;
  const bytes = Buffer.concat([
    Buffer.alloc(max, 'a'),
    Buffer.from('\n'),
    Buffer.alloc(max - 1, 'b'),
    Buffer.from('\nc'),
  ]);
  assert.equal(lineEnd(bytes, 0, false), max);
  assert.equal(lineEnd(bytes, max, false), max + 1);
  assert.equal(lineEnd(bytes, max + 1, false), 2 * max + 1);
  assert.equal(lineEnd(bytes, 2 * max + 1, false), -1);
  assert.equal(lineEnd(bytes, 2 * max + 1, true), 2 * max + 2);
  assert.equal(lineEnd(bytes, 2 * max + 2, true), -1);
});
