import assert from 'node:assert/strict';
import {
  closeSync,
  fstatSync,
  futimesSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FileTimes } from '../../src/tail/content_check.ts';
import { KnownContent } from '../../src/tail/known_content.ts';

/** Each write has another time. */
let seconds = Math.ceil(Date.now() / 1_000);

const lines = (life: string, count: number): string =>
  Array.from({ length: count }, (_, index) => `${life} ${index}\n`).join('');

/** A file that is read as a whole, and what is known of it. */
function known(t: TestContext, text: string) {
  const dir = mkdtempSync(join(tmpdir(), 'afterlog-known-'));
  const path = join(dir, 'console.log');
  writeFileSync(path, text);
  const fd = openSync(path, 'r+');
  t.after(() => {
    closeSync(fd);
    rmSync(dir, { recursive: true });
  });
  const content = new KnownContent(0);
  const times = (): FileTimes => {
    const { size, mtimeMs: changed_ms } = fstatSync(fd);
    return { size, changed_ms };
  };
  const look = (of: FileTimes, isSeen = true) => {
    const end = content.measure(fd, of, false, 1_000);
    return [end, content.verify(fd, of, isSeen, { rest: null, bytes: 0, more: false, hadMore: false })];
  };
  assert.deepEqual(look(times()), [text.length, 'same']);
  content.took(Buffer.from(text));
  return { content, path, fd, times, look };
}

test('a file that is truncated between two calls of one look has nothing left behind its writer', (t) => {
  const { content, path, times, look } = known(t, lines('old', 100));
  const before = times();
  writeFileSync(path, 'new\n');
  assert.deepEqual(look(before, false), [before.size, 'changed']);
  assert.equal(content.startedOver, null);
});

test('what is left behind a writer is new as soon as the file has another size', (t) => {
  const old = lines('old', 100);
  const { content, path, fd, times, look } = known(t, old);
  writeSync(fd, 'new 0\nnew 1\n', 0);
  assert.equal(look(times(), false)[1], 'changed');
  const again = new KnownContent(0, content.startedOver!);
  assert.ok(again.measure(fd, times(), false, 1_000) <= 12);
  writeFileSync(path, lines('third', 20));
  assert.equal(again.measure(fd, times(), false, 1_000), times().size, 'truncated, and shorter than before');
  writeFileSync(path, lines('third', 200));
  assert.equal(again.measure(fd, times(), false, 1_000), times().size);
});

test('a new end that is not known, and is truncated before it was read, stays unsure', (t) => {
  const old = lines('old', 100);
  const { fd, path, times } = known(t, old);
  // An agent that did not watch knows that a writer started over, and nothing else.
  const saved = { remains: { end: old.length, new_to: 0, is_unsure: true } };
  const content = new KnownContent(0, saved);
  assert.equal(content.unsure_bytes, old.length);
  writeFileSync(path, 'third\n');
  assert.equal(content.measure(fd, times(), false, 1_000), 6);
  const ahead = { rest: null, bytes: 6, more: true, hadMore: true };
  assert.equal(content.verify(fd, times(), true, ahead), 'same');
  assert.equal(content.unsure_bytes, old.length);
  assert.equal(new KnownContent(0, content.state(0)).unsure_bytes, old.length, 'also after a restart');
});

test('a second writer over a first one, of which nobody knows how far it got, begins another stream', (t) => {
  const { content, fd, times, look } = known(t, `${'x'.repeat(3_000)}\n${lines('old', 100)}`);
  writeSync(fd, '1 without an end', 0);
  assert.equal(look(times(), false)[1], 'changed');
  const first = new KnownContent(0, content.startedOver!);
  const lookAgain = (): [number, string] => {
    const end = first.measure(fd, times(), false, 1_000);
    const ahead = { rest: null, bytes: 0, more: false, hadMore: false };
    return [end, first.verify(fd, times(), true, ahead)];
  };
  assert.deepEqual(lookAgain(), [0, 'same']);
  assert.ok(first.unsure_bytes > 0);
  writeSync(fd, '2\n', 0);
  futimesSync(fd, ++seconds, seconds);
  assert.equal(lookAgain()[1], 'changed');
  assert.ok(first.startedOver !== null);
});

test('what an agent copied of a half overwritten file is new to the next one, and its copy ends there', (t) => {
  const { fd, times } = known(t, lines('old', 100));
  const { size } = times();
  const saved = { size, changed_ms: 1, remains: { end: size, new_to: 4, is_unsure: false } };
  const content = new KnownContent(4, saved);
  content.copiedTo(6);
  assert.equal(content.measure(fd, times(), false, 1_000), 6);
  const copy = content.ofCopy()!;
  assert.equal(copy.measure(fd, times(), true, 1_000), 6);
  assert.deepEqual(copy.state(6).remains?.is_copy, true);
  const again = new KnownContent(6, copy.state(6));
  assert.equal(again.measure(fd, times(), true, 1_000), 6, 'also after a restart');
});
