import assert from 'node:assert/strict';
import { test } from 'node:test';
import { idOfName, isIdOfName, nameOfId } from '../../src/base/name_bytes.ts';
import { fc } from '../support/property.ts';

const bytesOf = (id: string): Buffer => Buffer.from(nameOfId(id));

/** Bytes of names, with whole and cut characters, and with what escapes look like. */
const names = fc
  .array(
    fc.oneof(
      fc.uint8Array({ min: 1, maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
      fc
        .constantFrom('\u{fffd}', '\u{fffd}E9', 'E9', '%E9', 'é', '日', '\u{1f600}', 'a')
        .map((text) => Buffer.from(text)),
      fc
        .constantFrom([0xe9], [0xc3], [0xf0, 0x9f], [0xed, 0xa0, 0x80], [0xc0, 0xaf])
        .map((bytes) => Buffer.from(bytes)),
    ),
    { maxLength: 8 },
  )
  .map((parts) => Buffer.concat(parts));

test('each name has an id, and each id one name', () => {
  fc.assert(
    fc.property(names, names, (name, other) => {
      const id = idOfName(name);
      assert.deepEqual(bytesOf(id), name);
      assert.ok(id.isWellFormed() && isIdOfName(id));
      assert.equal(idOfName(other) === id, other.equals(name));
      assert.equal(decodeURIComponent(encodeURIComponent(id)), id);
    }),
    { numRuns: 3_000 },
  );
});

test('a name of valid UTF-8 is its own id', () => {
  for (const text of ['sb', 'per%cent,E9', 'ünïcode', '日本', '%EF%BF%BD', '\\xE9', '']) {
    assert.equal(idOfName(Buffer.from(text)), text);
    assert.equal(nameOfId(text), text);
  }
  assert.equal(idOfName(Buffer.from([0x63, 0x61, 0x66, 0xe9])), 'caf\u{fffd}E9');
  assert.equal(idOfName(Buffer.from('a\u{fffd}')), 'a\u{fffd}EF\u{fffd}BF\u{fffd}BD');
});

test('a text that no name gives is no id', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('\u{fffd}', 'E', '9', 'C', '3', 'A', 'a', 'é') }),
      (text) => {
        assert.equal(isIdOfName(text), idOfName(bytesOf(text)) === text);
      },
    ),
  );
  for (const text of ['\u{fffd}', '\u{fffd}41', '\u{fffd}e9', '\u{fffd}C3\u{fffd}A9'])
    assert.ok(!isIdOfName(text), text);
});
