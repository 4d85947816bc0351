import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isSandboxId, requireSandboxId, wrongWithId } from '../../src/base/sandbox_id.ts';

test('an id is one name that a listing can give', () => {
  for (const id of [
    'sb',
    'with space',
    'per%cent,comma',
    'ünïcode',
    '-',
    '__proto__',
    'a..b',
    'x\n',
    'a'.repeat(150),
    // A byte E9, and the bytes of a U+FFFD.
    'caf\u{fffd}E9',
    '\u{fffd}EF\u{fffd}BF\u{fffd}BD',
  ])
    assert.ok(isSandboxId(id), JSON.stringify(id));
});

test('what a path, a hidden folder or a damaged name would be is no id, and why is said', () => {
  const wrong: Record<string, RegExp> = {
    '': /empty/,
    '.': /dot/,
    '..': /dot/,
    '.afterlog': /dot/,
    'a/b': /slash/,
    '/': /slash/,
    '../x': /slash/,
    'a\0': /NUL/,
    'a\u{fffd}': /U\+FFFD/,
    'a\u{fffd}41': /U\+FFFD/,
    'a\u{fffd}C3\u{fffd}A9': /U\+FFFD/,
    'a\u{fffd}e9': /U\+FFFD/,
    'a\ud800': /Unicode/,
    [`${'a'.repeat(150)}b`]: /^it has 151 bytes, over 150$/,
    // Its bytes in the name of a pin count.
    ['ü'.repeat(26)]: /^percent-encoded it has 156 bytes, over 150$/,
  };
  for (const [id, why] of Object.entries(wrong)) {
    assert.match(wrongWithId(id) ?? '', why, JSON.stringify(id));
    assert.throws(() => requireSandboxId(id), { code: 'ID_INVALID' });
  }
});
