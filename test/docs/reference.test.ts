import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { referencePages } from '../../docs/generate/reference.ts';
import { catalogue } from '../../src/base/catalogue.ts';

const root = join(import.meta.dirname, '../..');

test('the reference pages are those that the code describes', () => {
  for (const [name, text] of Object.entries(referencePages())) {
    const path = join(root, 'docs', 'reference', name);
    assert.equal(readFileSync(path, 'utf8'), text, `docs/reference/${name} is not up to date: npm run docs`);
  }
});

test('every code of the catalogue is used', () => {
  const code = globSync('src/**/*.ts', { cwd: root })
    .filter((path) => path !== 'src/base/catalogue.ts')
    .map((path) => readFileSync(join(root, path), 'utf8'))
    .join('\n');
  for (const name of Object.keys(catalogue)) assert.ok(code.includes(`'${name}'`), name);
});
