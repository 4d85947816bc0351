import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';

/** Runs a script beside src/base/faults.ts in a process of its own. @returns the lines of its log */
function logOf(script: string): Record<string, unknown>[] {
  const source = `
    import { report, Trouble } from './src/base/faults.ts';
    import { AfterlogError } from './src/base/errors.ts';
    ${script}`;
  const { stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', source], {
    cwd: `${import.meta.dirname}/../..`,
    encoding: 'utf8',
    env: { ...process.env, AFTERLOG_LOG_LEVEL: 'info' },
  });
  assert.equal(status, 0, stderr);
  return stderr
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('a fault that lasts is said when it begins, when it becomes another one, and when it is over', () => {
  const lines = logOf(`
    const trouble = new Trouble('It goes on.', { topic: 't' });
    trouble.ends();
    for (const code of ['DISK_FULL', 'DISK_FULL', 'SPOOL_FULL', 'SPOOL_FULL']) {
      trouble.begins(new AfterlogError(code, 'Reading pauses: ' + code));
    }
    console.log(trouble.reason);
    trouble.ends();
    trouble.ends();
  `);
  assert.deepEqual(
    lines.map(({ level, code, over, topic }) => [level, code ?? over, topic]),
    [
      [40, 'DISK_FULL', 't'],
      [40, 'SPOOL_FULL', 't'],
      [30, 'SPOOL_FULL', 't'],
    ],
  );
  assert.match(String(lines[0]!.msg), /^Reading pauses: DISK_FULL\. Free some disk space/);
  assert.equal(lines[2]!.msg, 'It goes on.');
});

test('a fault that several parts meet is said once, and is over with the last of them', () => {
  const lines = logOf(`
    const parts = [1, 2, 3].map((part) => new Trouble('Part ' + part + ' goes on.', { part }));
    for (const part of parts) part.begins(new AfterlogError('CLICKHOUSE_UNREACHABLE', 'It is away.'));
    parts[1].begins(new AfterlogError('CLICKHOUSE_UNREACHABLE', 'It hangs up.'));
    const other = new Trouble('The other goes on.');
    other.begins(new AfterlogError('CLICKHOUSE_UNREACHABLE', 'Another is away.'));
    for (const part of [other, ...parts]) part.ends();
  `);
  assert.deepEqual(
    lines.map(({ code, over, msg }) => [code, over, String(msg).slice(0, 16)]),
    [
      ['CLICKHOUSE_UNREACHABLE', undefined, 'It is away. Chec'],
      ['CLICKHOUSE_UNREACHABLE', undefined, 'Another is away.'],
      [undefined, 'CLICKHOUSE_UNREACHABLE', 'Part 3 goes on.'],
    ],
  );
});

test('faults that come in thousands are counted, and do not hide others', () => {
  const lines = logOf(`
    for (let i = 0; i < 1000; i++) report(new AfterlogError('BATCH_REFUSED', 'Batch ' + i + ' was refused.'), { i });
    report(new AfterlogError('SPOOL_DAMAGED', 'An entry is damaged.'), {}, 'error');
  `);
  assert.equal(lines.length, limits.log.burst_lines + 1);
  assert.deepEqual([lines.at(-1)!.code, lines.at(-1)!.level, lines[3]!.i], ['SPOOL_DAMAGED', 50, 3]);
});

test('the number of lines that were left out is said', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { report } = await import('../../src/base/faults.ts');
  const { log } = await import('../../src/base/log.ts');
  const { AfterlogError } = await import('../../src/base/errors.ts');
  const said: [unknown, string][] = [];
  t.mock.method(log, 'warn', (fields: unknown, text: string) => said.push([fields, text]));
  const many = limits.log.burst_lines + 5;
  for (let i = 0; i < many; i++) report(new AfterlogError('FILE_UNREADABLE', `File ${i}.`));
  assert.equal(said.length, limits.log.burst_lines);
  t.mock.timers.tick(limits.log.burst_ms);
  assert.deepEqual(said.at(-1), [
    { code: 'FILE_UNREADABLE', left_out: 5 },
    '5 more of these were not written here.',
  ]);
  report(new AfterlogError('FILE_UNREADABLE', 'Again.'));
  assert.match(said.at(-1)![1], /^Again\./);
});
