import assert from 'node:assert/strict';
import { test } from 'node:test';
import { letterTable } from '../../src/cli/commands/letter_table.ts';
import { letterOf } from '../../src/dlq/letter.ts';

const letter = letterOf({
  id: '0/17',
  at_ms: Date.parse('2026-11-29T15:59:41.098Z'),
  headers: {
    ...{ batch: 'a-host-with-a-long-name-7f9c4/1/1', rows: '10', 'dlq-code': 'BATCH_DAMAGED' },
    ...{ 'dlq-topic': 'sandbox-logs', 'dlq-partition': '10', 'dlq-offset': '3394' },
    'dlq-reason': `A batch cannot be used: \x1b[2J${'long '.repeat(50)}`,
  },
  value: Buffer.from('x'),
});

for (const columns of [80, 140]) {
  test(`the list fits in ${columns} columns, and has the reason`, () => {
    const lines = letterTable([letter], [{ state: 'dismissed', place: null }], columns)
      .trimEnd()
      .split('\n');
    for (const line of lines) assert.ok(line.length <= columns, `${line.length}: ${line}`);
    assert.match(lines[1]!, /^0\/17 +2026-11-29 15:59.* a-host-with-a.* dismissed +A batch cannot/);
    assert.equal(lines[0]!.includes('FROM'), columns === 140);
    assert.doesNotMatch(lines[1]!, /\p{Cc}/u);
  });
}
