import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { AgentSite } from '../support/agent_site.ts';
import type { StoredStream } from '../support/streams.ts';

const texts = (streams: StoredStream[]): string[] => streams.map((stream) => stream.bytes.toString());
const hasEnded = (stream: StoredStream): void => {
  assert.deepEqual(stream.gaps, []);
  assert.equal(stream.seal!.complete, true);
};

describe('a file that was read and comes back is not read again', { concurrency: true }, () => {
  const site = new AgentSite();
  const elsewhere = join(site.dir, 'data', 'elsewhere');
  before(async () => {
    mkdirSync(elsewhere);
    await site.start();
  });
  after(() => site.close());

  /** A console whose first file is read, rotated to `.1`, and closed. */
  async function rotated(id: string): Promise<void> {
    site.make(id);
    writeFileSync(site.path(id), 'first\n');
    await site.read(id, 6);
    site.atOnce(() => {
      renameSync(site.path(id), site.path(id, 'console.log.1'));
      writeFileSync(site.path(id), 'second\n');
    });
    await site.read(id, 13);
  }

  /** A console that is sealed while its folder is away. */
  async function sealedAway(id: string, content: Buffer, readable_bytes: number): Promise<StoredStream[]> {
    site.make(id);
    writeFileSync(site.path(id), content);
    await site.read(id, readable_bytes);
    renameSync(site.folder(id), join(elsewhere, id));
    return site.sealed(id);
  }

  async function isOneStream(id: string, wanted: string): Promise<void> {
    await site.flush(id);
    site.delete(id);
    const streams = await site.sealed(id);
    assert.deepEqual(texts(streams), [wanted]);
    hasEnded(streams[0]!);
  }

  test('from another folder, under its former name', async () => {
    await rotated('former');
    renameSync(site.path('former', 'console.log.1'), join(elsewhere, 'former'));
    await site.flush('former');
    renameSync(join(elsewhere, 'former'), site.path('former', 'console.log.1'));
    appendFileSync(site.path('former'), 'more\n');
    await site.read('former', 18);
    await isOneStream('former', 'first\nsecond\nmore\n');
  });

  test('from a strange name in the folder, under a newer or an older name of the chain', async () => {
    await rotated('strange');
    renameSync(site.path('strange', 'console.log.1'), site.path('strange', 'put-away'));
    await site.flush('strange');
    renameSync(site.path('strange', 'put-away'), site.path('strange', 'console.log.7'));
    await site.flush('strange');
    renameSync(site.path('strange', 'console.log.7'), site.path('strange', 'console.log-20261129'));
    await isOneStream('strange', 'first\nsecond\n');
  });

  test('a rotated file to which its writer still writes is read on, and the live one after it', async () => {
    await rotated('late');
    appendFileSync(site.path('late', 'console.log.1'), 'late\n');
    await site.read('late', 18);
    appendFileSync(site.path('late'), 'third\n');
    await site.read('late', 24);
    appendFileSync(site.path('late', 'console.log.1'), 'later\n');
    await site.read('late', 30);
    await isOneStream('late', 'first\nsecond\nlate\nthird\nlater\n');
  });

  test('as the live file: it goes on behind what was read', async () => {
    await rotated('live');
    site.atOnce(() => renameSync(site.path('live', 'console.log.1'), site.path('live')));
    appendFileSync(site.path('live'), 'again\n');
    await site.read('live', 19);
    await isOneStream('live', 'first\nsecond\nagain\n');
  });

  test('a console that leaves the folder goes on there, and the next one follows it', async () => {
    site.make('olddir');
    writeFileSync(site.path('olddir'), 'one\n');
    await site.read('olddir', 4);
    renameSync(site.path('olddir'), join(elsewhere, 'olddir.1'));
    appendFileSync(join(elsewhere, 'olddir.1'), 'late\n');
    writeFileSync(site.path('olddir'), '');
    await site.read('olddir', 9);
    appendFileSync(site.path('olddir'), 'two\n');
    await site.read('olddir', 13);
    await isOneStream('olddir', 'one\nlate\ntwo\n');
  });

  test('a folder that is away for a moment is not sealed', async () => {
    site.make('away');
    writeFileSync(site.path('away'), 'one\n');
    await site.read('away', 4);
    renameSync(site.folder('away'), join(elsewhere, 'away'));
    appendFileSync(join(elsewhere, 'away', 'console.log'), 'two\n');
    await site.read('away', 8);
    // Long past the time after which a deleted one is sealed.
    await new Promise((done) => setTimeout(done, 3 * limits.tail.quiet_ms));
    assert.equal(site.streams('away')[0]!.seal, null);
    renameSync(join(elsewhere, 'away'), site.folder('away'));
    appendFileSync(site.path('away'), 'three\n');
    await site.read('away', 14);
    await isOneStream('away', 'one\ntwo\nthree\n');
  });

  test('a folder that comes back after its seal goes on in a stream of its own, also after a kill', async () => {
    site.make('long');
    writeFileSync(site.path('long'), 'one\n');
    writeFileSync(site.path('long', 'console.log.1'), 'zero\n');
    await site.read('long', 9);
    renameSync(site.folder('long'), join(elsewhere, 'long'));
    await site.sealed('long');
    renameSync(join(elsewhere, 'long'), site.folder('long'));
    appendFileSync(site.path('long'), 'two\n');
    await site.read('long', 13);
    site.delete('long');
    const streams = await site.sealed('long', 2);
    assert.deepEqual(texts(streams), ['zero\none\n', 'two\n']);
    streams.forEach(hasEnded);
  });

  test('a file that comes back after its seal, and is rotated at once, is read before its successor', async () => {
    await sealedAway('turned', Buffer.from('one\n'), 4);
    site.atOnce(() => {
      renameSync(join(elsewhere, 'turned'), site.folder('turned'));
      appendFileSync(site.path('turned'), 'two\n');
      renameSync(site.path('turned'), site.path('turned', 'console.log.1'));
      writeFileSync(site.path('turned'), 'three\n');
    });
    await site.read('turned', 14);
    site.delete('turned');
    const streams = await site.sealed('turned', 2);
    assert.deepEqual(texts(streams), ['one\n', 'two\nthree\n']);
    streams.forEach(hasEnded);
  });

  test('a preallocated file comes back after its seal, and is written on over its NULs', async () => {
    const content = Buffer.concat([Buffer.from('one\n'), Buffer.alloc(100_000)]);
    const [away] = await sealedAway('spare', content, 4);
    assert.equal(away!.bytes.toString(), 'one\n', 'its NULs are no content yet');
    renameSync(join(elsewhere, 'spare'), site.folder('spare'));
    const fd = openSync(site.path('spare'), 'r+');
    writeSync(fd, 'two\n', 4);
    closeSync(fd);
    await site.read('spare', 8);
    site.delete('spare');
    const streams = await site.sealed('spare', 2);
    assert.deepEqual(texts(streams), ['one\n', `two\n${'\0'.repeat(99_996)}`]);
    streams.forEach(hasEnded);
  });

  test('somebody else’s link to the file delays no seal', async () => {
    site.make('backup');
    writeFileSync(site.path('backup'), 'one\n');
    await site.read('backup', 4);
    linkSync(site.path('backup'), join(elsewhere, 'backup'));
    site.make('moved');
    writeFileSync(site.path('moved'), 'one\n');
    await site.read('moved', 4);
    renameSync(site.folder('moved'), join(elsewhere, 'moved'));
    site.delete('backup');
    await site.sealed('backup');
    assert.equal(site.streams('moved')[0]!.seal, null, 'sealed long before one that was moved away');
    // As a sandbox is made from a backup: what it held was read.
    site.make('backup');
    linkSync(join(elsewhere, 'backup'), site.path('backup'));
    appendFileSync(site.path('backup'), 'two\n');
    await site.read('backup', 8);
    unlinkSync(join(elsewhere, 'backup'));
    site.delete('backup');
    assert.deepEqual(texts(await site.sealed('backup', 2)), ['one\n', 'two\n']);
    await site.eventually('pins without a file let go', () =>
      site.pins().every((pin) => !pin.startsWith('backup')),
    );
  });
});

