import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importsIn, reachOf } from './support/imports.ts';
import { needsOf } from './support/needs.ts';

test('all forms of imports are read: values, types, many lines, re-exports, dynamic imports', () => {
  const text = `import { join } from 'node:path';
import './patience.ts';
import type { Letter } from '../../src/dlq/letter.ts';
import {
  one,
  type Two,
} from './rows.ts';
export { fc } from './property.ts';
export type * from '../support/streams.ts';
export const from = 'nowhere';
let yaml: typeof import('yaml');
  const { log } = await import('../../src/base/log.ts');
  const script = "import './in_a_string.ts'";
`;
  assert.deepEqual(
    importsIn(text, 'test/support/example.ts').map(
      ({ path, line, isType, isDynamic }) =>
        `${line} ${path}${isType ? ' type' : ''}${isDynamic ? ' dynamic' : ''}`,
    ),
    [
      '1 null',
      '2 test/support/patience.ts',
      '3 src/dlq/letter.ts type',
      '4 test/support/rows.ts',
      '8 test/support/property.ts',
      '9 test/support/streams.ts type',
      '11 null type dynamic',
      '12 src/base/log.ts dynamic',
    ],
  );
});

test('a file reaches what its imports import, and no types', () => {
  const reached = reachOf('test/support/doctor.ts');
  assert.ok(reached.has('test/support/command.ts'));
  assert.ok(reached.has('test/support/patience.ts'), 'by way of command.ts');
  assert.ok(!reached.has('src/doctor/finding.ts'), 'imported for a type');
});

test('a test file needs the servers that its imports lead to', () => {
  const none = { kafka: false, clickhouse: false, own: false, build: false };
  assert.deepEqual(needsOf('test/parse/entries.test.ts'), none);
  assert.deepEqual(needsOf('test/cli/usage.test.ts'), none);
  assert.deepEqual(needsOf('test/serve/routes/logs.test.ts'), { ...none, clickhouse: true });
  assert.deepEqual(needsOf('test/consume/consumer.test.ts'), { ...none, kafka: true, clickhouse: true });
  assert.deepEqual(needsOf('test/store/embedded/embedded.test.ts'), { ...none, own: true, build: false });
  assert.deepEqual(needsOf('test/cli/up.test.ts'), { ...none, own: true, build: false });
});
