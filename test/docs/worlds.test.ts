import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'node:test';

const docs = resolve(import.meta.dirname, '../../docs');

/** A link to a test file, and the words of its tests behind a colon, which end with the cell or the next link. */
const NAMED = /\]\((\.\.\/test\/[^)]+)\): ([^|[\n]+)/g;

test('each test that a cell of docs/worlds.md names is there, in these words', () => {
  const page = readFileSync(resolve(docs, 'worlds.md'), 'utf8');
  let named = 0;
  const missing: string[] = [];
  for (const [, path, words] of page.matchAll(NAMED)) {
    const source = readFileSync(resolve(docs, path!), 'utf8').toLowerCase();
    // Behind a semicolon or a colon the cell says something else.
    const titles = words!
      .replaceAll(/`[^`]*`/g, '')
      .replace(/[;:(].*$/, '')
      .split('…');
    for (const title of titles.map((text) => text.replace(/^[\s,]+|[\s,.]+$/g, ''))) {
      if (title === '') continue;
      named++;
      if (!source.includes(title.toLowerCase())) missing.push(`${path}: ${title}`);
    }
  }
  assert.deepEqual(missing, []);
  assert.ok(named > 60, `${named} tests`);
});
