import assert from 'node:assert/strict';
import { appendFileSync, copyFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { AgentSite } from '../support/agent_site.ts';
import { copyTruncate, OffsetWriter, rotate } from '../support/rotate.ts';
import type { StoredStream } from '../support/streams.ts';

const texts = (streams: StoredStream[]): string[] => streams.map((stream) => stream.bytes.toString());

describe('truncation in place', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  for (const [what, second] of [
    ['shorter', 'new\n'],
    ['longer, with other bytes', 'other content that has grown past the old offset\n'.repeat(3)],
  ] as const) {
    test(`the new content ${what}: the old stream is sealed with a gap row, a new one begins`, async () => {
      const id = `wake-${second.length}`;
      const first = '[    0.000000] first boot\nand its life\n';
      site.make(id);
      writeFileSync(site.path(id), first);
      await site.read(id, first.length);
      writeFileSync(site.path(id), second); // O_TRUNC on the same inode, as the runtime wakes a sandbox
      await site.read(id, first.length + second.length);
      site.delete(id);
      const streams = await site.sealed(id, 2);
      assert.deepEqual(texts(streams), [first, second]);
      assert.deepEqual(
        streams.map((stream) => stream.seal!.reason),
        ['truncated', 'deleted'],
      );
      assert.deepEqual(
        streams[0]!.gaps.map(({ position, bytes }) => [position, bytes]),
        [[first.length, null]],
      );
      assert.equal(streams[1]!.seal!.complete, true);
    });
  }

  test('a last line that was seen without its end is kept', async () => {
    site.make('unfinished');
    writeFileSync(site.path('unfinished'), 'whole\nhalf a li');
    await site.flush('unfinished');
    writeFileSync(site.path('unfinished'), 'new\n');
    await site.read('unfinished', 19);
    site.delete('unfinished');
    assert.deepEqual(texts(await site.sealed('unfinished', 2)), ['whole\nhalf a li', 'new\n']);
  });

  test('a file of which nothing but an unfinished line was seen: that piece is kept', async () => {
    site.make('piece');
    writeFileSync(site.path('piece'), 'half a li');
    await site.flush('piece');
    writeFileSync(site.path('piece'), 'new content, longer than the old\n');
    await site.read('piece', 33);
    site.delete('piece');
    assert.deepEqual(texts(await site.sealed('piece', 2)), [
      'half a li',
      'new content, longer than the old\n',
    ]);
  });

  test('the same boot up to the last whole line, other bytes in the unfinished one', async () => {
    const boot = '[    0.000000] the same boot\n'.repeat(30);
    site.make('boots');
    writeFileSync(site.path('boots'), `${boot}first, unfini`);
    await site.flush('boots');
    writeFileSync(site.path('boots'), `${boot}second life\n`);
    await site.read('boots', boot.length * 2);
    site.delete('boots');
    assert.deepEqual(texts(await site.sealed('boots', 2)), [`${boot}first, unfini`, `${boot}second life\n`]);
  });

  test('three truncations make four streams, each later than the one before', async () => {
    site.make('often');
    for (let life = 0; life < 4; life++) {
      writeFileSync(site.path('often'), `life ${life}\n`);
      await site.read('often', (life + 1) * 7);
    }
    site.delete('often');
    const streams = await site.sealed('often', 4);
    assert.deepEqual(texts(streams), ['life 0\n', 'life 1\n', 'life 2\n', 'life 3\n']);
  });

  test('a writer that goes on at its old offset leaves a hole, which is neither row nor position', async () => {
    site.make('hole');
    const writer = new OffsetWriter(site.path('hole'));
    writer.write('before the truncation\n');
    await site.read('hole', 22);
    writer.truncate();
    await site.sealed('hole');
    writer.write('after it\n');
    await site.read('hole', 31);
    writer.write('and on\n');
    await site.read('hole', 38);
    site.delete('hole');
    const streams = await site.sealed('hole', 2);
    assert.deepEqual(texts(streams), ['before the truncation\n', 'after it\nand on\n']);
    writer.close();
  });
});

