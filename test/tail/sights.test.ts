import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FreshFile, LogFiles } from '../../src/tail/log_files.ts';
import type { Pin } from '../../src/tail/pins.ts';
import { Sights } from '../../src/tail/sights.ts';

const WATCHED_MS = 1_700_000_000_000;

const fresh = (inode: string): FreshFile => ({
  pin: { inode, born: '0', path: `/pins/${inode}` } as unknown as Pin,
  age: 0,
  isCopy: false,
  isLinked: false,
  before: null,
  hole: null,
});

test('files that a dead agent pinned and did not name: nobody knows what came between two of them', () => {
  const files = [fresh('1'), fresh('2'), fresh('3')];
  new Sights().foundAfter({ newest: undefined, fresh: files } as unknown as LogFiles, WATCHED_MS);
  assert.equal(files[0]!.before, null, 'nothing came before the first');
  for (const [index, { before }] of files.entries()) {
    if (index === 0) continue;
    assert.ok(before?.isOf(files[index - 1]!.pin), `file ${index + 1} came after file ${index}`);
    assert.equal(before!.unwatched(() => false)?.from_ms, WATCHED_MS);
  }
});
