import assert from 'node:assert/strict';
import { linkSync, lstatSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Mounts } from './mounts.ts';

const inode = (path: string): bigint => lstatSync(path, { bigint: true }).ino;

test('An ext4 with inodes of 128 bytes keeps no birth time', (t) => {
  const mounts = new Mounts(t);
  const at = mounts.folder('small');
  if (!mounts.ext4(at, { inode_bytes: 128, bytes: 8 * 1024 * 1024 })) return;
  writeFileSync(join(at, 'one'), '');
  assert.equal(statSync(join(at, 'one'), { bigint: true }).birthtimeNs, 0n);
});

test('A mount over a folder hides it until it is unmounted', (t) => {
  const mounts = new Mounts(t);
  const at = mounts.folder('data');
  writeFileSync(join(at, 'one'), '');
  if (!mounts.tmpfs(at)) return;
  assert.deepEqual(readdirSync(at), []);
  mounts.unmount(at);
  assert.deepEqual(readdirSync(at), ['one']);
  const twin = join(mounts.dir, 'twin');
  if (!mounts.bind(at, twin)) return;
  assert.equal(inode(join(twin, 'one')), inode(join(at, 'one')));
});

test('A link has the number of its file in bindfs, and one of its own in plain FUSE', async (t) => {
  const mounts = new Mounts(t);
  for (const kind of ['bindfs', 'plainFuse'] as const) {
    const at = join(mounts.dir, kind);
    const server = await mounts[kind](mounts.folder(`${kind}-behind`), at);
    if (server === null) return;
    writeFileSync(join(at, 'one'), 'content');
    linkSync(join(at, 'one'), join(at, 'two'));
    renameSync(join(at, 'two'), join(at, 'three'));
    assert.equal(readFileSync(join(at, 'three'), 'utf8'), 'content');
    assert.equal(inode(join(at, 'one')) === inode(join(at, 'three')), kind === 'bindfs');
    await server.die();
    assert.throws(() => readFileSync(join(at, 'one')), { code: 'ENOTCONN' });
    mounts.unmount(at);
    assert.deepEqual(readdirSync(at), []);
  }
});
