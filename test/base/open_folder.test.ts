import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { OpenFolder } from '../../src/base/open_folder.ts';

function makeRoot(t: TestContext): string {
  const root = mkdtempSync(join(tmpdir(), 'afterlog-folder-'));
  t.after(() => rmSync(root, { recursive: true }));
  mkdirSync(join(root, 'sb', 'sub'), { recursive: true });
  writeFileSync(join(root, 'sb', 'sub', 'a.log'), 'own');
  mkdirSync(join(root, 'other', 'sub'), { recursive: true });
  writeFileSync(join(root, 'other', 'sub', 'a.log'), 'of another');
  return root;
}

function contentOf(folder: OpenFolder, name: string): string | null {
  return folder.readSmall(name, 100);
}

test('a folder that was opened stays the same, whatever takes its place', (t) => {
  const root = makeRoot(t);
  const folder = OpenFolder.open(root, ['sb', 'sub'])!;
  t.after(() => folder.close());
  renameSync(join(root, 'sb'), join(root, 'moved'));
  symlinkSync('other', join(root, 'sb'));
  assert.equal(contentOf(folder, 'a.log'), 'own');
  assert.deepEqual(
    folder.list().map(({ name }) => name),
    ['a.log'],
  );
  assert.equal(OpenFolder.open(root, ['sb', 'sub']), null);
});

test('the root may be a link; no name below it may', (t) => {
  const root = makeRoot(t);
  symlinkSync(root, `${root}/root`);
  symlinkSync('sub', join(root, 'sb', 'linked'));
  OpenFolder.open(`${root}/root`, ['sb', 'sub'])!.close();
  assert.equal(OpenFolder.open(root, ['sb', 'linked']), null);
  assert.equal(OpenFolder.open(root, ['root', 'sb']), null);
  assert.equal(OpenFolder.open(root, ['nothing']), null);
  assert.equal(OpenFolder.open(root, ['sb', 'sub', 'a.log']), null);
});

test('only a regular file is opened, at once, and no descriptor is left open', async (t) => {
  const root = makeRoot(t);
  const path = join(root, 'sb');
  symlinkSync('sub/a.log', join(path, 'link'));
  execFileSync('mkfifo', [join(path, 'fifo')]);
  const server = createServer().listen(join(path, 'socket'));
  await new Promise((ready) => server.once('listening', ready));
  t.after(() => server.close());
  const before = readdirSync('/proc/self/fd').length;
  const folder = OpenFolder.open(root, ['sb'])!;
  for (const name of ['link', 'fifo', 'socket', 'sub', 'nothing', 'nothing/a', '..']) {
    assert.equal(folder.openFile(name), null, name);
    assert.equal(folder.readSmall(name, 100), null, name);
  }
  writeFileSync(join(path, 'file'), 'x'.repeat(101));
  const { fd, stats } = folder.openFile('file')!;
  assert.equal(readSync(fd, Buffer.alloc(200)), Number(stats.size));
  closeSync(fd);
  assert.equal(folder.readSmall('file', 100), null, 'too large');
  folder.close();
  assert.equal(readdirSync('/proc/self/fd').length, before);
});

test('an error names the path that people know', (t) => {
  const root = makeRoot(t);
  const folder = OpenFolder.open(root, ['sb'])!;
  t.after(() => folder.close());
  assert.throws(
    () => folder.lstat('x'.repeat(300)),
    (error: Error) => error.message.includes(join(root, 'sb', 'xxx')),
  );
});
