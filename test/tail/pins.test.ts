import assert from 'node:assert/strict';
import { chmodSync, linkSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Pins } from '../../src/tail/pins.ts';
import { temporaryDir } from '../support/temporary.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a start closes the pins’ folder and copies aside of an earlier version, and leaves every pin as it is', async (t) => {
  const dir = await temporaryDir(t);
  const pins = join(dir, 'pins');
  mkdirSync(pins, { mode: 0o755 });
  const console_log = join(dir, 'console.log');
  writeFileSync(console_log, 'of the runtime\n');
  const names = {
    linked: 'sb,console,1764000000000000000,0,17,abc',
    lone: 'sb,console,1764000000000000000,1,18,abc',
    fresh: 'sb,console,new,0,life-1',
    copy: 'sb,console,copy,2,19,abc',
    aside: 'sb,console,aside,0,17-0-0,12,life-2',
    trick: 'aside,console,new,0,life-3',
  };
  for (const [which, name] of Object.entries(names)) {
    if (which === 'linked') linkSync(console_log, join(pins, name));
    else writeFileSync(join(pins, name), 'bytes');
    chmodSync(join(pins, name), 0o644);
  }
  const made = new Pins(pins);
  const modes = Object.fromEntries(
    Object.entries(names).map(([which, name]) => [which, modeOf(join(pins, name))]),
  );
  // A pin whose console is deleted has one name, and is the runtime's file all the same.
  const kept = { linked: '644', lone: '644', fresh: '644', copy: '644', trick: '644' };
  assert.deepEqual(modes, { ...kept, aside: '600' });
  assert.equal(modeOf(pins), '700');
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  const of = { pin: { inode: '17', born: '0', path: null, fd: null }, number: 0, cuts: 0 };
  assert.equal(modeOf(made.makeAside('sb', 'console', of, 0).path!), '600');
});
