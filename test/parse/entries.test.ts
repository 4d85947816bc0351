import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { entriesOf, Reader, readLines, restored } from '../support/parsed.ts';

/** Lines, and a letter for each: those of one entry have the same. */
const reports: Record<string, [lines: string[], entries: string]> = {
  'Python: a traceback, then a line of the program': [
    [
      'before',
      'Traceback (most recent call last):',
      '  File "/srv/a.py", line 4, in <module>',
      '    run()',
      "KeyError: 'x'",
      'after',
    ],
    'abbbbc',
  ],
  'Python: chained exceptions are one report, two tracebacks in a row are two': [
    [
      'Traceback (most recent call last):',
      '  File "a.py", line 4, in f',
      'ValueError: bad',
      '',
      'During handling of the above exception, another exception occurred:',
      '',
      'Traceback (most recent call last):',
      '  File "a.py", line 6, in f',
      'KeyError: 1',
      'Traceback (most recent call last):',
      '  File "a.py", line 6, in f',
      'KeyError: 1',
    ],
    'aaaaaaaaabbb',
  ],
  'Python: a syntax error has no first line of its own': [
    ['  File "<string>", line 2', '    def f(:', '          ^', 'SyntaxError: invalid syntax', 'x'],
    'aaaab',
  ],
  'Python: groups of exceptions': [
    [
      '  + Exception Group Traceback (most recent call last):',
      '  |   File "a.py", line 1',
      '  | ExceptionGroup: two',
      '  +-+---- 1 ----',
      '    | ValueError: 1',
      '    +----',
      'x',
    ],
    'aaaaaab',
  ],
  'a traceback belongs to the record that logs it': [
    [
      '2026-06-01 15:30:18,042 ERROR root: job failed',
      'Traceback (most recent call last):',
      '  File "a.py", line 4',
      'ValueError: x',
      '2026-06-01 15:30:19,000 INFO next',
    ],
    'aaaab',
  ],
  'a traceback does not belong to a line that only came before': [
    ['job started', 'Traceback (most recent call last):', '  File "a.py", line 4', 'ValueError: x'],
    'abbb',
  ],
  'Java: causes and what was left out': [
    [
      'Exception in thread "main" java.lang.RuntimeException: wrap',
      '\tat C.main(C.java:1)',
      '\tSuppressed: java.io.IOException: sup',
      '\t\t... 1 more',
      'Caused by: java.lang.IllegalStateException: deep',
      '\tat C.f(C.java:1)',
      '\t... 1 more',
      'done',
    ],
    'aaaaaaab',
  ],
  'Java: the same exception twice is two reports': [
    ['java.lang.Exception: x', '\tat C.f(C.java:1)', 'java.lang.Exception: x', '\tat C.f(C.java:1)'],
    'aabb',
  ],
  'Java: a record and the exception below it': [
    [
      '2026-06-01 15:30:18.042 ERROR [main] c.e.Main - failed',
      'java.lang.Exception: logged',
      '\tat C.main(C.java:1)',
      '2026-06-01 15:30:18.050 INFO [main] c.e.Main - next',
    ],
    'aaab',
  ],
  'Node.js: properties and causes of a printed error': [
    [
      'Error: outer',
      '    at f (/srv/b.js:5:15)',
      '    ... 4 lines matching cause stack trace ...',
      '    at node:internal/main:28:49 {',
      '  [cause]: TypeError: inner',
      '      at f (/srv/b.js:5:40)',
      '}',
      'plain',
    ],
    'aaaaaaab',
  ],
  'Node.js: an uncaught exception, from its place to the version': [
    [
      'before',
      '/srv/b.js:9',
      "  throw new Error('x')",
      '  ^',
      '',
      'Error: x',
      '    at f (/srv/b.js:9:9) {',
      "  code: 'E'",
      '}',
      '',
      'Node.js v26.10.0',
      'after',
    ],
    'abbbbbbbbbbc',
  ],
  'Node.js: coloured frames': [
    [
      '\x1b[31mTypeError: x\x1b[39m',
      '    at f (/srv/b.js:9:9)',
      '\x1b[90m    at node:internal/main:28:49\x1b[39m',
      'x',
    ],
    'aaab',
  ],
  'Node.js: a module that is not there': [
    [
      'node:internal/modules/cjs/loader:1210',
      '  throw err;',
      '  ^',
      '',
      "Error: Cannot find module './x'",
      'Require stack:',
      '- /srv/app.js',
      '    at Module._load (node:internal/modules/cjs/loader:1038:27) {',
      "  code: 'MODULE_NOT_FOUND'",
      '}',
      '',
      'Node.js v26.10.0',
    ],
    'aaaaaaaaaaaa',
  ],
  'Go: a panic with its goroutines': [
    [
      'x',
      'panic: runtime error: invalid memory address or nil pointer dereference',
      '[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x4d6d3d]',
      '',
      'goroutine 1 [running]:',
      'main.greet(...)',
      '\t/src/main.go:12',
      'main.main()',
      '\t/src/main.go:23 +0x3dd',
      '',
      'goroutine 7 [select]:',
      'main.(*Server).run(0xc000012345, {0x1, 0x2})',
      '\t/src/main.go:40 +0x1d',
      'created by main.main in goroutine 1',
      '\t/src/main.go:20 +0x58',
      'exit status 2',
      'restarting',
    ],
    'abbbbbbbbbbbbbbbc',
  ],
  'Go: a record with a stack': [
    [
      '2026/06/01 15:30:18 ERROR recovered: x',
      'goroutine 1 [running]:',
      'main.f(...)',
      '\t/src/main.go:3',
      'done',
    ],
    'aaaab',
  ],
  'Go: a line that only speaks of a goroutine': [['ERROR pool', 'goroutine pool size: 10'], 'ab'],
  'Rust: a panic and its backtrace': [
    [
      "thread 'main' (7301) panicked at src/main.rs:1:29:",
      'index out of bounds: the len is 1 but the index is 5',
      'stack backtrace:',
      '   0: rust_begin_unwind',
      '             at ./x.rs:1:1',
      'note: run with `RUST_BACKTRACE=full`',
      'x',
    ],
    'aaaaaab',
  ],
  'Rust: a report of anyhow': [
    ['Error: outer', '', 'Caused by:', '    0: inner', '    1: innermost', 'x'],
    'aaaaab',
  ],
  'Ruby: an exception of one and of more lines': [
    [
      "app.rb:6:in `/': divided by 0 (ZeroDivisionError)",
      "\tfrom app.rb:6:in `bar'",
      "app.rb:7:in `go': first",
      'second (MyError)',
      "\tfrom app.rb:9:in `<main>'",
      'x',
    ],
    'aabbbc',
  ],
  'PHP: an exception with the one before it': [
    [
      'PHP Fatal error:  Uncaught Exception: a in /srv/x.php:3',
      'Stack trace:',
      '#0 {main}',
      '',
      'Next Exception: b in /srv/x.php:5',
      'Stack trace:',
      '#0 /srv/x.php(9): f()',
      '#1 {main}',
      '  thrown in /srv/x.php on line 5',
      'x',
    ],
    'aaaaaaaaab',
  ],
  '.NET: inner exceptions': [
    [
      'Unhandled exception. System.InvalidOperationException: outer',
      ' ---> System.ArgumentException: inner',
      '   at P.F() in /src/P.cs:line 3',
      '   --- End of inner exception stack trace ---',
      '   at P.Main() in /src/P.cs:line 9',
      'x',
    ],
    'aaaaab',
  ],
  'Dart: frames without indent': [
    [
      'Unhandled exception:',
      "Instance of 'E'",
      '#0      main (file:///a.dart:3:5)',
      '<asynchronous suspension>',
      '#1      _start (dart:isolate:1)',
      'x',
    ],
    'aaaaab',
  ],
  'a sanitizer’s report, from the rule above it': [
    [
      'x',
      '=================================================================',
      '==7==ERROR: AddressSanitizer: heap-use-after-free',
      'READ of size 4 at 0x6 thread T0',
      '    #0 0x5 in main s.cpp:3',
      '',
      'freed by thread T0 here:',
      '    #0 0x7 in free',
      'SUMMARY: AddressSanitizer: heap-use-after-free',
      '==7==ABORTING',
      'y',
    ],
    'abbbbbbbbbc',
  ],
  'JSON in several lines': [
    ['{', '  "a": 1,', '  "b": [', '    2', '  ]', '}', 'x', '{"a":1}', '{"b":2}'],
    'aaaaaabcd',
  ],
  'lines that a list or a table indents stay alone': [
    ['Usage:', '  serve   runs it', '  build   makes it'],
    'abc',
  ],
  'systemd’s jobs are indented and no part of anything': [
    ['         Starting a.service', '         Starting b.service', '[  OK  ] Started a.service'],
    'abc',
  ],
  'a kernel oops with the panic that follows': [
    [
      '[    1.0]',
      '[    1.000000] BUG: kernel NULL pointer dereference, address: 0',
      '[    1.000100] Oops: 0000 [#1] SMP',
      '[    1.000200] CPU: 0 PID: 1 Comm: init',
      '[    1.000300] Call Trace:',
      '[    1.000400]  <TASK>',
      '[    1.000500]  f+0x1/0x2',
      '[    1.000600] ---[ end trace 0000000000000000 ]---',
      '[    1.000700] RIP: 0010:f+0x1/0x2',
      '[    1.000800] Kernel panic - not syncing: Fatal exception',
      '[    1.000900] Rebooting in 1 seconds..',
    ],
    'abbbbbbbbbb',
  ],
  'kernel lines are of no report when they only follow one': [
    [
      '[    1.000000] WARNING: CPU: 0 PID: 1 at x.c:1 f+0x1/0x2',
      '[    1.000100] Call Trace:',
      '[    1.000200]  f+0x1/0x2',
      '[    1.000300] ---[ end trace 0 ]---',
      '[    1.000400] EXT4-fs (vda): mounted',
      '[    1.000500] NMI watchdog: Perf NMI watchdog permanently disabled',
      '[    1.000600] smp: Bringing up secondary CPUs',
    ],
    'aaaabcd',
  ],
  'an OOM report, from who asked to who was killed': [
    [
      '[    9.000000] appd invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE), order=0',
      '[    9.000100] CPU: 0 PID: 105 Comm: appd',
      '[    9.000200] Mem-Info:',
      '[    9.000300] active_anon:1 inactive_anon:2',
      '[    9.000400] [  pid  ]   uid  tgid total_vm',
      '[    9.000500] Out of memory: Killed process 105 (appd) total-vm:64488kB',
      '[    9.000600] oom_reaper: reaped process 105 (appd)',
      '[    9.000700] eth0: link up',
    ],
    'aaaaaaab',
  ],
  'two processors that report at the same time do not mix': [
    [
      '[    1.000000][    T6] BUG: kernel NULL pointer dereference, address: 0',
      '[    1.000100][    T1] cpuidle: using governor ladder',
      '[    1.000200][    T6] #PF: supervisor read access in kernel mode',
      '[    1.000300][    T6] Call Trace:',
      '[    1.000400][    T1] NET: Registered',
      '[    1.000500][    T6]  f+0x1/0x2',
    ],
    'abaaca',
  ],
  'a kernel without stamps': [
    [
      'doxygen invoked oom-killer: gfp_mask=0x140dca(GFP_HIGHUSER_MOVABLE|__GFP_COMP), order=0',
      'CPU: 3 PID: 473206 Comm: doxygen',
      'Call Trace:',
      ' <TASK>',
      ' f+0x48/0x60',
      'Mem-Info:',
      'Out of memory: Killed process 473206 (doxygen) total-vm:1kB',
      'x',
    ],
    'aaaaaaab',
  ],
};

