import assert from 'node:assert/strict';
import { test } from 'node:test';
import { patternFault } from '../../src/redact/pattern_check.ts';

test('patterns that people write are taken', () => {
  const fine = [
    ...[
      'acct_\\d{8,}',
      'password=\\S+',
      '\\bsecret-[a-z]+\\b',
      'token_[A-Za-z0-9]{20,100}',
      '[^\\]a-]+z',
      'a|b',
    ],
    ...['(\\d+,)+x', '^(?:[a-z0-9]+\\.)+com$', '[a-z]+@[a-z]+\\.com', '(?<n>ab)+x', 'key: .*'],
    ...['(?:\\d{1,3}\\.){3}\\d{1,3}', 'https?://(?:www\\.)?[^/\\s]+/token/\\w+', '\\x41\\t\\.{2}'],
    ...['(?:4\\d{3}|5[1-5]\\d{2})(?:[ -]?\\d{4}){3}', 'customer[-_ ]?id[=:]\\s*\\d+'],
    // A search by backtracking would explode on these.
    ...['(a+)+$', '(a|a)*b', '(a*)*b', '.*=.*', '(.*)(a|b)+c', '(\\w+\\s?)+;', '(a?){30}a{30}'],
    ...[
      'a{1,64}a{1,64}a{1,64}b',
      '(\\w{1,8}){1,8}!',
      '((a|aa){8}){8}',
      '(\\d{1,40}\\s){1,40}',
      'key=[^ ]{1,2000};',
      `(?:${'a|'.repeat(300)}a)+b`,
    ],
  ];
  for (const pattern of fine) assert.equal(patternFault(pattern), null, pattern);
});

test('patterns that need backtracking, match nothing, or are too large are refused, with the reason', () => {
  const cases: [string, RegExp][] = [
    ['(a{1,90}){1,90}x', /^is too large: .* may have 4096 characters; shorten its repetitions, or split/],
    ['(?:\\b){99999}a', /too large/],
    [`${'('.repeat(1_200)}a${')'.repeat(1_200)}`, /^has more than 2048 characters; split/],
    ['[', /not a valid regular expression/],
    ['a*', /empty/],
    ['(x)\\1', /backreference/],
    ['(?<n>x)\\k<n>', /backreference/],
    ['(?=a)a', /lookahead or lookbehind/],
    ['(?<!a)b', /lookahead or lookbehind/],
    ['(?i:a)', /kind of group/],
    ['ü+', /ASCII/],
    ['\\p{L}+', /not supported/],
    ['a[\\1]\\01', /not supported/],
    ['\\cAx', /not supported/],
  ];
  for (const [pattern, reason] of cases) assert.match(String(patternFault(pattern)), reason, pattern);
});
