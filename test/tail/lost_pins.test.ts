import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { Mounts } from '../support/mounts.ts';
import { bytesOf } from '../support/streams.ts';
import { TailHost } from '../support/tail_host.ts';

const linesOf = (host: TailHost, id: string): string => String(bytesOf(host.streams(id)));

for (const what of ['.afterlog', '.afterlog/pins', 'each pin'] as const) {
  test(`${what} is removed: files that have a name are pinned again, and new sandboxes are read`, async (t) => {
    const host = new TailHost(t);
    host.write('old', 'one\n');
    await host.read('old', 4);
    if (what === 'each pin') for (const name of readdirSync(host.pins)) rmSync(join(host.pins, name));
    else rmSync(join(host.dir, what), { recursive: true });
    host.write('new', 'first\n');
    await host.read('new', 6);
    host.write('old', 'two\n');
    await host.read('old', 8);
    await host.eventually('both are pinned', () => host.pinned() === 2);
    assert.equal(statSync(host.pins).mode & 0o777, 0o700);
    host.delete('old');
    host.delete('new');
    const [stream] = await host.sealed('old');
    assert.equal(linesOf(host, 'old'), 'one\ntwo\n');
    assert.deepEqual(stream!.gaps, []);
    await host.sealed('new');
  });
}

test('A file whose pin is removed after its name is lost, and a gap row says so', async (t) => {
  const host = new TailHost(t);
  host.tailer.pause();
  host.write('sb', 'never read\n');
  await host.eventually('pinned', () => host.pinned() === 1);
  host.delete('sb');
  await host.eventually('only the pin has it', () => host.tailer.sandboxes.get('sb')?.isGone === true);
  rmSync(dirname(host.pins), { recursive: true });
  host.tailer.resume();
  const [stream] = await host.sealed('sb');
  assert.equal(stream!.gaps.length, 1);
  assert.match(stream!.gaps[0]!.reason, /its pin was removed/);
  assert.equal(stream!.seal!.complete, false);
});

test('A rotated file whose pin is removed is pinned by its older name', async (t) => {
  const host = new TailHost(t);
  host.write('sb', 'one\n');
  await host.read('sb', 4);
  host.tailer.pause();
  appendFileSync(host.path('sb'), 'two\n');
  renameSync(host.path('sb'), host.path('sb', 'console.log.1'));
  writeFileSync(host.path('sb'), 'three\n');
  await host.eventually('both are pinned', () => host.pinned() === 2);
  rmSync(host.pins, { recursive: true });
  host.tailer.resume();
  await host.read('sb', 14);
  assert.equal(linesOf(host, 'sb'), 'one\ntwo\nthree\n');
});

test('Another file system over the data dir hides its sandboxes, and forgets none of them', async (t) => {
  const mounts = new Mounts(t);
  const data = mounts.folder('data');
  const host = new TailHost(t, undefined, data);
  host.write('below', 'one\n');
  await host.read('below', 4);
  if (!mounts.tmpfs(data)) return;
  mkdirSync(host.vms);
  host.write('above', 'over it\n');
  await host.read('above', 8);
  await host.eventually('it says so', () => /Another file system/.test(host.tailer.lastError ?? ''));
  const signal = AbortSignal.timeout(300);
  const drained = await host.tailer.drain('below', signal);
  assert.match(drained!.unread.join(), /another file system/);
  mounts.unmount(data);
  host.write('below', 'two\n');
  await host.read('below', 8);
  assert.equal(host.streams('below').length, 1);
  host.delete('below');
  const [stream] = await host.sealed('below');
  assert.deepEqual(stream!.gaps, []);
});

test('A sandbox that is rotated, written and deleted while it is hidden: a gap says that nobody watched', async (t) => {
  const mounts = new Mounts(t);
  const data = mounts.folder('data');
  const twin = join(mounts.dir, 'twin');
  const host = new TailHost(t, undefined, data);
  host.write('below', 'one\n');
  await host.read('below', 4);
  if (!mounts.bind(data, twin) || !mounts.tmpfs(data)) return;
  mkdirSync(host.vms);
  await host.eventually('it says so', () => /Another file system/.test(host.tailer.lastError ?? ''));
  const path = join(twin, 'vms', 'below', 'console.log');
  appendFileSync(path, 'two\n');
  renameSync(path, `${path}.1`);
  writeFileSync(path, 'unseen\n');
  rmSync(dirname(path), { recursive: true });
  mounts.unmount(data);
  const [stream] = await host.sealed('below');
  assert.equal(linesOf(host, 'below'), 'one\ntwo\n');
  assert.match(stream!.gaps[0]!.reason, /^nobody watched from /);
  assert.equal(stream!.seal!.complete, false);
});

test('Another file system over .afterlog: files that have a name are held by descriptors', async (t) => {
  const mounts = new Mounts(t);
  const host = new TailHost(t, undefined, mounts.folder('data'));
  host.write('old', 'one\n');
  await host.read('old', 4);
  if (!mounts.tmpfs(dirname(host.pins))) return;
  host.write('new', 'first\n');
  await host.read('new', 6);
  await host.eventually('it is held again', () => host.descriptors === 2);
  host.tailer.pause();
  host.write('old', 'two\n');
  host.delete('old');
  host.tailer.resume();
  const [stream] = await host.sealed('old');
  assert.equal(linesOf(host, 'old'), 'one\ntwo\n');
  assert.deepEqual(stream!.gaps, []);
});