describe('lines that belong together', () => {
  for (const [name, [lines, entries]] of Object.entries(reports)) {
    test(name, () => assert.equal(entriesOf(lines), entries));
  }
  for (const [name, [lines, entries]] of Object.entries(reports)) {
    // What has a stamp of its own has no other one; the kernel has no tag.
    if (lines.some((line) => line.startsWith('[ ') || line.startsWith('202') || line.includes('oom-killer')))
      continue;
    test(`each line with stamp and tag: ${name}`, () => {
      assert.equal(entriesOf(lines.map((line) => `2026-06-01T15:30:18Z [app] ${line}`)), entries);
    });
  }
});

test('two programs and the kernel that speak at the same time do not mix', () => {
  const stamped = (tag: string, text: string): string => `2026-06-01T15:30:18Z [${tag}] ${text}`;
  const lines = [
    stamped('web', 'Traceback (most recent call last):'),
    stamped('job', 'panic: x'),
    stamped('web', '  File "a.py", line 1'),
    '[    5.000000] eth0: link up',
    stamped('job', ''),
    stamped('job', 'goroutine 1 [running]:'),
    stamped('web', 'ValueError: x'),
    stamped('job', '\t/src/main.go:3'),
    stamped('web', 'next'),
  ];
  assert.equal(entriesOf(lines), 'abacbbabd');
});

