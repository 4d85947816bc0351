import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';
import { parsingPage } from '../../docs/generate/parsing.ts';

test('docs/parsing.md is what the parser’s tables and examples make', () => {
  const written = readFileSync(resolve(import.meta.dirname, '../../docs/parsing.md'), 'utf8');
  assert.equal(written, parsingPage(), 'run: npm run docs');
});
