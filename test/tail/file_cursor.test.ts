import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { FileCursor } from '../../src/tail/file_cursor.ts';
import type { Pin } from '../../src/tail/pins.ts';

const chunk = Buffer.alloc(4_096);

/** A real file, and a cursor on it. */
class File {
  readonly path: string;
  readonly cursor: FileCursor;

  constructor(t: TestContext, content: string | Buffer) {
    const dir = mkdtempSync(join(tmpdir(), 'afterlog-cursor-'));
    t.after(() => rmSync(dir, { recursive: true }));
    this.path = join(dir, 'console.log');
    writeFileSync(this.path, content);
    this.cursor = new FileCursor(this.pin());
  }

  pin(path = this.path): Pin {
    return { inode: '1', born: '1', path, fd: null };
  }

  /** Reads, and takes so many of the new bytes. @returns what a read gave, the known bytes in front */
  take(bytes = Number.POSITIVE_INFINITY): string | null {
    const { cursor } = this;
    const length = cursor.read(chunk);
    if (length < 0) return null;
    const start = cursor.overlap_bytes;
    const read = chunk.toString('latin1', 0, length);
    const to = Math.min(length, start + bytes);
    if (to > start) cursor.advance(chunk, start, to);
    return read;
  }
}

test('each read begins with what is known, and goes on where the last one was taken', (t) => {
  const file = new File(t, 'one\ntwo\n');
  assert.equal(file.cursor.size, -1);
  assert.equal(file.take(4), 'one\ntwo\n');
  assert.deepEqual([file.cursor.offset, file.cursor.overlap_bytes, file.cursor.size], [4, 4, 8]);
  assert.equal(file.take(), 'one\ntwo\n');
  appendFileSync(file.path, 'three\n');
  assert.equal(file.take(), 'one\ntwo\nthree\n');
  assert.equal(file.take(), 'one\ntwo\nthree\n', 'nothing new');
  assert.equal(file.cursor.offset, 14);
});

test('no more than the last bytes are compared', (t) => {
  const file = new File(t, 'x'.repeat(2_000));
  file.take(100);
  file.take(450);
  assert.deepEqual([file.cursor.offset, file.cursor.overlap_bytes], [550, limits.tail.overlap_bytes]);
  assert.equal(file.cursor.readsFrom, 550 - limits.tail.overlap_bytes);
  file.take();
  assert.deepEqual([file.cursor.offset, file.cursor.readsFrom], [2_000, 2_000 - limits.tail.overlap_bytes]);
});

test('a file that is shorter, or holds other bytes where it was read, was truncated', (t) => {
  const file = new File(t, 'first life\n');
  file.take();
  for (const [content, what] of [
    ['', 'empty'],
    ['first', 'shorter'],
    ['second one, longer than before\n', 'other bytes'],
  ] as const) {
    writeFileSync(file.path, content);
    assert.equal(file.cursor.read(chunk), -1, what);
  }
  writeFileSync(file.path, 'first life\ngoes on\n');
  assert.equal(file.cursor.read(chunk), 19);
});

test('an unfinished line may be all that tells what a file held from what it holds', (t) => {
  const file = new File(t, 'boot\nlogin: ');
  file.take(5);
  file.cursor.keepUnfinished(Buffer.from('login: '));
  assert.deepEqual([file.cursor.offset, file.cursor.seenTo], [5, 12]);
  writeFileSync(file.path, 'boot\nanother life\n');
  assert.equal(file.cursor.read(chunk), -1);
  writeFileSync(file.path, 'boot\nlog');
  assert.equal(file.cursor.read(chunk), -1);
  writeFileSync(file.path, 'boot\nlogin: root\n');
  assert.equal(file.take(), 'boot\nlogin: root\n');
  assert.equal(file.cursor.unfinished, null, 'what is taken is not unfinished');
});

test('NULs behind the content are searched once, and stepped over as soon as content follows', (t) => {
  const file = new File(t, Buffer.alloc(10_000));
  const { cursor } = file;
  const search = (): string => {
    const length = cursor.read(chunk);
    if (cursor.nuls.isAmid) cursor.nuls.search(chunk, length);
    else cursor.nuls.saw(length, length < chunk.length);
    return `${cursor.nuls.bytes} ${cursor.nuls.end}`;
  };
  assert.deepEqual([search(), search(), search()], ['4096 null', '8192 null', '10000 file']);
  assert.deepEqual([cursor.seenTo, cursor.isSeenWhole, cursor.isUnread], [0, true, true]);
  appendFileSync(file.path, 'after\n');
  cursor.read(chunk);
  assert.equal(cursor.nuls.areStale(), true);
  cursor.nuls.forget();
  assert.deepEqual([search(), search(), search()], ['4096 null', '8192 null', '10000 content']);
  cursor.skipNuls(cursor.nuls.bytes);
  assert.deepEqual([cursor.offset, cursor.overlap_bytes], [10_000, limits.tail.overlap_bytes]);
  assert.equal(chunk.toString('latin1', 0, cursor.read(chunk)).replaceAll('\0', ''), 'after\n');
});

