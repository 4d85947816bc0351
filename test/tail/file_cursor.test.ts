import assert from 'node:assert/strict';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdtempSync,
  openSync,
  rmSync,
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

test('a hole of NULs is stepped over, and no byte behind it', (t) => {
  const file = new File(t, Buffer.alloc(10_000));
  const cursor = new FileCursor(file.pin(), { skips_hole: true });
  const skip = () => cursor.skipHole(chunk, cursor.read(chunk));
  assert.equal(skip(), 'hole');
  assert.equal(cursor.offset, 4_096);
  appendFileSync(file.path, 'after\n');
  assert.equal(skip(), 'hole');
  assert.equal(skip(), 'moved');
  assert.deepEqual([cursor.offset, cursor.skipsHole], [10_000, false]);
  assert.equal(chunk.toString('latin1', 0, cursor.read(chunk)), 'after\n');
  const whole = new FileCursor(new File(t, 'no hole\0\n').pin(), { skips_hole: true });
  assert.equal(whole.skipHole(chunk, whole.read(chunk)), 'none');
  assert.deepEqual([whole.offset, whole.skipsHole], [0, false]);
});

test('a copy holds what was seen last; reading goes on in it at the same point', (t) => {
  const file = new File(t, 'one\ntwo\nthr');
  const copy = file.pin(`${file.path}.1`);
  copyFileSync(file.path, copy.path!);
  assert.equal(file.cursor.isSeenIn(copy), false, 'nothing was seen yet');
  file.take(8);
  file.cursor.keepUnfinished(Buffer.from('thr'));
  assert.equal(file.cursor.isSeenIn(copy), true);
  const next = file.cursor.in(copy);
  assert.deepEqual(next.point, file.cursor.point);
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
