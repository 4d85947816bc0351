import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NAMES_MAX, nameId, nameIdOf, nameText } from '../../../src/parse/line/names.ts';

test('a name keeps its number', () => {
  const id = nameId('agent');
  assert.notEqual(id, 0);
  assert.equal(nameId('agent'), id);
  assert.equal(nameIdOf(Buffer.from('[agent]'), 1, 6), id);
  assert.equal(nameText(id), 'agent');
});

test('names that a guest invents without end fill their share and no more', () => {
  const known = nameId('agent');
  const ids = new Set(Array.from({ length: NAMES_MAX * 2 }, (_, n) => nameId(`invented-${n}`)));
  assert.ok(ids.size <= NAMES_MAX, `${ids.size} names`);
  assert.ok(ids.has(0), 'the rest is the empty name');
  assert.equal(nameId('agent'), known, 'what was known is known still');
});

test('an empty name, and one that is too long, is the empty name', () => {
  assert.equal(nameId(''), 0);
  assert.equal(nameId('x'.repeat(1_000)), 0);
});
