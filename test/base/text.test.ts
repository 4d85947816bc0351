import assert from 'node:assert/strict';
import { test } from 'node:test';
import { escapedJson, exceptColors, harmless, harmlessLines, humanBytes } from '../../src/base/text.ts';

test('text from a guest loses everything that acts on a terminal', () => {
  assert.equal(harmless('\u001b[1;31mred\u001b[0m \u001b]0;title\u0007plain'), 'red plain');
  assert.equal(harmless('a\tb\rc\u0000d\u007fe\u009bf'), 'a\tb␍c␀d␡e\u{fffd}f');
  assert.equal(harmless('left\u202eright'), 'left\u{fffd}right');
  // Strings of a terminal, with and without their end.
  assert.equal(harmless('a\u001bP1;2|dcs\u001b\\b\u001b_apc\u009cc\u001b^unfinished'), 'abc');
});

test('on a screen each character has one column, and a line is cut to its columns', () => {
  const on = (text: string, columns = 80): string => harmless(text, { columns });
  assert.equal(on('\u001b[1;31mred\u001b[0m \u001b]0;x\u0007plain'), 'red plain');
  assert.equal(on('10%\r50%\r100%\r'), '100%');
  assert.equal(on('a\tb漢\u0301\u200bc'), 'a b···c');
  assert.equal(on('a\u001bP1;2|dcs\u001b\\b'), 'ab');
  assert.equal(on('abcdef', 4), 'abc…');
});

test('neither form lets any control character through', () => {
  const all = Array.from({ length: 0x250 }, (_, code) => String.fromCharCode(code)).join('x');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the control characters themselves
  const control = /[\u0000-\u0008\u000a-\u001f\u007f-\u009f]/;
  assert.doesNotMatch(harmless(all), control);
  assert.doesNotMatch(harmless(all, { columns: all.length }), control);
});

/** All characters that act on a terminal, or hide there, beyond ASCII; selectors of a glyph are no such ones. */
const hidden = [
  ...['\u0085', '\u009b', '\u00ad', '\u034f', '\u061c', '\u115f', '\u180e', '\u200b', '\u200d', '\u200f'],
  ...['\u2028', '\u2029', '\u202e', '\u2060', '\u2066', '\u2069', '\u3164', '\ufeff', '\ufff9', '\u{e0041}'],
];

test('characters that nobody sees appear, also those that no terminal acts on', () => {
  for (const character of hidden) assert.equal(harmless(`a${character}b`), 'a\u{fffd}b', escape(character));
  assert.equal(harmless('✔️ naïve 漢字 e\u0301'), '✔️ naïve 漢字 e\u0301', 'and what people write stays');
  assert.equal(harmlessLines('a\u001b[2J\nb\u200b\n'), 'a\nb\u{fffd}\n');
});

test('JSON names these characters, and means the same', () => {
  const value = { 'k\u200b': `${hidden.join('x')}\u007f✔️ 漢 "quoted\\"` };
  const json = escapedJson(JSON.stringify(value));
  assert.deepEqual(JSON.parse(json), value);
  for (const character of [...hidden, '\u007f']) assert.ok(!json.includes(character), escape(character));
  assert.ok(json.includes('\\u200b') && json.includes('\\udb40\\udc41') && json.includes('漢'));
  const plain = '{"a":"b"}';
  assert.equal(escapedJson(plain), plain);
});

test('our own text keeps its colors, and nothing else that acts', () => {
  assert.equal(
    exceptColors('\u001b[31mred\u001b[0m \u001b[2J\u001b]0;x\u0007\u009b\n\ttab'),
    '\u001b[31mred\u001b[0m \u{fffd}\n\ttab',
  );
});

test('a size has at most four digits, and a unit', () => {
  const sizes = [0, 1_023, 1_024, 1_536, 123_456, 1024 ** 2 - 1, 12_345_678, 1024 ** 5 * 2_000];
  assert.deepEqual(sizes.map(humanBytes), [
    '0 B',
    '1023 B',
    '1.0 KiB',
    '1.5 KiB',
    '121 KiB',
    '1.0 MiB',
    '11.8 MiB',
    '2000 PiB',
  ]);
});
