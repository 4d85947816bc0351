import { test } from 'node:test';
import { assertHidden, drawn } from '../support/hidden.ts';

const hex = (length: number): string => drawn(length, '0123456789abcdef');

test('tokens are found by their own text, in any place', () => {
  const tokens = [
    `hv${'s.'}${drawn(24)}`,
    `gl${'rt-'}${drawn(20)}`,
    `gh${'s_'}${drawn(36)}`,
    `dckr${'_pat_'}${drawn(27)}`,
    `PMAK${'-'}${hex(24)}-${hex(34)}`,
    `pat${drawn(14)}.${hex(64)}`,
    `${drawn(14)}.atlas${'v1.'}${drawn(64)}`,
    `sk${'-'}${drawn(20)}T3Blbk${'FJ'}${drawn(20)}`,
    `1234567890:A${drawn(34)}`,
  ];
  for (const token of tokens) {
    for (const [before, behind] of [
      ['now using ', ' for it'],
      ['{\\"a\\":\\"', '\\"}'],
      ['first\\n', '\\nlast'],
      ['\u001b[32m', '\u001b[0m'],
      ['GET /?q=', '&b=2'],
    ]) {
      assertHidden(`${before}«${token}»${behind}`, ['token', 'github', 'openai']);
    }
  }
});

test('a distinct token is found directly behind a word character', () => {
  for (const token of [
    `gh${'p_'}${drawn(36)}`,
    `hv${'s.'}${drawn(24)}`,
    `AK${'IA'}${drawn(16, 'A8KD0ZQ3XMP7')}`,
  ]) {
    for (const before of ['id', 'user7', 'x_', 'q%3D']) {
      assertHidden(`${before}«${token}» read`, ['github', 'token', 'aws']);
    }
  }
});

test('a text that is no distinct sign is a token only where a word begins', () => {
  assertHidden(`disk-${drawn(40)} this.${drawn(24)} AAAAEAAA${drawn(40)}`, ['openai', 'token']);
  assertHidden(`(«s.${drawn(24)}») «sk-${drawn(40)}»`, ['openai', 'token']);
});
