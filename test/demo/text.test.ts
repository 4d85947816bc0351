import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fit, rowText } from '../../src/demo/row.ts';
import { durationText, shellLines, sparkline } from '../../src/demo/text.ts';

test('durations have three digits or less, and a unit', () => {
  assert.deepEqual([59_999, 61_000, 7_500_000].map(durationText), ['59 s', '1 min 01 s', '2 h 05 min']);
});

test('a command that fits stays on one line', () => {
  assert.deepEqual(shellLines('ls -l', 40), ['  ls -l']);
});

test('a curve is as high as its highest value', () => {
  assert.equal(sparkline([0, 50, 100, -1]), '▁▅█▁');
  assert.equal(sparkline([0, 0]), '▁▁');
  assert.equal(sparkline([]), '');
});

test('a line of several styles is cut where the width ends', () => {
  const row = [{ text: 'abc', style: 'bad' as const }, { text: 'defg' }];
  assert.equal(fit(row, 7), row);
  assert.deepEqual(
    [1, 3, 4, 6].map((width) => rowText(fit(row, width))),
    ['…', 'ab…', 'abc…', 'abcde…'],
  );
});
