import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { createExamples } from '../../src/demo/examples.ts';
import { createHappenings, type Happening } from '../../src/demo/happenings.ts';

const happening = (what: Happening['what'], id: string): Happening => ({ at_ms: 0, id, what, how: '' });

test('of all that happens, a list takes one at a time: the most telling, and not the same kind twice', () => {
  const list = createHappenings();
  const look = (count: number): string => list.look(count * limits.demo.happening_ms).at(-1)!.id;
  for (const [what, id] of [
    ['booted', 'a'],
    ['failed', 'b'],
    ['deleted', 'c'],
  ] as const)
    list.add(happening(what, id));
  assert.equal(look(1), 'b');
  // What was not taken is not told later.
  assert.equal(look(2), 'b');
  list.add(happening('booted', 'd'));
  assert.equal(look(3), 'd');
  for (const [what, id] of [
    ['booted', 'e'],
    ['deleted', 'f'],
  ] as const)
    list.add(happening(what, id));
  assert.equal(look(4), 'f');
  list.add(happening('lost', 'g'));
  assert.deepEqual([list.look(4 * limits.demo.happening_ms + 1).at(-1)!.id, look(5)], ['f', 'g']);
});

test('a list keeps the newest', () => {
  const list = createHappenings();
  for (let count = 1; count <= limits.demo.happenings_max + 3; count++) {
    list.add(happening('booted', String(count)));
    list.look(count * limits.demo.happening_ms);
  }
  const shown = list.look(0);
  assert.deepEqual([shown.length, shown[0]!.id], [limits.demo.happenings_max, '4']);
});

test('examples stay the same while they serve', () => {
  let living = [
    { id: 'short', until_ms: 5 },
    { id: 'long', until_ms: 50 },
  ];
  const written = {} as never;
  const examples = createExamples({ living: () => living.map((one) => ({ ...one, written })) });
  assert.deepEqual(examples.look(), { deleted: null, running: 'long' });
  living = [...living, { id: 'longer', until_ms: 500 }];
  assert.equal(examples.look().running, 'long');
  living = living.filter(({ id }) => id !== 'long');
  assert.equal(examples.look().running, 'longer');
  for (const [id, failed] of [
    ['first', false],
    ['second', false],
    ['crashed', true],
    ['third', true],
  ] as const) {
    examples.whole({ id, failed });
  }
  assert.deepEqual(examples.look().deleted, { id: 'crashed', failed: true });
});