describe('right after a rotation, before the turn of the new file has come', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  const rotated = async (id: string): Promise<void> => {
    site.make(id);
    writeFileSync(site.path(id), 'first file\n');
    await site.pinned(id);
    rotate(site.path(id));
    const second = Buffer.from('second file\n');
    appendFileSync(site.path(id), second);
    // Copied aside; or read, where that took so long that its turn has come.
    await site.eventually('a copy of the second file', () => {
      const copied = site.pins().find((name) => name.startsWith(`${id},console,aside,`)) ?? '';
      const path = join(site.settings.data_dir, '.afterlog', 'pins', copied);
      const size = copied === '' ? 0 : (statSync(path, { throwIfNoEntry: false })?.size ?? 0);
      return size === second.length || site.spool.of(id, 'console').bytes >= 23;
    });
  };

  test('truncated in place: what was seen of it is kept, and the new content is a stream of its own', async () => {
    await rotated('wake');
    writeFileSync(site.path('wake'), 'after the wake, and longer than what was there before\n');
    await site.flush('wake');
    site.delete('wake');
    assert.deepEqual(texts(await site.sealed('wake', 2)), [
      'first file\nsecond file\n',
      'after the wake, and longer than what was there before\n',
    ]);
  });

  test('copied and truncated: one stream', async () => {
    await rotated('copied');
    copyTruncate(site.path('copied'));
    appendFileSync(site.path('copied'), 'third\n');
    await site.flush('copied');
    site.delete('copied');
    assert.deepEqual(texts(await site.sealed('copied')), ['first file\nsecond file\nthird\n']);
  });
});

describe('copy-truncate', { concurrency: true }, () => {
  const site = new AgentSite();
  before(() => site.start());
  after(() => site.close());

  test('by a writer that appends: one stream, nothing lost, nothing repeated', async () => {
    site.make('appends');
    let wanted = '';
    for (let turn = 0; turn < 3; turn++) {
      const text = `turn ${turn}\n`.repeat(50);
      wanted += text;
      appendFileSync(site.path('appends'), text);
      await site.read('appends', wanted.length);
      const unseen = `end of ${turn}\n`;
      appendFileSync(site.path('appends'), unseen);
      copyTruncate(site.path('appends'));
      wanted += unseen;
      await site.read('appends', wanted.length);
      await sleep(1_500);
    }
    appendFileSync(site.path('appends'), 'last');
    wanted += 'last';
    site.delete('appends');
    const streams = await site.sealed('appends');
    assert.deepEqual(texts(streams), [wanted]);
    assert.equal(streams[0]!.seal!.complete, true);
  });

  test('by a writer that goes on at its old offset: the hole is left out', async () => {
    site.make('holes');
    const writer = new OffsetWriter(site.path('holes'));
    let wanted = '';
    for (let turn = 0; turn < 3; turn++) {
      const text = `turn ${turn}\n`.repeat(50);
      wanted += text;
      writer.write(text);
      await site.read('holes', wanted.length);
      copyTruncate(site.path('holes'));
      writer.write('x\n');
      wanted += 'x\n';
      await site.read('holes', wanted.length);
    }
    site.delete('holes');
    const streams = await site.sealed('holes');
    assert.deepEqual(texts(streams), [wanted]);
    assert.equal(streams[0]!.seal!.complete, true);
    writer.close();
  });

  test('before a whole line was read', async () => {
    site.make('early');
    writeFileSync(site.path('early'), 'half a li');
    await site.flush('early');
    appendFileSync(site.path('early'), 'ne\nunseen\n');
    copyTruncate(site.path('early'));
    appendFileSync(site.path('early'), 'after\n');
    await site.read('early', 25);
    site.delete('early');
    assert.deepEqual(texts(await site.sealed('early')), ['half a line\nunseen\nafter\n']);
  });

  test('two turns at once', async () => {
    site.make('twice');
    writeFileSync(site.path('twice'), 'one\n');
    await site.read('twice', 4);
    appendFileSync(site.path('twice'), 'two\n');
    copyTruncate(site.path('twice'));
    appendFileSync(site.path('twice'), 'three\n');
    copyTruncate(site.path('twice'));
    appendFileSync(site.path('twice'), 'four\n');
    await site.flush('twice');
    site.delete('twice');
    assert.deepEqual(texts(await site.sealed('twice')), ['one\ntwo\nthree\nfour\n']);
  });

  test('a copy and its folder are deleted as soon as they are held: one stream all the same', async () => {
    for (let turn = 0; turn < 20; turn++) {
      const id = `gone-${turn}`;
      site.make(id);
      appendFileSync(site.path(id), 'read before\n');
      await site.flush(id);
      copyTruncate(site.path(id));
      appendFileSync(site.path(id), 'and after\n');
      await site.pinned(id);
      site.delete(id);
      const streams = await site.sealed(id);
      assert.deepEqual(texts(streams), ['read before\nand after\n']);
      assert.equal(streams[0]!.seal!.complete, true);
    }
  });

  test('a copy of what was there long before a wake is not read after it', async () => {
    site.make('stale');
    writeFileSync(site.path('stale'), 'one\n');
    await site.flush('stale');
    copyFileSync(site.path('stale'), `${site.path('stale')}.1`);
    await site.pinned('stale');
    appendFileSync(site.path('stale'), 'two\n');
    await site.flush('stale');
    writeFileSync(site.path('stale'), 'after the wake\n');
    await site.flush('stale');
    site.delete('stale');
    assert.deepEqual(texts(await site.sealed('stale', 2)), ['one\ntwo\n', 'after the wake\n']);
  });

  test('a copy beside a live file that is never truncated is not read', async () => {
    site.make('copied');
    writeFileSync(site.path('copied'), 'one\n');
    await site.read('copied', 4);
    copyFileSync(site.path('copied'), `${site.path('copied')}.1`);
    await site.pinned('copied');
    appendFileSync(site.path('copied'), 'two\n');
    await site.read('copied', 8);
    site.delete('copied');
    assert.deepEqual(texts(await site.sealed('copied')), ['one\ntwo\n']);
    await site.eventually('a pins folder without the copy', () =>
      site.pins().every((pin) => !pin.startsWith('copied,')),
    );
  });
});