test('kernel text in the middle of a program’s line is the kernel’s, and its report begins there', () => {
  const rows = readLines([
    '2026-06-01T15:30:18Z [app] computing album 42 .....[   12.480127] Kernel panic - not syncing: sysrq',
    '[   12.480476] CPU: 0 PID: 1 Comm: init',
    '[   12.480500] Call Trace:',
    '[   12.480600]  panic+0x1/0x2',
    'rest of the program’s line',
  ]);
  assert.deepEqual(
    rows.map(({ source, severity, entry_position }) => [source, severity, entry_position]),
    [
      ['kernel', 'FATAL', 0],
      ['kernel', '', 0],
      ['kernel', '', 0],
      ['kernel', '', 0],
      ['app', '', rows[4]!.position],
    ],
  );
});

test('a line of more than a row’s bytes is one entry, of one source and level, however many rows it takes', () => {
  const reader = new Reader();
  const long = `2026-06-01T15:30:18Z [app] ERROR ${'x'.repeat(2 * limits.parse.line_bytes_max)}\n`;
  const rows = reader.read(`${long}2026-06-01T15:30:19Z [app] next\n`);
  assert.deepEqual(
    rows.map(({ entry_position, source, severity }) => [entry_position, source, severity]),
    [
      [0, 'app', 'ERROR'],
      [0, 'app', 'ERROR'],
      [0, 'app', 'ERROR'],
      [rows[3]!.position, 'app', ''],
    ],
  );
});

