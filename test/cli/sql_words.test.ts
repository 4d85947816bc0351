import assert from 'node:assert/strict';
import { test } from 'node:test';
import { beginsReading } from '../../src/cli/sql_words.ts';

test('statements that read are known behind comments and parentheses, in any case', () => {
  for (const query of [
    'SELECT 1',
    'select 1',
    ' \n\t( (SELECT 1))',
    '-- DROP\nSELECT 1',
    '--DROP\r\nSELECT 1',
    '# DROP\nSELECT 1',
    '/* DROP */SELECT 1',
    '/**/ /* a * b */ -- c\n WITH 1 AS n SELECT n',
    'FROM gaps SELECT 1',
    'DESC gaps',
  ]) {
    assert.ok(beginsReading(query), query);
  }
});

test('whatever else a statement begins with, it may change something', () => {
  for (const query of [
    'DROP TABLE t',
    'KILL QUERY WHERE 1',
    'BACKUP TABLE t TO Null',
    'UNDROP TABLE t',
    '/* SELECT */ DROP TABLE t',
    '/* /* SELECT */ DROP TABLE t',
    '-- SELECT\nDROP TABLE t',
    'SELECTED',
    '; SELECT 1',
    '`SELECT` 1',
    '/* SELECT 1',
  ]) {
    assert.ok(!beginsReading(query), query);
  }
  // ClickHouse says what is wrong with it.
  assert.ok(beginsReading(' \n'));
});

test('a long beginning is read once', () => {
  assert.ok(!beginsReading(`${'( -- x\n'.repeat(200_000)}DROP`));
});