describe('truncated while the agent is down', () => {
  for (const [what, change, wanted] of [
    ['in place', (path: string) => writeFileSync(path, 'new life\n'), ['seen\n', 'new life\n']],
    [
      'by copy-truncate',
      (path: string) => {
        appendFileSync(path, 'unseen\n');
        copyTruncate(path);
        appendFileSync(path, 'on\n');
      },
      ['seen\nunseen\non\n'],
    ],
    [
      'by copy-truncate, and rotated by renaming after that',
      (path: string) => {
        appendFileSync(path, 'unseen\n');
        copyTruncate(path);
        appendFileSync(path, 'on\n');
        rotate(path);
        appendFileSync(path, 'and on\n');
      },
      ['seen\nunseen\non\nand on\n'],
    ],
    [
      'by copy-truncate twice',
      (path: string) => {
        appendFileSync(path, 'unseen\n');
        copyTruncate(path);
        appendFileSync(path, 'on\n');
        copyTruncate(path);
        appendFileSync(path, 'and on\n');
      },
      ['seen\nunseen\non\nand on\n'],
    ],
  ] as const) {
    test(what, async (t) => {
      const site = new AgentSite();
      t.after(() => site.close());
      await site.start();
      site.make('sb');
      writeFileSync(site.path('sb'), 'seen\n');
      await site.read('sb', 5);
      await site.kill();
      change(site.path('sb'));
      await site.start();
      await site.read('sb', wanted.join('').length);
      site.delete('sb');
      assert.deepEqual(texts(await site.sealed('sb', wanted.length)), wanted);
      await site.empty();
    });
  }

  test('killed right after a copy-truncate with a hole: no NULs, nothing twice', async (t) => {
    const site = new AgentSite();
    t.after(() => site.close());
    for (let round = 0; round < 6; round++) {
      const id = `sb-${round}`;
      if (!site.isRunning) await site.start();
      site.make(id);
      const writer = new OffsetWriter(site.path(id));
      writer.write('seen\n'.repeat(200));
      await site.read(id, 1_000);
      copyTruncate(site.path(id));
      writer.write('after\n');
      // Into the second in which the copy waits to be closed.
      await sleep(round * 60);
      await site.kill();
      await site.start();
      await site.read(id, 1_006);
      site.delete(id);
      writer.close();
      assert.deepEqual(
        texts(await site.sealed(id)),
        [`${'seen\n'.repeat(200)}after\n`],
        `killed after ${round * 60} ms`,
      );
    }
    await site.empty();
  });
});

test('a file that is emptied and stays empty ends its stream; what follows on deletion is an empty stream', async (t) => {
  const site = new AgentSite();
  t.after(() => site.close());
  await site.start();
  site.make('sb');
  writeFileSync(site.path('sb'), 'one\n');
  await site.read('sb', 4);
  truncateSync(site.path('sb'), 0);
  await site.sealed('sb', 1);
  await site.flush('sb');
  site.delete('sb');
  const streams = await site.sealed('sb', 2);
  assert.deepEqual(texts(streams), ['one\n', '']);
  await site.empty();
});