test('while no agent runs: files that were read are known again, wherever they were', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  const elsewhere = join(site.dir, 'data', 'elsewhere');
  mkdirSync(elsewhere);
  await site.start();
  for (const id of ['out', 'sealed']) {
    site.make(id);
    writeFileSync(site.path(id), 'first\n');
    await site.read(id, 6);
    site.atOnce(() => {
      renameSync(site.path(id), site.path(id, 'console.log.1'));
      writeFileSync(site.path(id), 'second\n');
    });
    await site.read(id, 13);
  }
  renameSync(site.path('out', 'console.log.1'), join(elsewhere, 'out.1'));
  await site.flush('out');
  renameSync(site.folder('sealed'), join(elsewhere, 'sealed'));
  await site.sealed('sealed');
  await site.kill();
  renameSync(join(elsewhere, 'out.1'), site.path('out', 'console.log.1'));
  appendFileSync(site.path('out', 'console.log.1'), 'late\n');
  renameSync(join(elsewhere, 'sealed'), site.folder('sealed'));
  appendFileSync(site.path('sealed'), 'third\n');
  await site.start();
  await site.read('out', 18);
  await site.read('sealed', 19);
  for (const id of ['out', 'sealed']) rmSync(site.folder(id), { recursive: true });
  assert.deepEqual(texts(await site.sealed('out')), ['first\nsecond\nlate\n']);
  assert.deepEqual(texts(await site.sealed('sealed', 2)), ['first\nsecond\n', 'third\n']);
  for (const stream of [...site.streams('out'), ...site.streams('sealed')]) hasEnded(stream);
  await site.empty();
});
