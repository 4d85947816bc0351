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
    ...[
      '(\\d+,)+x',
      '^(?:[a-z0-9]+\\.)+com$',
      '[a-z]+@[a-z]+\\.com',
      'customer[-_ ]?id[=:]\\s*\\d+',
      '(?<n>ab)+x',
    ],
    ...['(?:\\d{1,3}\\.){3}\\d{1,3}', 'https?://(?:www\\.)?[^/\\s]+/token/\\w+', '\\x41\\t\\.{2}', 'key: .*'],
    ...[
      '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
      '(?:4\\d{3}|5[1-5]\\d{2})(?:[ -]?\\d{4}){3}',
    ],
  ];
  for (const pattern of fine) assert.equal(patternFault(pattern), null, pattern);
});

test('patterns whose cost may explode are refused, with the reason', () => {
  const cases: [string, RegExp][] = [
    ...[
      '(a+)+$',
      '(a|a)*b',
      '(a|aa)+$',
      '(a*)*b',
      '(a|b|ab)*c',
      '([a-z]+|[0-9]+)*;',
      '(\\w+\\s?)+;',
      '(.*,)+x',
    ].map((pattern): [string, RegExp] => [pattern, /several ways/]),
    ...['.*=.*', '.*a.*b', 'x*x*x*y', '\\w+\\d+:', '(.*)(a|b)+c'].map((pattern): [string, RegExp] => [
      pattern,
      /two repetitions/,
    ]),
    ...['(a?){30}a{30}', '((a|aa){8}){8}', `${'a?'.repeat(20)}b`].map((pattern): [string, RegExp] => [
      pattern,
      /optional parts/,
    ]),
    ['(a{1,30}){1,30}x', /too long|optional|several ways/],
    ['[', /not a valid regular expression/],
    ['a*', /empty/],
    ['(x)\\1', /backreference/],
    ['(?<n>x)\\k<n>', /backreference/],
    ['(?=a)a', /lookahead or lookbehind/],
    ['(?<!a)b', /lookahead or lookbehind/],
    ['ü+', /ASCII/],
    ['\\p{L}+', /not supported/],
  ];
  for (const [pattern, reason] of cases) assert.match(String(patternFault(pattern)), reason, pattern);
});
