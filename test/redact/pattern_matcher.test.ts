import assert from 'node:assert/strict';
import { test } from 'node:test';
import { limits } from '../../src/base/limits.ts';
import { PatternMatcher } from '../../src/redact/pattern_matcher.ts';
import { randomOf } from '../support/content.ts';
import { seed } from '../support/property.ts';

type Span = [from: number, to: number];

function spansOf(matcher: PatternMatcher, bytes: Buffer, stepsMax = Number.POSITIVE_INFINITY): Span[] | null {
  const spans: Span[] = [];
  const piece = {
    start: 0,
    until: bytes.length,
    end: bytes.length,
    isCut: [false, false] as [boolean, boolean],
  };
  return matcher.find(bytes, piece, stepsMax, (from, to) => spans.push([from, to])) ? spans : null;
}

/** What a search by backtracking finds. */
const expected = (pattern: string, text: string): Span[] =>
  [...text.matchAll(new RegExp(pattern, 'g'))]
    .filter(([found]) => found !== '')
    .map(({ index, 0: found }) => [index, index + found.length]);

const random = randomOf(seed);
const pick = <One>(some: readonly One[]): One => some[Math.floor(random() * some.length)]!;
const letters = [
  'a',
  'b',
  'c',
  '-',
  '[ab]',
  '[^a]',
  '[a-c-]',
  '[^\\W\\d]',
  '.',
  '\\w',
  '\\W',
  '\\s',
  '\\d',
  '\\x61',
];
const repetitions = [
  '*',
  '+',
  '?',
  '*?',
  '+?',
  '??',
  '{2}',
  '{0,2}',
  '{1,3}',
  '{1,}',
  '{2,3}?',
  '{0,2}?',
  '{2,}?',
];

function madePattern(depth: number): string {
  const inner = (): string => madePattern(depth - 1);
  const kind = random() * 10;
  if (depth === 0 || kind < 3) return random() < 0.8 ? pick(letters) : pick(['\\b', '\\B', '^', '$', '']);
  if (kind < 6) return inner() + inner();
  if (kind < 7) return `(${inner()}|${inner()})`;
  if (kind < 8) return `(?:${inner()}||${inner()})`;
  return `(${inner()})${pick(repetitions)}`;
}

test('matches are those of RegExp, and each line gets as many steps as before, whatever lines came between', () => {
  let compared = 0;
  while (compared < 4_000) {
    const pattern = madePattern(4);
    let matcher: PatternMatcher;
    try {
      matcher = new PatternMatcher(pattern);
    } catch {
      continue;
    }
    const texts = Array.from({ length: 4 }, () =>
      Array.from({ length: random() * 14 }, () =>
        pick(['a', 'a', 'b', 'c', '-', ' ', '1', '\r', '\xe9']),
      ).join(''),
    );
    const steps = texts.map((text) => {
      const spans = spansOf(matcher, Buffer.from(text, 'latin1'));
      assert.deepEqual(spans, expected(pattern, text), `${pattern} in ${JSON.stringify(text)}`);
      if (!text.includes(matcher.needs)) assert.deepEqual(spans, [], `${pattern} needs ${matcher.needs}`);
      compared++;
      return matcher.steps;
    });
    for (const [index, text] of [...texts.entries()].reverse()) {
      spansOf(matcher, Buffer.from(text, 'latin1'));
      assert.equal(matcher.steps, steps[index], pattern);
    }
  }
});

test('a pattern whose table is full matches as before', () => {
  const pattern = '(?:[^0]{1,3}[^1]{1,2}x){1,4}(?:[ab]{3,9}|[^b]{5,30}y){2}';
  const matcher = new PatternMatcher(pattern);
  const twice = new PatternMatcher(`(?:${pattern})|.{1,40}x.{1,40};.{1,40}:`);
  assert.ok(twice.size > 1_000);
  let steps = 0;
  for (let n = 0; n < 60; n++) {
    const text = Array.from({ length: 60 }, () => pick([...'ab01xy;:c'])).join('');
    const bytes = Buffer.from(text);
    assert.deepEqual(spansOf(matcher, bytes), expected(pattern, text), text);
    const both = `(?:${pattern})|.{1,40}x.{1,40};.{1,40}:`;
    assert.deepEqual(spansOf(twice, bytes), expected(both, text), text);
    steps += twice.steps;
  }
  assert.ok(steps > 0, 'the table lacked something');
});

/** Patterns, and texts on which a search by backtracking, or one search after each match, takes very long. */
const hostile: [string, string][] = [
  ['a{1,64}a{1,64}a{1,64}b', 'a'.repeat(65_536)],
  ['(\\w{1,8}){1,8}!', 'a'.repeat(65_536)],
  ['(a+)+$', `${'a'.repeat(65_535)}-`],
  ['.*=.*', '=-'.repeat(32_768)],
  ['a[^b]*b|a', 'a'.repeat(65_536)],
  ['x.{1,60};.{1,60}:', 'x;: '.repeat(16_384)],
  [
    '.{1,60}[ab].{1,60}[bc].{1,60}[cd]!',
    Array.from({ length: 65_536 }, () => 'abc!'[Math.floor(random() * 4)]).join(''),
  ],
];

test('the steps of a line are at most its bytes times the size of the pattern', () => {
  for (const [pattern, text] of hostile) {
    const matcher = new PatternMatcher(pattern);
    spansOf(matcher, Buffer.from(text));
    assert.ok(matcher.steps <= text.length * 400, `${pattern}: ${matcher.steps}`);
  }
  // These never leave the table.
  for (const [pattern, text] of hostile.slice(0, 4)) {
    const matcher = new PatternMatcher(pattern);
    spansOf(matcher, Buffer.from(text));
    assert.ok(matcher.steps <= text.length, `${pattern}: ${matcher.steps}`);
  }
});

test('a line that needs too many steps is given up, soon, and the next line is matched', () => {
  const [pattern, text] = hostile.at(-1)!;
  const matcher = new PatternMatcher(pattern);
  assert.equal(spansOf(matcher, Buffer.from(text), 10_000), null);
  assert.ok(matcher.steps <= 10_000 + 400);
  const next = text.slice(0, 300);
  assert.deepEqual(spansOf(matcher, Buffer.from(next)), expected(pattern, next));
});

test('a single match that needs too many steps is given up within it', () => {
  const pattern = `(?:${'b|'.repeat(1_000)}a)+`;
  const matcher = new PatternMatcher(pattern);
  const text = Buffer.from('a'.repeat(65_536));
  assert.equal(spansOf(matcher, text, 10_000), null);
  assert.ok(matcher.steps <= 10_000 + limits.redact.places_max, `${matcher.steps} steps`);
  const { steps } = matcher;
  assert.deepEqual(spansOf(matcher, text.subarray(0, 5), 10_000), [[0, 5]]);
  assert.equal(spansOf(matcher, text, 10_000), null);
  assert.equal(matcher.steps, steps, 'the same line, the same steps');
});
