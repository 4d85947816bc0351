import assert from 'node:assert/strict';
import fs, {
  chmodSync,
  chownSync,
  lchownSync,
  linkSync,
  mkdirSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { closeOwnFiles, makeOwnFolder, makeStateDir } from '../../src/base/own_files.ts';
import { canBeOthers, NOBODY } from '../support/attacker.ts';
import { temporaryDir } from '../support/temporary.ts';

const modeOf = (path: string): string => (statSync(path).mode & 0o777).toString(8);

test('a folder of our own is closed whatever the umask is; its missing parents get the usual mode', async (t) => {
  const dir = await temporaryDir(t);
  const umask = process.umask(0);
  t.after(() => process.umask(umask));
  makeOwnFolder(join(dir, 'parent', 'own'));
  assert.equal(modeOf(join(dir, 'parent', 'own')), '700');
  assert.equal(modeOf(join(dir, 'parent')), '777');
});

test('a folder that exists is closed, unless it is a state dir with things of others', async (t) => {
  const dir = await temporaryDir(t);
  for (const name of ['own', 'shared', 'full']) mkdirSync(join(dir, name), { mode: 0o755 });
  for (const name of ['spool', 'refused', 'lost+found', 'clickhouse']) mkdirSync(join(dir, 'full', name));
  writeFileSync(join(dir, 'full', 'agent.lock'), '');
  writeFileSync(join(dir, 'full', 'up.json'), '');
  writeFileSync(join(dir, 'own', 'anything'), '');
  writeFileSync(join(dir, 'shared', 'anything'), '');
  makeOwnFolder(join(dir, 'own'));
  makeStateDir(join(dir, 'full'));
  makeStateDir(join(dir, 'shared'));
  const modes = ['own', 'full', 'shared'].map((name) => modeOf(join(dir, name)));
  assert.deepEqual(modes, ['700', '700', '755']);
});

test('only files of our own are closed: neither links, nor files with another name elsewhere', async (t) => {
  const dir = await temporaryDir(t);
  const own = join(dir, 'own');
  mkdirSync(own);
  for (const path of [join(own, 'file'), join(own, 'other'), join(dir, 'pinned'), join(dir, 'target')]) {
    writeFileSync(path, '');
    chmodSync(path, 0o644);
  }
  linkSync(join(dir, 'pinned'), join(own, 'pin'));
  symlinkSync(join(dir, 'target'), join(own, 'link'));
  closeOwnFiles(own, (name) => name !== 'other');
  const modes = ['own/file', 'own/other', 'pinned', 'target'].map((name) => modeOf(join(dir, name)));
  assert.deepEqual(modes, ['600', '644', '644', '644']);
});

test('a way that another user may have laid is refused, also behind links; one that root gave is used', async (t) => {
  if (!canBeOthers(t)) return;
  const dir = await temporaryDir(t);
  const shared = join(dir, 'shared');
  mkdirSync(shared);
  chmodSync(shared, 0o1777);
  for (const path of [join(shared, 'evil'), join(dir, 'given')]) {
    mkdirSync(path);
    chownSync(path, NOBODY, NOBODY);
  }
  symlinkSync(shared, join(dir, 'to_shared'));
  symlinkSync('to_shared/evil', join(dir, 'to_evil'));
  symlinkSync('loop', join(dir, 'loop'));
  const foreign = { code: 'STATE_DIR_FOREIGN' };
  for (const way of ['shared/evil', 'shared/evil/state', 'to_shared/evil/state', 'to_evil/state'])
    assert.throws(() => makeStateDir(join(dir, way)), foreign, way);
  assert.throws(() => makeStateDir(join(dir, 'loop', 'state')), { code: 'ELOOP' });
  for (const way of ['given/state', 'shared/of root', 'to_shared/of root']) {
    makeStateDir(join(dir, way));
    assert.equal(modeOf(join(dir, way)), '700', way);
  }
});

test('a tenant who owns the parent, or is of its group, cannot lead root to a folder elsewhere', async (t) => {
  if (!canBeOthers(t)) return;
  const dir = await temporaryDir(t);
  const victim = join(dir, 'victim');
  mkdirSync(victim);
  chmodSync(victim, 0o755);
  const linkOfNobody = (path: string): void => {
    symlinkSync(victim, path);
    lchownSync(path, NOBODY, NOBODY);
  };
  for (const parent of ['owned', 'of_group']) mkdirSync(join(dir, parent));
  chownSync(join(dir, 'owned'), NOBODY, NOBODY);
  chownSync(join(dir, 'of_group'), 0, NOBODY);
  chmodSync(join(dir, 'of_group'), 0o775);
  mkdirSync(join(dir, 'of_group', 'folder'));
  chownSync(join(dir, 'of_group', 'folder'), NOBODY, NOBODY);
  const foreign = { code: 'STATE_DIR_FOREIGN' };
  for (const parent of ['owned', 'of_group']) {
    linkOfNobody(join(dir, parent, 'pins'));
    for (const way of ['pins', 'pins/below']) {
      assert.throws(() => makeOwnFolder(join(dir, parent, way)), foreign, `${parent}/${way}`);
      assert.throws(() => makeStateDir(join(dir, parent, way)), foreign, `${parent}/${way}`);
    }
  }
  assert.throws(() => makeOwnFolder(join(dir, 'of_group', 'folder')), foreign);
  assert.equal(modeOf(victim), '755');
});

test('the mode of another user’s folder, and of one behind our own link, stays', async (t) => {
  if (!canBeOthers(t)) return;
  const dir = await temporaryDir(t);
  for (const name of ['of nobody', 'moved', 'moved state']) mkdirSync(join(dir, name), { mode: 0o755 });
  chownSync(join(dir, 'of nobody'), NOBODY, NOBODY);
  symlinkSync(join(dir, 'moved'), join(dir, 'spool'));
  symlinkSync(join(dir, 'moved state'), join(dir, 'state'));
  makeOwnFolder(join(dir, 'of nobody'));
  makeOwnFolder(join(dir, 'spool'));
  makeStateDir(join(dir, 'state'));
  const modes = ['of nobody', 'moved', 'moved state'].map((name) => modeOf(join(dir, name)));
  assert.deepEqual(modes, ['755', '755', '700']);
});

test('a missing parent that another user makes meanwhile is refused', async (t) => {
  if (!canBeOthers(t)) return;
  const dir = await temporaryDir(t);
  chmodSync(dir, 0o1777);
  const parent = join(dir, 'parent');
  const real = fs.existsSync;
  t.mock.method(fs, 'existsSync', (path: string) => {
    if (path === parent) {
      mkdirSync(parent);
      chownSync(parent, NOBODY, NOBODY);
    }
    return real(path);
  });
  t.after(() => {
    t.mock.restoreAll();
    syncBuiltinESMExports();
  });
  syncBuiltinESMExports();
  assert.throws(() => makeOwnFolder(join(parent, 'own')), { code: 'STATE_DIR_FOREIGN' });
});