test('NULs at the end of an unfinished line are not content yet', (t) => {
  const file = new File(t, 'log\0in\0\0\0');
  file.cursor.keepUnfinished(Buffer.from('log\0in\0\0\0'));
  assert.deepEqual([file.cursor.unfinished?.toString(), file.cursor.seenTo], ['log\0in', 6]);
  writeFileSync(file.path, 'log\0in:\n\0');
  assert.equal(file.cursor.read(chunk), 9);
});

test('NULs that a truncated file begins with are its hole if they are as many as had been read', (t) => {
  const hole = (bytes: number, content: number | null = null): number => {
    const file = new File(
      t,
      content === null ? '' : Buffer.concat([Buffer.alloc(content), Buffer.from('x')]),
    );
    if (content === null) truncateSync(file.path, bytes);
    if (content === null) appendFileSync(file.path, 'x');
    const cursor = new FileCursor(file.pin(), { skips_hole: true, hole_from: 5_000 });
    cursor.read(chunk);
    cursor.endHole(bytes);
    assert.equal(cursor.skipsHole, false);
    return cursor.offset;
  };
  assert.equal(hole(4_999), 0, 'too few');
  assert.equal(hole(5_000), 5_000);
  assert.equal(hole(20_000), 20_000, 'its writer had written more');
  assert.equal(hole(20_000, 20_000), 0, 'they are on disk: somebody wrote them');
  assert.equal(hole(0), 0);
});

test('a copy holds what was seen last; reading goes on in it at the same point', (t) => {
  const file = new File(t, 'one\ntwo\nthr');
  const copy = file.pin(`${file.path}.1`);
  copyFileSync(file.path, copy.path!);
  assert.equal(file.cursor.isSeenIn(copy), false, 'nothing was seen yet');
  file.take(8);
  file.cursor.keepUnfinished(Buffer.from('thr'));
  assert.equal(file.cursor.isSeenIn(copy), true);
  const next = file.cursor.inCopy(copy, file.cursor);
  assert.deepEqual(next.point, { ...file.cursor.point, is_copy: true });
  assert.equal(next.read(chunk), 11);
  writeFileSync(copy.path!, 'one\ntwo\nth');
  assert.equal(file.cursor.isSeenIn(copy), false, 'shorter than what was seen');
  writeFileSync(copy.path!, 'one\ntoo\nthree\n');
  assert.equal(file.cursor.isSeenIn(copy), false);
});

test('bytes that are skipped are not compared: nobody read them', (t) => {
  const file = new File(t, 'read, skipped, read again');
  file.take(6);
  file.cursor.skip(9);
  assert.deepEqual([file.cursor.offset, file.cursor.overlap_bytes], [15, 0]);
  assert.equal(file.take(), 'read again');
});

test('a file that is met late has been quiet since it was written, as far as that counts', (t) => {
  const file = new File(t, 'old\n');
  const hour_s = Date.now() / 1000 - 3_600;
  utimesSync(file.path, hour_s, hour_s);
  const now = performance.now();
  file.cursor.measure();
  assert.ok(file.cursor.grown_at_ms >= now - limits.tail.quiet_ms && file.cursor.grown_at_ms < now);
  assert.equal(file.cursor.size, 4);
  appendFileSync(file.path, 'new\n');
  utimesSync(file.path, hour_s, hour_s);
  file.cursor.read(chunk);
  assert.ok(file.cursor.grown_at_ms >= now, 'it grew since the last look');
});

test('a pin that is a descriptor reads a file without a name', (t) => {
  const file = new File(t, 'held\n');
  const fd = openSync(file.path, 'r');
  t.after(() => closeSync(fd));
  rmSync(file.path);
  const cursor = new FileCursor({ inode: '1', born: '1', path: null, fd });
  assert.equal(chunk.toString('latin1', 0, cursor.read(chunk)), 'held\n');
});
