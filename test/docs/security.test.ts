import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const root = resolve(import.meta.dirname, '../..');
const page = readFileSync(join(root, 'docs/security.md'), 'utf8');

test('the table of threats names every attack, and no other', () => {
  const attacks = globSync('test/security/*.test.ts', { cwd: root });
  const named = [...page.matchAll(/\]\(\.\.\/(test\/security\/\w+(?:\.slow)?\.test\.ts)\)/g)].map(
    ([, file]) => file!,
  );
  assert.deepEqual([...new Set(named)].sort(), attacks.sort());
});
