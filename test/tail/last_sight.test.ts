import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { LastSight, type WatchedFolder } from '../../src/tail/last_sight.ts';

const file = (inode: string) => ({ inode, born: '1' });
const folder: WatchedFolder = { watch: { close: () => {}, tellsNames: true } };
const notElsewhere = () => false;

/** Notes an event of each name. */
const note = (sight: LastSight, ...names: string[]): void => {
  for (const name of names) sight.note(name, folder);
};

const ROTATION = ['a.log', 'a.log.1', 'a.log'];

/** A sight of `a.log`, whose file was rotated before the look that saw it. */
function rotated(eventsBefore: string[] = []): LastSight {
  const sight = new LastSight(file('1'), 0);
  sight.renew([file('1')], ['a.log'], folder);
  note(sight, ...eventsBefore);
  sight.renew([file('1'), file('2')], ['a.log.1', 'a.log'], folder);
  return sight;
}

function isGone(sight: LastSight): boolean {
  note(sight, 'a.log.1', 'a.log');
  sight.miss([]);
  return sight.unwatched(notElsewhere) === null;
}

test('events of a rotation that a look had seen already are no unseen file', () => {
  const sight = rotated();
  note(sight, ...ROTATION);
  assert.ok(isGone(sight));
});

test('the events of a rotation may come on both sides of the look', () => {
  const sight = rotated(ROTATION.slice(0, 1));
  note(sight, ...ROTATION.slice(1));
  assert.ok(isGone(sight));
});

test('a file that came and went after a rotation was seen is told, whenever the events of the rotation came', () => {
  for (let come = 0; come <= ROTATION.length; come++) {
    const sight = rotated(ROTATION.slice(0, come));
    note(sight, ...ROTATION.slice(come), 'a.log', 'a.log');
    assert.ok(!isGone(sight), `${come} events before the look`);
  }
});

test('events that were not in the queue at the look are of later files', async () => {
  const sight = rotated();
  // The system has dropped them, or joined them into one.
  await turn();
  await turn();
  await turn();
  note(sight, 'a.log', 'a.log');
  assert.ok(!isGone(sight));
});

test('events of two rotations that two looks saw are no unseen file', () => {
  const sight = rotated();
  sight.renew([file('1'), file('2'), file('3')], ['a.log.2', 'a.log.1', 'a.log'], folder);
  note(sight, ...ROTATION, 'a.log.1', 'a.log.2', ...ROTATION);
  note(sight, 'a.log.2');
  assert.ok(isGone(sight));
});

test('the sight of a file that another one has followed passes on what may still come', () => {
  const sight = new LastSight(file('1'), 0);
  sight.renew([file('1')], ['a.log'], folder);
  const next = LastSight.after(sight, file('3'));
  next.renew([file('2'), file('3')], ['a.log.1', 'a.log'], folder);
  note(next, 'a.log', 'a.log', 'a.log.1', 'a.log');
  assert.ok(isGone(next));
});

test('a file whose folder has told nothing of its end was not watched', async () => {
  const sight = rotated();
  note(sight, ...ROTATION);
  await turn();
  await turn();
  await turn();
  sight.miss([]);
  assert.notEqual(sight.unwatched(notElsewhere), null);
});
