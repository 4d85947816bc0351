import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { followedRowShape } from '../../src/cli/followed_row.ts';

const guide = readFileSync(resolve(import.meta.dirname, '../../docs/guides/following-rows.md'), 'utf8');
const row = /^```json\n(.*?)^```$/ms.exec(guide)![1]!;
const gap = JSON.stringify({ ...JSON.parse(row), record: 'gap', bytes: 1, reason: 'none' });

test('the row in the guide has the shape that is documented', () => {
  const parsed = followedRowShape.parse(JSON.parse(row));
  assert.deepEqual(JSON.parse(row), parsed, 'it has no other fields');
});

test('the example for jq prints the errors among the rows', (t) => {
  const program = /jq --unbuffered -r '([^']+)'/.exec(guide)![1]!;
  const run = spawnSync('jq', ['-r', program], { input: `${gap}\n${row}`, encoding: 'utf8' });
  if (run.error) return t.skip('not run: there is no jq');
  assert.equal(run.stderr, '');
  assert.equal(run.stdout, '2026-11-30T16:00:00.250000000Z host-1 sb-1 app: connection refused\n');
});

test('the example for Vector is YAML whose parts fit together', () => {
  const { sources, transforms, sinks } = parse(/^```yaml\n(.*?)^```$/ms.exec(guide)![1]!);
  assert.deepEqual(sources, { afterlog: { type: 'stdin', decoding: { codec: 'json' } } });
  assert.deepEqual([transforms.lines.inputs, sinks.out.inputs], [['afterlog'], ['lines']]);
});
