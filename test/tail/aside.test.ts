import assert from 'node:assert/strict';
import { appendFileSync, renameSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { TailHost } from '../support/tail_host.ts';

const line = `${'x'.repeat(1023)}\n`;

describe('what cannot be read yet of a live file is copied aside', { concurrency: true }, () => {
  test('reading has stopped, a console is truncated twice, there is room again: all bytes arrive', async (t) => {
    const host = new TailHost(t);
    host.write('sb', 'read\nhalf');
    await host.read('sb', 5);
    host.tailer.pause();
    const unread = ` a line\n${line.repeat(600)}no end`;
    host.write('sb', unread);
    await host.aside('sb', [9 + unread.length]);
    writeFileSync(host.path('sb'), 'after the wake\n');
    await host.aside('sb', [15]);
    writeFileSync(host.path('sb'), 'after the second\n');
    await host.aside('sb', [17]);
    host.tailer.resume();
    await host.read('sb', 9 + unread.length + 15 + 17);
    host.delete('sb');
    const streams = await host.sealed('sb', 3);
    assert.deepEqual(
      streams.map(({ bytes }) => bytes.toString()),
      [`read\nhalf${unread}`, 'after the wake\n', 'after the second\n'],
    );
    await host.eventually('nothing left', () => host.pinned() === 0 && host.tailer.held.aside_bytes === 0);
  });

  test('the copy begins with many NULs, behind lines that were read: all that follows them arrives', async (t) => {
    const host = new TailHost(t);
    host.write('sb', 'read\n');
    await host.read('sb', 5);
    host.tailer.pause();
    const unread = `${'\0'.repeat(600_000)}behind\n`;
    host.write('sb', unread);
    await host.aside('sb', [5 + unread.length]);
    writeFileSync(host.path('sb'), 'after the wake\n');
    await host.aside('sb', [15]);
    host.tailer.resume();
    await host.read('sb', 5 + unread.length + 15);
    host.delete('sb');
    const streams = await host.sealed('sb', 2);
    assert.deepEqual(
      streams.map(({ bytes }) => bytes.toString()),
      [`read\n${unread}`, 'after the wake\n'],
    );
  });

  test('the file before it is not quiet: what is truncated meanwhile arrives, in order', async (t) => {
    const host = new TailHost(t);
    host.write('sb', 'first\n');
    await host.read('sb', 6);
    renameSync(host.path('sb'), host.path('sb', 'console.log.1'));
    const second = `second\n${line.repeat(100)}`;
    let isWaiting = true;
    // A writer that still has the first file keeps it from being quiet.
    let late = '';
    const writing = setInterval(() => {
      if (!isWaiting) return;
      late += 'late\n';
      appendFileSync(host.path('sb', 'console.log.1'), 'late\n');
    }, 20);
    t.after(() => clearInterval(writing));
    host.write('sb', second);
    await host.aside('sb', [second.length]);
    writeFileSync(host.path('sb'), 'after the wake\n');
    await host.aside('sb', [15]);
    isWaiting = false;
    await host.read('sb', 6 + late.length + second.length + 15);
    host.delete('sb');
    const streams = await host.sealed('sb', 2);
    assert.deepEqual(
      streams.map(({ bytes }) => bytes.toString()),
      [`first\n${late}${second}`, 'after the wake\n'],
    );
    assert.equal(streams[0]!.gaps.length, 1);
  });

  test('there is no room for all of it: the rest is a gap row of its exact length', async (t) => {
    const host = new TailHost(t, 300 * 1024);
    host.write('sb', 'read\n');
    await host.read('sb', 5);
    host.tailer.pause();
    host.write('sb', line.repeat(200));
    await host.aside('sb', [5 + 200 * 1024]);
    host.write('sb', line.repeat(200));
    await host.eventually('it is seen', () => host.hasSeen('sb', 5 + 400 * 1024));
    writeFileSync(host.path('sb'), 'after the wake\n');
    host.tailer.resume();
    await host.read('sb', 5 + 200 * 1024 + 15);
    host.delete('sb');
    const streams = await host.sealed('sb', 2);
    assert.equal(streams[0]!.bytes.length, 5 + 200 * 1024);
    assert.deepEqual(
      streams[0]!.gaps.map(({ position, bytes }) => [position, bytes]),
      [
        [5 + 200 * 1024, 200 * 1024],
        [5 + 400 * 1024, null],
      ],
    );
    assert.match(streams[0]!.gaps[0]!.reason, /no room to copy it aside/);
  });
});
