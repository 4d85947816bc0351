import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fit, rowText } from '../../src/demo/row.ts';
import { byteText, durationText, harmless, shellLines, sparkline } from '../../src/demo/text.ts';

test('a guest’s text loses what acts on a terminal, and is cut to its width', () => {
  assert.equal(harmless('\u001b[1;31mred\u001b[0m \u001b]0;x\u0007plain', 80), 'red plain');
  assert.equal(harmless('10%\r50%\r100%\r', 80), '100%');
  assert.equal(harmless('abcdef', 4), 'abc…');
});

test('sizes and durations have three digits or less, and a unit', () => {
  assert.deepEqual([0, 999, 1_000, 999_960, 12_345_678].map(byteText), [
    '0 B',
    '999 B',
    '1.0 kB',
    '1.0 MB',
    '12.3 MB',
  ]);
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
