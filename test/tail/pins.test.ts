import assert from 'node:assert/strict';
import fs, {
  chmodSync,
  chownSync,
  linkSync,
  mkdirSync,
  readdirSync,
  statSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { log } from '../../src/base/log.ts';
import { OpenFolder } from '../../src/base/open_folder.ts';
import { Pins } from '../../src/tail/pins.ts';
import { canBeOthers, NOBODY } from '../support/attacker.ts';
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

/** A secret of root, linked as the log of a guest in the guest's own folder. */
async function linkedSecret(t: TestContext) {
  const dir = await temporaryDir(t);
  const [secret, guest] = [join(dir, 'secret'), join(dir, 'guest')];
  writeFileSync(secret, 'of root\n', { mode: 0o600 });
  mkdirSync(guest);
  chownSync(guest, NOBODY, NOBODY);
  linkSync(secret, join(guest, 'console.log'));
  const folder = OpenFolder.open(dir, ['guest'])!;
  t.after(() => folder.close());
  return { secret, log: join(guest, 'console.log'), folder, pins: new Pins(join(dir, 'pins')) };
}

/** Does something right after each call for a path that ends like this. */
function rightAfter(t: TestContext, call: 'linkSync' | 'openSync', does: () => void): void {
  const real = fs[call] as (...args: unknown[]) => unknown;
  t.mock.method(fs, call, (...args: unknown[]) => {
    const value = real(...args);
    if (String(args[0]).endsWith('/console.log')) does();
    return value;
  });
  syncBuiltinESMExports();
}

const restoreFs = (t: TestContext) => (): void => {
  t.mock.restoreAll();
  syncBuiltinESMExports();
};

const NEWEST = { name: 'console.log', age: 0 };

for (const call of ['linkSync', 'openSync'] as const) {
  for (const then of ['nothing', 'a file of the guest']) {
    const what = call === 'linkSync' ? 'pin' : 'open';
    test(`a guest who puts ${then} in the place of root’s file right after its ${what} gets no byte`, async (t) => {
      if (!canBeOthers(t)) return;
      const { secret, log, folder, pins } = await linkedSecret(t);
      t.after(restoreFs(t));
      if (call === 'openSync') {
        t.mock.method(fs, 'linkSync', () => {
          throw Object.assign(new Error('no link'), { code: 'EXDEV' });
        });
      }
      rightAfter(t, call, () => {
        unlinkSync(log);
        if (then !== 'nothing') writeFileSync(log, 'of the guest\n');
      });
      assert.equal(pins.take('sb', 'console', folder, NEWEST), null);
      assert.deepEqual([statSync(secret).nlink, pins.list()], [1, []]);
    });
  }
}

test('an honest log of root in a guest’s folder is held, also if it is deleted while it is pinned', async (t) => {
  if (!canBeOthers(t)) return;
  const { secret, log, folder, pins } = await linkedSecret(t);
  unlinkSync(secret);
  const kept = pins.take('sb', 'console', folder, NEWEST)!;
  assert.deepEqual([kept.fd, pins.list().map(({ age }) => age)], [null, [0]]);
  pins.release(kept);
  t.after(restoreFs(t));
  rightAfter(t, 'linkSync', () => unlinkSync(log));
  const { inode } = pins.take('sb', 'console', folder, NEWEST)!;
  assert.deepEqual(
    pins.list().map(({ pin }) => pin.inode),
    [inode],
  );
});

test('a trial of links that fails makes no link, and decides nothing', async (t) => {
  log.level = 'silent';
  const dir = await temporaryDir(t);
  mkdirSync(join(dir, 'sb'));
  writeFileSync(join(dir, 'sb', 'console.log'), 'bytes\n');
  const folder = OpenFolder.open(dir, ['sb'])!;
  t.after(() => folder.close());
  const pins = new Pins(join(dir, 'pins'));
  t.after(restoreFs(t));
  const { lstatSync, linkSync } = fs;
  // As on a plain FUSE file system: a link is a file of its own.
  t.mock.method(fs, 'lstatSync', (path: string, options: { bigint: true }) => {
    const stats = lstatSync(path, options);
    return path.endsWith('/trial-link') ? Object.assign(stats, { ino: stats.ino + 1n }) : stats;
  });
  let fails = true;
  t.mock.method(fs, 'linkSync', (from: string, to: string) => {
    if (fails) throw Object.assign(new Error('EPERM'), { code: 'EPERM', syscall: 'link' });
    linkSync(from, to);
  });
  syncBuiltinESMExports();
  for (const isFailing of [true, false]) {
    fails = isFailing;
    const pin = pins.take('sb', 'console', folder, NEWEST)!;
    assert.equal(pin.path, null);
    pins.release(pin);
  }
  assert.deepEqual(readdirSync(join(dir, 'pins')), []);
});

test('a trial of links that a dead agent left behind goes at the next start', async (t) => {
  const dir = join(await temporaryDir(t), 'pins');
  new Pins(dir);
  writeFileSync(join(dir, 'trial'), '');
  linkSync(join(dir, 'trial'), join(dir, 'trial-link'));
  assert.deepEqual(new Pins(dir).list(), []);
  assert.deepEqual(readdirSync(dir), []);
});

test('a pin of a crash counts if its file has no other name; else the look decides', async (t) => {
  const dir = await temporaryDir(t);
  const pins = new Pins(join(dir, 'pins'));
  writeFileSync(join(dir, 'pins', 'sb,console,unsure,0,life-1'), 'deleted meanwhile\n');
  writeFileSync(join(dir, 'secret'), 'of root\n');
  linkSync(join(dir, 'secret'), join(dir, 'pins', 'sb,console,unsure,1,life-2'));
  assert.deepEqual(
    pins.list().map(({ stream, age, generation }) => [stream, age, generation]),
    [[null, 0, 1]],
  );
  assert.deepEqual(readdirSync(join(dir, 'pins')), ['sb,console,unsure,0,life-1']);
});
