import assert from 'node:assert/strict';
import {
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { test } from 'node:test';
import { Descriptors } from '../../src/tail/descriptors.ts';
import type { TailState } from '../../src/tail/tail_state.ts';
import { AgentSite } from '../support/agent_site.ts';

test('descriptors are left for what is not a log', () => {
  assert.deepEqual(
    [64, 256, 1_024, 100_000].map((open) => new Descriptors(open).max),
    [16, 64, 768, 99_744],
  );
  const few = new Descriptors(8);
  few.take();
  few.take();
  assert.throws(() => few.take(), { code: 'EMFILE', syscall: 'open' });
  few.give();
  few.take();
  assert.equal(few.held, 2);
});

test('held by descriptors, files have one link, are read after their deletion, and go on after a kill', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  site.settings.pins = 'descriptor';
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'one\n');
  await site.read('sb', 4);
  assert.equal(statSync(site.path('sb')).nlink, 1, 'logrotate skips a file with two links');
  assert.deepEqual(site.pins(), []);
  await site.kill();
  writeFileSync(site.path('sb'), 'two\n', { flag: 'a' });
  await site.start();
  await site.read('sb', 8);
  site.atOnce(() => {
    writeFileSync(site.path('sb'), 'three\n', { flag: 'a' });
    site.delete('sb');
  });
  const streams = await site.sealed('sb');
  assert.deepEqual(
    streams.map(({ bytes, seal }) => [String(bytes), seal!.reason]),
    [['one\ntwo\nthree\n', 'deleted']],
  );
  assert.doesNotMatch(site.output, /LINK_IMPOSSIBLE|Cannot hard-link/);
});

test('a file that FUSE or NFS hides only for the descriptor is closed, so that its folder can be removed', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  site.settings.pins = 'descriptor';
  await site.start();
  for (const [sandbox, hidden] of Object.entries({
    fuse: '.fuse_hidden0000000900000034',
    nfs: '.nfs0000000000b0042c00000001',
  })) {
    site.make(sandbox);
    writeFileSync(site.path(sandbox), 'one\n');
    await site.read(sandbox, 4);
    renameSync(site.path(sandbox), site.path(sandbox, hidden));
    const streams = await site.sealed(sandbox);
    assert.deepEqual(
      streams.map(({ bytes, seal }) => [String(bytes), seal!.reason, seal!.complete]),
      [['one\n', 'deleted', true]],
    );
  }
  const held = (): boolean =>
    readdirSync(`/proc/${site.pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${site.pid}/fd/${fd}`).startsWith(site.vms);
      } catch {
        return false; // It has just been closed.
      }
    });
  await site.eventually('no descriptor', () => !held());
});

test('with 256 open files and 300 logs held by descriptors, 64 descriptors hold logs, and the others are read as these end', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  site.settings.pins = 'descriptor';
  for (let index = 0; index < 300; index++) {
    site.make(`sb-${index}`);
    writeFileSync(site.path(`sb-${index}`), `log ${index}\n`);
  }
  site.openFilesMax = 256;
  await site.start();
  await site.eventually('a message', () => site.output.includes('DESCRIPTORS_SHORT'));
  assert.equal(site.output.split('\n').filter((line) => line.includes('DESCRIPTORS_SHORT')).length, 1);
  const idsRead = (): string[] =>
    Array.from({ length: 300 }, (_, index) => `sb-${index}`).filter(
      (id) => site.spool.poll().of(id, 'console').bytes > 0,
    );
  await site.eventually('the first logs', () => idsRead().length >= 64);
  const open = readdirSync(`/proc/${site.pid}/fd`).length;
  assert.ok(open <= 192, `${open} of 256 are open: the rest is for sockets and the spool`);
  // Each has a place once others are over.
  for (let read = idsRead(); read.length < 300; read = idsRead()) {
    const there = read.filter((id) => statSync(site.folder(id), { throwIfNoEntry: false }) !== undefined);
    for (const id of there) rmSync(site.folder(id), { recursive: true });
    await site.eventually('more logs', () => idsRead().length > read.length);
  }
});

test('a log that is deleted before a descriptor is free for it is a gap row of unknown length', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  site.settings.pins = 'descriptor';
  const ids = Array.from({ length: 70 }, (_, index) => `sb-${index}`);
  for (const id of ids) {
    site.make(id);
    writeFileSync(site.path(id), `log of ${id}\n`);
  }
  site.openFilesMax = 256;
  await site.start();
  const isRead = (id: string): boolean => site.spool.poll().of(id, 'console').bytes > 0;
  await site.eventually('the first logs', () => ids.filter(isRead).length >= 64);
  const others = ids.filter((id) => !isRead(id));
  const found = [];
  for (const [index, id] of others.entries()) {
    if (index % 2 === 0) site.delete(id);
    else rmSync(site.path(id)); // its folder stays
    found.push(...(await site.sealed(id)));
  }
  const lost = found.map(({ bytes, gaps, seal }) => [
    ...[bytes.length, gaps.map((gap) => gap.bytes), seal!.reason, seal!.complete],
    /before a descriptor was free/.test(gaps[0]!.reason),
  ]);
  assert.deepEqual(
    lost,
    others.map(() => [0, [null], 'deleted', false, true]),
  );
  // The name in a folder that stayed is a later stream.
  writeFileSync(site.path(others[1]!), 'again\n');
  for (const id of ids.filter((one) => !others.includes(one))) site.delete(id);
  await site.read(others[1]!, 6);
  site.delete(others[1]!);
  const streams = await site.sealed(others[1]!, 2);
  assert.deepEqual(
    streams.map(({ bytes, seal }) => [String(bytes), seal!.complete]),
    [
      ['', false],
      ['again\n', true],
    ],
  );
});

test('a file that only a descriptor held, and that is gone after a kill, is a gap row in its place', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  site.settings.pins = 'descriptor';
  await site.start();
  site.make('sb');
  const [live, one, two] = ['', '.1', '.2'].map((age) => site.path('sb', `console.log${age}`)) as [
    string,
    string,
    string,
  ];
  writeFileSync(live, 'a\n');
  await site.read('sb', 2);
  const writer = openSync(live, 'a');
  t.after(() => closeSync(writer));
  // The first file is not quiet, so the others wait behind it.
  renameSync(live, one);
  writeFileSync(live, 'b\n');
  await site.eventually('a file that waits', () => {
    writeSync(writer, 'more\n');
    const states = [...site.spool.poll().states.values()] as TailState[];
    return states.some(({ waiting }) => waiting?.length === 1);
  });
  await site.kill();
  renameSync(one, two);
  rmSync(live);
  writeFileSync(live, 'c\n');
  await site.start();
  const written = readFileSync(two, 'utf8');
  await site.read('sb', written.length + 2);
  site.delete('sb');
  const streams = await site.sealed('sb');
  assert.equal(streams.map(({ bytes }) => String(bytes)).join(''), `${written}c\n`);
  assert.ok(streams.flatMap(({ gaps }) => gaps).length > 0, 'what was lost is told');
  assert.ok(!streams[0]!.seal!.complete);
});
