import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Reader, readLines } from '../../support/parsed.ts';

describe('the level of a line', () => {
  const table: [line: string, severity: string][] = [
    ['2026-06-01 15:30:18,042 INFO root: ready', 'INFO'],
    ['2026-06-01 15:30:18.042  WARN 125873 --- [app] [main] o.s.b.Main : slow', 'WARN'],
    ['2026-06-01T15:30:18.042Z | ERROR | state-manager1 | failed', 'ERROR'],
    ['[2026-06-01T15:30:18,262][INFO ][o.o.j.Plugin ] loaded', 'INFO'],
    ['[2026-06-01T15:30:18Z DEBUG main] this', 'DEBUG'],
    ['[06:23:18 INF] message', 'INFO'],
    ['[\x1b[33mWARN\x1b[0m] slow', 'WARN'],
    ['\x1b[32mINFO\x1b[0m: started', 'INFO'],
    ['I, [2026-06-01 15:30:18 #123] INFO -- Main: ready', 'INFO'],
    ['E [01/Jun/2026:15:30:18 -0400] cannot open', 'ERROR'],
    ['ERROR upstream answered 500', 'ERROR'],
    ['WARN pool: idle', 'WARN'],
    ['warning: unused variable', 'WARN'],
    ['npm ERR! code ELIFECYCLE', 'ERROR'],
    ['time="2026-06-01T15:30:18Z" level=warning msg="x"', 'WARN'],
    ['gcc: error: no input files', 'ERROR'],
    ['time=2026-06-01T15:30:18Z level=fatal msg="x"', 'FATAL'],
    ['ts=1 lvl=dbug LEVEL=WARN', 'WARN'],
    ['2026-06-01 15:30:18 UTC [20]: [1-1] user=,db= LOG:  ready', 'INFO'],
    ['2026-06-01 15:30:18.1 UTC [20] app@db FATAL:  no such role', 'FATAL'],
    ['2026-06-01T15:30:18.0Z 0 [Note] DDL log recovery : begin', 'INFO'],
    ['Jun  1 15:30:18 host daemon.err app: failed', 'ERROR'],
    ['<11>Jun  1 15:30:18 host app: failed', 'ERROR'],
    ['<7>[    1.500000] x', 'DEBUG'],
    ['{"level":20,"msg":"x"}', 'DEBUG'],
    ['{"msg":"level: error","lvl":"warn"}', 'WARN'],
    ['{"a":{"level":"error"},"b":[{"level":"fatal"}],"msg":"x"}', ''],
    ['2026-06-01T15:30:18Z [app] {"level":"error","msg":"x"}', 'ERROR'],
    ['[FAILED] Failed to start x.service.', 'ERROR'],
    ['[  OK  ] Started x.service.', ''],
    ['TypeError: x is not a function', 'ERROR'],
    ['Traceback (most recent call last):', 'ERROR'],
    ['panic: runtime error', 'FATAL'],
    ["thread 'main' panicked at src/main.rs:1:1:", 'ERROR'],
    ['[    5.000000] Kernel panic - not syncing: x', 'FATAL'],
    ['[    5.000000] WARNING: CPU: 0 PID: 1 at x.c:1', 'WARN'],
    ['10.0.0.1 - - [01/Jun/2026:15:30:18 +0000] "GET / HTTP/1.1" 200 1', 'INFO'],
    ['10.0.0.1 - - [01/Jun/2026:15:30:18 +0000] "GET / HTTP/1.1" 502 1 "-"', 'ERROR'],
    // Texts that speak of levels have none.
    ['no errors found', ''],
    ['The last error was seen yesterday', ''],
    ['errors: 0', ''],
    ['status=error code=7', ''],
    ['information about warnings', ''],
    ['Call Trace: see below', ''],
    ['note that this is a text', ''],
    ['[no] such option', ''],
    ['GET /error 200', ''],
    ['ready in 300 ms', ''],
    ['', ''],
  ];
  for (const [line, severity] of table) {
    test(JSON.stringify(line), () => assert.equal(readLines([line])[0]!.severity, severity));
  }
});

test('firecracker.log says its level between colons', () => {
  const [row] = readLines(['2026-06-01T15:30:18.123456789 [sb:main:WARN:src/main.rs] x'], {
    log: 'firecracker',
  });
  assert.deepEqual([row!.severity, row!.source], ['WARN', 'firecracker']);
});

test('a number as level is pino’s only from 10 on', () => {
  const reader = new Reader();
  const levels = [0, 3, 9, 10, 25, 69, 70, 1000].map(
    (level) => reader.read(`{"level":${level}}\n`)[0]!.severity,
  );
  assert.deepEqual(levels, ['', '', '', 'TRACE', 'DEBUG', 'FATAL', '', '']);
});
