import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { limits } from '../../../src/base/limits.ts';
import { readLines } from '../../support/parsed.ts';

describe('the source of a line', () => {
  const table: [line: string, source: string, prefix: string][] = [
    ['2026-06-01T15:30:18Z [agent] x', 'agent', '2026-06-01T15:30:18Z [agent] '],
    ['[15:31:02] [auto-start.v2] x', 'auto-start.v2', '[15:31:02] [auto-start.v2] '],
    ['2026-06-01T15:30:18Z [INFO] x', 'app', '2026-06-01T15:30:18Z '],
    ['2026-06-01T15:30:18Z [main] x', 'app', '2026-06-01T15:30:18Z '],
    ['2026-06-01T15:30:18Z [http-nio-8080-exec-1] x', 'app', '2026-06-01T15:30:18Z '],
    ['2026-06-01T15:30:18Z [12] x', 'app', '2026-06-01T15:30:18Z '],
    ['Jun  1 15:30:18 host sshd[812]: x', 'sshd', 'Jun  1 15:30:18 '],
    ['Jun  1 15:30:18 host kernel: [    1.500000] x', 'kernel', 'Jun  1 15:30:18 '],
    // Too old to be believed: it is text.
    ['2026-06-01T15:30:18.5+02:00 host systemd[1]: x', 'app', ''],
    ['dhclient[312]: x', 'dhclient', ''],
    ['sh: nosuchcmd: not found', 'app', ''],
    ['{"level":"info","service":"billing"}', 'billing', ''],
    ['{"level":"info","name":"a name with blanks"}', 'app', ''],
    ['[    1.500000][    C0] x', 'kernel', '[    1.500000][    C0] '],
    ['[\x1b[0;32m  OK  \x1b[0m] Started x.', 'systemd', ''],
    ['         Starting x.service - X...', 'systemd', ''],
    ['\x1b[3\x1b[0m2026-06-01T15:30:18Z [agent] x', 'agent', '\x1b[3\x1b[0m2026-06-01T15:30:18Z [agent] '],
    ['\x1b[32026-06-01T15:30:18Z [agent] x', 'agent', '\x1b[32026-06-01T15:30:18Z [agent] '],
    ['SeaBIOS (version 1.16)[    0.000000] Linux version 6.1', 'kernel', ''],
    ['worker 9 of [    3 ] x', 'app', ''],
  ];
  for (const [line, source, prefix] of table) {
    test(JSON.stringify(line), () => {
      const [row] = readLines([line]);
      assert.deepEqual([row!.source, row!.prefix], [source, prefix]);
      assert.equal(row!.prefix + row!.message, line);
    });
  }
});

test('a guest that invents sources without end fills its share, and says no more of those that come after', () => {
  const invented = Array.from(
    { length: limits.parse.stream_sources_max + 50 },
    (_, n) => `2026-06-01T15:30:18Z [own-${n}x] y`,
  );
  const sources = readLines([...invented, '2026-06-01T15:30:18Z [own-0x] y', '[    1.000000] y']).map(
    ({ source }) => source,
  );
  assert.equal(new Set(sources.slice(0, -2)).size, limits.parse.stream_sources_max + 1);
  assert.deepEqual(sources.slice(-3), ['app', 'own-0x', 'kernel']);
});

test('many guests that invent sources fill the agent’s share and no more', () => {
  const sources = new Set<string>();
  for (let guest = 0; guest < limits.parse.sources_max / 10; guest++) {
    const lines = Array.from({ length: 20 }, (_, n) => `2026-06-01T15:30:18Z [guest${guest}-${n}x] y`);
    for (const { source } of readLines(lines)) sources.add(source);
  }
  assert.ok(sources.size <= limits.parse.sources_max + 1, `${sources.size} sources`);
});