test('lines that their writer cut at 16 KiB are one entry', () => {
  const piece = (length: number): string => `2026-06-01T15:30:18Z [app] ${'x'.repeat(length)}`;
  assert.equal(entriesOf([piece(16_384), piece(16_384), piece(100), piece(100)]), 'aaab');
});

test('partial lines of a container runtime are one entry, for each of the two streams', () => {
  const stamp = '2026-06-01T15:30:18.123456789Z';
  const lines = [
    `${stamp} stdout P one `,
    `${stamp} stderr P err `,
    `${stamp} stdout F two`,
    `${stamp} stderr F or`,
    `${stamp} stdout F three`,
  ];
  assert.equal(entriesOf(lines), 'ababc');
  assert.deepEqual(
    readLines(lines).map(({ source }) => source),
    ['stdout', 'stderr', 'stdout', 'stderr', 'stdout'],
  );
});

test('an entry goes on across a restart of the agent at any line, and in the middle of one', () => {
  for (const [lines] of Object.values(reports)) {
    const text = `${lines.join('\r\n')}\r\n${'y'.repeat(limits.parse.line_bytes_max + 10)}\nz\n`;
    const whole = new Reader().read(text);
    let reader = new Reader();
    const rows = whole.flatMap(({ prefix, message }, index) => {
      const next = whole[index + 1]?.position ?? text.length;
      const bytes = Buffer.from(text).subarray(whole[index]!.position, next);
      assert.ok(bytes.toString().startsWith(prefix + message));
      const read = reader.read(bytes);
      const again = new Reader({ state: restored(reader.parser) });
      again.position = reader.position;
      reader = again;
      return read;
    });
    assert.deepEqual(rows, whole);
  }
});

test('what is missing in between ends an entry', () => {
  const reader = new Reader();
  reader.read('Traceback (most recent call last):\n');
  reader.position += 100; // a gap
  const [row] = reader.read('  at f (x.js:1:1)\n');
  assert.equal(row!.entry_position, row!.position);
});

test('an entry that does not end goes on as a new one, and what is kept of a stream stays small', () => {
  const reader = new Reader();
  const rows = reader.read(
    `Traceback (most recent call last):\n${'  x\n'.repeat(limits.parse.entry_lines_max + 10)}`,
  );
  assert.equal(rows[limits.parse.entry_lines_max - 1]!.entry_position, 0);
  assert.equal(
    rows[limits.parse.entry_lines_max]!.entry_position,
    rows[limits.parse.entry_lines_max]!.position,
  );
  for (let source = 0; source < 1_000; source++)
    reader.read(`2026-06-01T15:30:18Z [program${source}] Error: x\n`);
  assert.ok(JSON.stringify(reader.parser.state()).length < 1_000);
});
